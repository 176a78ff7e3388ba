//! The status of a pod, as the kubelet and the scheduler of Kubernetes 1.36 write it.
//!
//! [`super::JobPods`] stores it. Each pod has one container, `main`.

use serde_json::{Value, json};

/// Why a pod fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum Failure {
    /// The program ends with this code.
    ExitCode(i32),
    /// The container exceeds its memory limit.
    OomKilled,
    /// The node is short of disk space.
    Evicted,
    /// The node is shut down.
    NodeShutdown,
    /// The pod was deleted, and its container stops.
    Terminated,
}

/// What a pod waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum Wait {
    /// No node has room for it.
    Unschedulable,
    /// Its container is being created.
    ContainerCreating,
    /// Pulling the image failed.
    ErrImagePull,
    /// The kubelet waits before it pulls the image again.
    ImagePullBackOff,
    /// A secret does not exist.
    CreateContainerConfigError,
}

/// What the status of a pod shows of its past.
#[derive(Debug)]
pub(super) struct PodStatus {
    /// The hexadecimal digits of its uid.
    digits: String,
    image: String,
    secret: String,
    /// When a node was found.
    scheduled: Option<String>,
    /// When the container started; `None` while it does not run.
    started: Option<String>,
    restarts: u32,
    /// `lastState` of the container.
    last_state: Value,
}

/// The conditions that change, and the reason of those that are false.
#[derive(Clone, Copy)]
struct Readiness {
    /// Whether the sandbox with the network exists.
    sandbox: bool,
    ready: bool,
    reason: &'static str,
}

// === impl Failure ===

impl Failure {
    /// The exit code and the reason of the container.
    fn container(self) -> (i32, &'static str) {
        match self {
            Self::ExitCode(code) => (code, "Error"),
            Self::OomKilled => (137, "OOMKilled"),
            Self::Evicted => (137, "Error"),
            Self::NodeShutdown | Self::Terminated => (143, "Error"),
        }
    }

    /// The reason and the message of the pod. Both are those of a disruption by the kubelet.
    fn pod(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Evicted => Some((
                "Evicted",
                "The node was low on resource: ephemeral-storage. Threshold quantity: 5Gi, available: 4171Mi. Container \
                 main was using 18Gi, request is 0, has larger consumption of ephemeral-storage. ",
            )),
            Self::NodeShutdown => Some((
                "Terminated",
                "Pod was terminated in response to imminent node shutdown.",
            )),
            _ => None,
        }
    }
}

// === impl PodStatus ===

