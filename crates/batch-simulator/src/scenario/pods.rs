//! The pods of one Job: what the Job controller, the scheduler and the kubelet do with them.
//!
//! [`super::job_run`] decides when a pod changes, and writes the Job after it. [`status`] has the JSON of each state. A pod of a Job that
//! ends stays until its Job is deleted. A pod that the Job controller deletes while it runs goes when its containers have stopped.
//!
//! Names, nodes and addresses come from the uid, so that pods take no random number from their Job.

use serde_json::{Value, json};

use super::manifest::JobOptions;
use kube_cron::Seconds;

use crate::{
    api::{InvalidObject, Kind, SimulatedApi},
    clock::timestamp_text,
};

mod status;

pub(super) use status::{Failure, Wait};

use status::PodStatus;

/// The label that selects the pods of a Job.
const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";

/// `terminationGracePeriodSeconds` of the pods.
const GRACE_PERIOD: Seconds = 30;

const COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The characters at the end of generated names.
const NAME_CHARACTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The pods of one Job.
#[derive(Debug)]
pub(super) struct JobPods {
    api: SimulatedApi,
    /// Their metadata and spec, without what differs between them.
    template: Value,
    indexed: bool,
    /// Why pods fail, one after the other. The last one repeats.
    failures: &'static [Failure],
    failed: usize,
    /// The pods that have not ended.
    active: Vec<Pod>,
}

#[derive(Debug)]
struct Pod {
    /// The completion index, or the number of the pod among those that run at the same time.
    slot: u32,
    object: Value,
    status: PodStatus,
}

/// Deletes the pods of a Job, as the garbage collector does when the Job is gone.
pub(super) fn collect_garbage(api: &SimulatedApi, namespace: &str, job_uid: &str) {
    for name in api.names_with_label(Kind::Pod, namespace, (CONTROLLER_UID, job_uid)) {
        api.delete(Kind::Pod, namespace, &name);
    }
}

// === impl JobPods ===

