//! What is kept of a pod of a Job: its state, and why it failed or waits.
//!
//! `docs/pods.md` says how the API's conditions and container states become a cause.

use serde::{Deserialize, Serialize};

use super::{Job, JobName, Name, Seconds, SmallOption, Uid};

label_enum! {
    /// Why a pod failed.
    #[derive(PartialOrd, Ord, Hash, Serialize, Deserialize)]
    FailureCause {
        /// A container exceeded its memory limit, or the node ran out of memory.
        OomKilled = "OOMKilled",
        /// A container ended with an exit code other than 0, or by a signal.
        Error = "Error",
        /// The runtime could not run the container's command.
        ContainerCannotRun = "ContainerCannotRun",
        /// The runtime could not start the container.
        StartError = "StartError",
        /// `activeDeadlineSeconds` of the pod or of its Job has passed.
        DeadlineExceeded = "DeadlineExceeded",
        /// The kubelet evicted it because the node was short of memory, disk space or process ids.
        Evicted = "Evicted",
        /// The scheduler made room for a pod with a higher priority.
        Preempted = "Preempted",
        /// The node was deleted, did not report for too long, or got a taint that the pod does not tolerate.
        NodeLost = "NodeLost",
        /// The node was shut down.
        NodeShutdown = "NodeShutdown",
        /// It was ended by another disruption, such as the eviction API.
        DisruptionTarget = "DisruptionTarget",
        /// An image could not be pulled.
        ImagePull = "ImagePull",
        /// The configuration of a container is invalid, or names a secret or config map that does not exist.
        CreateContainerConfig = "CreateContainerConfig",
        /// No node had room for it, or was allowed for it. Also if a kubelet rejected it.
        Unschedulable = "Unschedulable",
        /// A rule of the Job's `podFailurePolicy` ended the run. Only runs have this cause.
        PodFailurePolicy = "PodFailurePolicy",
        /// It was deleted while it ran, and nothing says why: by the Job controller, or by somebody.
        Deleted = "Deleted",
        /// The pod does not say.
        Unknown = "Unknown",
    }
}

label_enum! {
    /// Causes in groups, for counters per workload.
    #[derive(PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    CauseGroup {
        /// Out of memory.
        Memory = "memory",
        /// The program ended with an error.
        ExitCode = "exit_code",
        /// An image could not be pulled.
        Image = "image",
        /// The container could not be created or started as configured.
        Config = "config",
        /// No node for the pod.
        Scheduling = "scheduling",
        /// Somebody else needed the room.
        Eviction = "eviction",
        /// The node was lost or shut down.
        Node = "node",
        /// Anything else.
        Other = "other",
    }
}

label_enum! {
    /// Why a pod that has not finished does not work.
    #[derive(PartialOrd, Ord)]
    WaitReason {
        /// The scheduler has not looked at it yet.
        Scheduling = "Scheduling",
        /// No node has room for it, or is allowed for it.
        Unschedulable = "Unschedulable",
        /// `schedulingGates` hold it back.
        SchedulingGated = "SchedulingGated",
        /// An image cannot be pulled.
        ImagePullBackOff = "ImagePullBackOff",
        /// The configuration of a container is invalid, or names a secret or config map that does not exist.
        CreateContainerConfigError = "CreateContainerConfigError",
        /// Its containers are being created: images are pulled, volumes are mounted.
        ContainerCreating = "ContainerCreating",
        /// Its init containers are running.
        Init = "Init",
        /// A container crashed, and the kubelet waits before it restarts it.
        CrashLoopBackOff = "CrashLoopBackOff",
        /// Its containers run, and it is not ready.
        NotReady = "NotReady",
    }
}

/// The state of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodState {
    /// It does not work yet, or not at present.
    Waiting(WaitReason),
    /// Its containers work.
    Running,
    /// All containers ended without an error.
    Succeeded,
    /// It will not run again.
    Failed(FailureCause),
}

/// A pod of a Job, as the API reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.namespace`.
    pub namespace: Name,
    /// `metadata.name`.
    pub name: JobName,
    /// `metadata.uid`.
    pub uid: Uid,
    /// The name of the Job that controls it.
    pub job_name: JobName,
    /// The uid of that Job.
    pub job_uid: Uid,
    /// Its state.
    pub state: PodState,
    /// When it failed, or since when it waits; absent in other states, and if the API does not say.
    pub since: SmallOption<Seconds>,
    /// The exit code behind the cause of a failed pod, and behind the last restart of another one. Absent if no container
    /// decided the cause. 128 and the number of the signal if there is only a signal.
    pub exit_code: Option<i32>,
    /// How often its containers were restarted, init containers included.
    pub restarts: u32,
    /// Why a container of it ended before its last restart.
    pub retried: Option<FailureCause>,
}

impl Pod {
    /// A pod of `job` in this state, with nothing else known.
    #[must_use]
    pub fn new(job: &Job, name: JobName, uid: Uid, state: PodState) -> Self {
        Self {
            namespace: job.namespace().clone(),
            name,
            uid,
            job_name: job.name.clone(),
            job_uid: job.uid.clone(),
            state,
            since: SmallOption::NONE,
            exit_code: None,
            restarts: 0,
            retried: None,
        }
    }
}

impl FailureCause {
    /// The group that counters have for it.
    #[must_use]
    pub fn group(self) -> CauseGroup {
        match self {
            Self::OomKilled => CauseGroup::Memory,
            Self::Error => CauseGroup::ExitCode,
            Self::ImagePull => CauseGroup::Image,
            Self::CreateContainerConfig | Self::ContainerCannotRun | Self::StartError => {
                CauseGroup::Config
            }
            Self::Unschedulable => CauseGroup::Scheduling,
            Self::Evicted | Self::Preempted | Self::DisruptionTarget => CauseGroup::Eviction,
            Self::NodeLost | Self::NodeShutdown => CauseGroup::Node,
            Self::DeadlineExceeded | Self::PodFailurePolicy | Self::Deleted | Self::Unknown => {
                CauseGroup::Other
            }
        }
    }
}