impl PodStatus {
    /// The status of a new pod with this spec.
    pub(super) fn new(uid: &str, spec: &Value) -> Self {
        let container = &spec["containers"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            digits: uid.replace('-', ""),
            image: text(&container["image"]),
            secret: text(&container["env"][0]["valueFrom"]["secretKeyRef"]["name"]),
            scheduled: None,
            started: None,
            restarts: 0,
            last_state: json!({}),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.started.is_some()
    }

    /// The node of the pod.
    pub(super) fn node(&self) -> String {
        format!("worker-{}", self.number(3))
    }

    /// The pod waits.
    pub(super) fn waiting(&mut self, wait: Wait, now: &str) -> Value {
        let image = &self.image;
        let (reason, message) = match wait {
            Wait::Unschedulable => return unschedulable(now),
            Wait::ContainerCreating => ("ContainerCreating", None),
            Wait::ErrImagePull => ("ErrImagePull", Some(pull_error(image))),
            Wait::ImagePullBackOff => {
                let error = pull_error(image);
                let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {error}");
                ("ImagePullBackOff", Some(message))
            }
            Wait::CreateContainerConfigError => {
                let message = format!("secret \"{}\" not found", self.secret);
                ("CreateContainerConfigError", Some(message))
            }
        };
        let mut state = json!({ "reason": reason });
        if let Some(message) = message {
            state["message"] = json!(message);
        }
        self.scheduled.get_or_insert_with(|| now.to_owned());
        let readiness = Readiness::not_ready(wait != Wait::ContainerCreating);
        self.pod("Pending", readiness, &json!({ "waiting": state }), now)
    }

    /// The container runs.
    pub(super) fn running(&mut self, now: &str) -> Value {
        if self.last_state["terminated"].is_object() {
            self.restarts += 1;
        }
        self.scheduled.get_or_insert_with(|| now.to_owned());
        self.started = Some(now.to_owned());
        let readiness = Readiness {
            sandbox: true,
            ready: true,
            reason: "",
        };
        let state = json!({"running": {"startedAt": now}});
        self.pod("Running", readiness, &state, now)
    }

    /// The container ended with code 1, and starts again: at once, or after a back-off.
    pub(super) fn crashed(&mut self, back_off: bool, now: &str) -> Value {
        self.last_state = self.terminated(1, "Error", now);
        self.started = None;
        if !back_off {
            return self.running(now);
        }
        let message = "back-off 10s restarting failed container=main";
        let state = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
        self.pod("Running", Readiness::not_ready(true), &state, now)
    }

    /// The container ended without an error.
    pub(super) fn succeeded(&mut self, now: &str) -> Value {
        let state = self.terminated(0, "Completed", now);
        let readiness = Readiness::ended("PodCompleted");
        self.pod("Succeeded", readiness, &state, now)
    }

    /// The pod failed.
    pub(super) fn failed(&mut self, failure: Failure, now: &str) -> Value {
        let (code, reason) = failure.container();
        let state = self.terminated(code, reason, now);
        let mut status = self.pod("Failed", Readiness::ended("PodFailed"), &state, now);
        if let Some((reason, message)) = failure.pod() {
            status["reason"] = json!(reason);
            status["message"] = json!(message);
            let disruption = condition(
                "DisruptionTarget",
                Some(("TerminationByKubelet", message)),
                now,
            );
            if let Some(conditions) = status["conditions"].as_array_mut() {
                conditions.insert(0, with_status(disruption, true));
            }
        }
        status
    }

    fn terminated(&self, code: i32, reason: &str, now: &str) -> Value {
        let started = self.started.as_deref().unwrap_or(now);
        json!({"terminated": {
            "exitCode": code, "reason": reason, "startedAt": started, "finishedAt": now,
            "containerID": self.container_id(),
        }})
    }

    /// The status of a pod on a node.
    fn pod(&self, phase: &str, readiness: Readiness, state: &Value, now: &str) -> Value {
        let scheduled = self.scheduled.as_deref().unwrap_or(now);
        let host = format!("10.0.1.{}", 10 + self.number(3));
        let pulled = self.started.is_some() || self.last_state["terminated"].is_object();
        let mut container = json!({
            "name": "main", "image": self.image, "imageID": "", "ready": readiness.ready, "started": readiness.ready,
            "restartCount": self.restarts, "state": state, "lastState": self.last_state,
        });
        let mut status = json!({
            "phase": phase, "observedGeneration": 1, "qosClass": "Burstable", "startTime": scheduled,
            "hostIP": host, "hostIPs": [{"ip": host}],
            "conditions": readiness.conditions(phase, scheduled, now),
        });
        if pulled {
            let repository = self.image.rsplit_once(':').map_or("", |(name, _)| name);
            container["imageID"] = json!(format!("{repository}@sha256:{0}{0}", self.digits));
            container["containerID"] = json!(self.container_id());
            let address = format!("10.244.{}.{}", self.number(3), 2 + self.number(250));
            status["podIP"] = json!(address);
            status["podIPs"] = json!([{ "ip": address }]);
        }
        status["containerStatuses"] = json!([container]);
        status
    }

    fn container_id(&self) -> String {
        format!("containerd://{}{:032x}", self.digits, self.restarts)
    }

    /// A number from 1 to `most` that depends on the uid only.
    fn number(&self, most: u32) -> u32 {
        let digits = self.digits.get(..6).unwrap_or_default();
        1 + u32::from_str_radix(digits, 16).unwrap_or_default() % most
    }
}

// === impl Readiness ===

impl Readiness {
    fn not_ready(sandbox: bool) -> Self {
        Self {
            sandbox,
            ready: false,
            reason: "ContainersNotReady",
        }
    }

    fn ended(reason: &'static str) -> Self {
        Self {
            sandbox: false,
            ready: false,
            reason,
        }
    }

    /// The conditions in the order of the kubelet.
    fn conditions(self, phase: &str, scheduled: &str, now: &str) -> Vec<Value> {
        let initialized = (phase == "Succeeded").then_some((self.reason, ""));
        let message = match self.reason {
            "ContainersNotReady" => "containers with unready status: [main]",
            _ => "",
        };
        let unready = (!self.ready).then_some((self.reason, message));
        let sandbox = condition("PodReadyToStartContainers", None, now);
        vec![
            with_status(sandbox, self.sandbox),
            with_status(condition("Initialized", initialized, scheduled), true),
            with_status(condition("Ready", unready, now), self.ready),
            with_status(condition("ContainersReady", unready, now), self.ready),
            with_status(condition("PodScheduled", None, scheduled), true),
        ]
    }
}

/// The status of a pod for which the scheduler finds no node.
fn unschedulable(now: &str) -> Value {
    let message = "0/3 nodes are available: 3 Insufficient memory. no new claims to deallocate, preemption: 0/3 nodes are \
                   available: 3 No preemption victims found for incoming pod.";
    let scheduled = condition("PodScheduled", Some(("Unschedulable", message)), now);
    json!({"phase": "Pending", "qosClass": "Burstable", "conditions": [with_status(scheduled, false)]})
}

fn pull_error(image: &str) -> String {
    format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve reference \
         \"{image}\": {image}: not found"
    )
}

/// A condition with a reason and a message. An empty message is left out.
fn condition(kind: &str, reason: Option<(&str, &str)>, since: &str) -> Value {
    let mut condition = json!({
        "type": kind, "observedGeneration": 1, "lastProbeTime": null, "lastTransitionTime": since,
    });
    if let Some((reason, message)) = reason {
        condition["reason"] = json!(reason);
        if !message.is_empty() {
            condition["message"] = json!(message);
        }
    }
    condition
}

fn with_status(mut condition: Value, holds: bool) -> Value {
    condition["status"] = json!(if holds { "True" } else { "False" });
    condition
}