impl JobPods {
    /// No pods yet of the Job `job`.
    pub(super) fn new(
        api: SimulatedApi,
        job: &Value,
        options: &JobOptions,
        failures: &'static [Failure],
    ) -> Self {
        let (metadata, template) = (&job["metadata"], &job["spec"]["template"]);
        let owner = json!({
            "apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"],
            "controller": true, "blockOwnerDeletion": true,
        });
        let generated = format!("{}-", metadata["name"].as_str().unwrap_or_default());
        let template = json!({
            "metadata": {
                "generateName": generated,
                "namespace": metadata["namespace"],
                "labels": template["metadata"]["labels"],
                "ownerReferences": [owner],
            },
            "spec": template["spec"],
        });
        Self {
            api,
            template,
            indexed: options.indexed,
            failures,
            failed: 0,
            active: Vec::new(),
        }
    }

    /// Creates pods that wait. Pods that run already are not affected.
    pub(super) fn create(
        &mut self,
        slots: impl IntoIterator<Item = u32>,
        wait: Wait,
    ) -> Result<(), InvalidObject> {
        for slot in slots {
            let pod = self.create_unscheduled(slot)?;
            self.active.push(pod);
        }
        self.wait(wait)
    }

    /// Changes what the pods wait for that do not run.
    pub(super) fn wait(&mut self, wait: Wait) -> Result<(), InvalidObject> {
        let now = self.now();
        self.update(|pod| {
            if pod.status.is_running() {
                return None;
            }
            if wait != Wait::Unschedulable {
                pod.object["spec"]["nodeName"] = json!(pod.status.node());
            }
            Some(pod.status.waiting(wait, &now))
        })
    }

    /// Runs the containers of all pods.
    pub(super) fn run(&mut self) -> Result<(), InvalidObject> {
        let now = self.now();
        self.update(|pod| (!pod.status.is_running()).then(|| pod.status.running(&now)))
    }

    /// Ends the container of each pod with an error. The kubelet starts it again at once, or waits with `back_off`.
    pub(super) fn crash(&mut self, back_off: bool) -> Result<(), InvalidObject> {
        let now = self.now();
        self.update(|pod| Some(pod.status.crashed(back_off, &now)))
    }

    /// Ends a pod. Returns its uid.
    pub(super) fn end(&mut self, slot: u32, succeeds: bool) -> Result<String, InvalidObject> {
        let Some(at) = self.active.iter().position(|pod| pod.slot == slot) else {
            return Ok(self.api.new_uid());
        };
        let now = self.now();
        let mut pod = self.active.swap_remove(at);
        pod.object["status"] = if succeeds {
            pod.status.succeeded(&now)
        } else {
            let last = self.failures.last();
            let failure = self.failures.get(self.failed).or(last);
            self.failed += 1;
            let failure = failure.copied().unwrap_or(Failure::ExitCode(1));
            pod.status.failed(failure, &now)
        };
        let stored = self.api.apply(Kind::Pod, pod.object)?;
        let uid = stored["metadata"]["uid"].as_str();
        Ok(uid.unwrap_or_default().to_owned())
    }

    /// The name of an active pod.
    pub(super) fn name(&self, slot: u32) -> &str {
        let pod = self.active.iter().find(|pod| pod.slot == slot);
        let name = pod.and_then(|pod| pod.object["metadata"]["name"].as_str());
        name.unwrap_or_default()
    }

    /// Deletes all active pods. They exist until [`Self::remove_terminated`].
    pub(super) fn terminate(&mut self) -> Result<(), InvalidObject> {
        let killed = timestamp_text(self.api.clock().seconds() + GRACE_PERIOD);
        self.update(|pod| {
            let metadata = &mut pod.object["metadata"];
            metadata["deletionTimestamp"] = json!(killed);
            metadata["deletionGracePeriodSeconds"] = json!(GRACE_PERIOD);
            None
        })
    }

    /// Stops the containers of all active pods, and removes the pods.
    pub(super) fn remove_terminated(&mut self) -> Result<(), InvalidObject> {
        let now = self.now();
        self.update(|pod| {
            let running = pod.status.is_running();
            running.then(|| pod.status.failed(Failure::Terminated, &now))
        })?;
        for pod in self.active.drain(..) {
            let metadata = &pod.object["metadata"];
            let text = |field: &str| metadata[field].as_str().unwrap_or_default();
            self.api.delete(Kind::Pod, text("namespace"), text("name"));
        }
        Ok(())
    }

    /// Creates a pod that the scheduler has not seen yet.
    fn create_unscheduled(&self, slot: u32) -> Result<Pod, InvalidObject> {
        let uid = self.api.new_uid();
        let mut object = self.template.clone();
        let metadata = &mut object["metadata"];
        let mut prefix = metadata["generateName"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if self.indexed {
            let index = slot.to_string();
            prefix = format!("{prefix}{index}-");
            metadata["generateName"] = json!(prefix);
            metadata["labels"][COMPLETION_INDEX] = json!(index);
            metadata["annotations"] = json!({COMPLETION_INDEX: index});
        }
        metadata["name"] = json!(format!("{prefix}{}", name_suffix(&uid)));
        metadata["uid"] = json!(uid);
        let status = PodStatus::new(&uid, &object["spec"]);
        object["status"] = json!({"phase": "Pending", "qosClass": "Burstable"});
        Ok(Pod {
            slot,
            object: self.api.apply(Kind::Pod, object)?,
            status,
        })
    }

    /// Stores all active pods after `change`, with the status that it returns, if any. A pod that stays as it is causes no event.
    fn update(
        &mut self,
        mut change: impl FnMut(&mut Pod) -> Option<Value>,
    ) -> Result<(), InvalidObject> {
        for pod in &mut self.active {
            if let Some(status) = change(pod) {
                pod.object["status"] = status;
            }
            pod.object = self.api.apply(Kind::Pod, pod.object.clone())?;
        }
        Ok(())
    }

    fn now(&self) -> String {
        self.api.clock().text()
    }
}

/// Five characters for the name of a pod.
fn name_suffix(uid: &str) -> String {
    let digits = uid.replace('-', "");
    let mut bits = u128::from_str_radix(&digits, 16).unwrap_or_default();
    let characters = NAME_CHARACTERS.len() as u128;
    let next = || {
        let at = usize::try_from(bits % characters).unwrap_or_default();
        bits /= characters;
        char::from(NAME_CHARACTERS[at])
    };
    std::iter::repeat_with(next).take(5).collect()
}
