//! The pods of the scenario, compared with the Jobs that own them.

use super::*;

/// The objects as they were after an event.
#[derive(Default)]
struct State<'a> {
    /// By uid.
    jobs: BTreeMap<&'a str, &'a Value>,
    /// By name.
    pods: BTreeMap<(String, String), &'a Value>,
}

impl<'a> State<'a> {
    fn apply(&mut self, event: &'a Value) {
        let object = &event["object"];
        let deleted = event["type"] == "DELETED";
        match (object["kind"] == "Pod", deleted) {
            (true, true) => assert!(self.pods.remove(&key(object)).is_some()),
            (true, false) => _ = self.pods.insert(key(object), object),
            (false, true) => assert!(self.jobs.remove(uid(object)).is_some()),
            (false, false) => _ = self.jobs.insert(uid(object), object),
        }
    }

    fn pods_of(&self, job: &Value) -> impl Iterator<Item = &'a Value> {
        self.pods
            .values()
            .copied()
            .filter(move |pod| owner(pod) == uid(job))
    }
}

/// Calls `check` after each event of a Job or pod, in the order of the versions.
fn replay(mut check: impl FnMut(&State<'_>, &Value)) {
    let recording = &*TEN_MINUTES;
    let mut events: Vec<&Value> = recording.jobs.iter().chain(&recording.pods).collect();
    events.sort_by_key(|event| {
        let version = event["object"]["metadata"]["resourceVersion"].as_str();
        version.unwrap().parse::<u64>().unwrap()
    });
    let mut state = State::default();
    for event in events {
        state.apply(event);
        check(&state, event);
    }
}

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap()
}

fn owner(pod: &Value) -> &str {
    pod["metadata"]["ownerReferences"][0]["uid"]
        .as_str()
        .unwrap()
}

fn is_terminating(pod: &Value) -> bool {
    pod["metadata"].get("deletionTimestamp").is_some()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let mut ready = conditions.filter(|c| c["type"] == "Ready");
    ready.any(|condition| condition["status"] == "True")
}

fn number(job: &Value, field: &str) -> usize {
    let count = job["status"][field].as_u64().unwrap_or(0);
    usize::try_from(count).unwrap()
}

/// The reason of the last condition of a failed Job.
fn failure(job: &Value) -> Option<&str> {
    let conditions = job["status"]["conditions"].as_array();
    (state(job) == "failed").then(|| {
        conditions.unwrap().last().unwrap()["reason"]
            .as_str()
            .unwrap()
    })
}

#[test]
fn the_counts_of_a_job_are_those_of_its_pods() {
    let mut finished = 0;
    replay(|state, event| {
        let job = &event["object"];
        if job["kind"] != "Job" || event["type"] == "DELETED" {
            return;
        }
        let count =
            |select: &dyn Fn(&Value) -> bool| state.pods_of(job).filter(|pod| select(pod)).count();
        let phase =
            |pod: &Value, phase: &str| !is_terminating(pod) && pod["status"]["phase"] == phase;
        let counts = [
            (
                "active",
                count(&|pod| phase(pod, "Pending") || phase(pod, "Running")),
            ),
            ("ready", count(&|pod| is_ready(pod) && !is_terminating(pod))),
            ("terminating", count(&is_terminating)),
        ];
        for (field, pods) in counts {
            assert_eq!(number(job, field), pods, "{field} of {job}");
        }
        let uncounted = |field: &str| {
            let uids = job["status"]["uncountedTerminatedPods"][field].as_array();
            uids.map_or(0, Vec::len)
        };
        for (phase_name, field) in [("Succeeded", "succeeded"), ("Failed", "failed")] {
            // The Job controller has deleted the pods of a Job that exceeded its deadline.
            let deleted = job["status"]["conditions"].to_string();
            let deleted = field == "failed" && deleted.contains("DeadlineExceeded");
            let pods = count(&|pod| phase(pod, phase_name));
            let counted = number(job, field) + uncounted(field);
            let expected = if deleted { 0 } else { counted };
            assert_eq!(pods, expected, "{phase_name} of {job}");
        }
        finished += usize::from(matches!(super::state(job), "complete" | "failed"));
    });
    assert!(finished > 200, "{finished}");
}

#[test]
fn pods_exist_only_with_their_job() {
    replay(|state, event| {
        let object = &event["object"];
        if object["kind"] == "Pod" && event["type"] != "DELETED" {
            assert!(state.jobs.contains_key(owner(object)), "{object}");
        }
    });
    let api = &TEN_MINUTES.api;
    assert!(api.count(Kind::Pod) > 20);
}

#[test]
fn a_failed_job_has_pods_that_explain_it() {
    let mut explained: BTreeMap<(String, String), String> = BTreeMap::new();
    replay(|state, event| {
        let job = &event["object"];
        let Some(reason) = failure(job).filter(|_| event["type"] == "MODIFIED") else {
            return;
        };
        let workload = job["metadata"]["labels"]["app.kubernetes.io/name"]
            .as_str()
            .unwrap();
        let failed = state
            .pods_of(job)
            .filter(|pod| pod["status"]["phase"] == "Failed");
        let causes: BTreeSet<String> = failed.map(cause).collect();
        let causes: Vec<String> = causes.into_iter().collect();
        explained.insert((workload.to_owned(), reason.to_owned()), causes.join(", "));
    });
    let explained: Vec<(&str, &str, &str)> = explained
        .iter()
        .map(|((workload, reason), cause)| (workload.as_str(), reason.as_str(), cause.as_str()))
        .collect();
    assert_eq!(
        explained,
        [
            ("board-report", "BackoffLimitExceeded", "Error 1"),
            ("compact-partitions", "FailedIndexes", "Evicted, Error 137"),
            ("fetch-exchange-rates", "BackoffLimitExceeded", "Error 3"),
            (
                "import-customers",
                "BackoffLimitExceeded",
                "Error 1, Evicted, Error 137"
            ),
            ("import-legacy-orders", "BackoffLimitExceeded", "Error 1"),
            ("load-orders", "BackoffLimitExceeded", "OOMKilled 137"),
            // Their pods are deleted at the deadline.
            ("render-statements", "DeadlineExceeded", ""),
            (
                "score-customers",
                "MaxFailedIndexesExceeded",
                "Terminated, Error 143"
            ),
            ("sync-inventory", "DeadlineExceeded", ""),
            ("validate-feed", "PodFailurePolicy", "Error 42"),
        ]
    );
}

/// Why a pod failed: the reason of the pod, and the reason and the exit code of its container.
fn cause(pod: &Value) -> String {
    let status = &pod["status"];
    let container = &status["containerStatuses"][0]["state"]["terminated"];
    let container = format!(
        "{} {}",
        container["reason"].as_str().unwrap(),
        container["exitCode"]
    );
    match status["reason"].as_str() {
        Some(reason) => format!("{reason}, {container}"),
        None => container,
    }
}

#[test]
fn pods_wait_for_every_reason() {
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut restarts = BTreeSet::new();
    for event in &TEN_MINUTES.pods {
        let pod = &event["object"];
        let workload = pod["spec"]["containers"][0]["args"][1].as_str().unwrap();
        let status = &pod["status"];
        let container = &status["containerStatuses"][0];
        let unscheduled = status["conditions"][0]["reason"]
            .as_str()
            .filter(|_| container.is_null());
        let waiting = container["state"]["waiting"]["reason"].as_str();
        if let Some(reason) = waiting
            .or(unscheduled)
            .filter(|reason| *reason != "ContainerCreating")
        {
            seen.entry(workload).or_default().insert(reason);
        }
        restarts.insert((
            workload == "send-receipts",
            container["restartCount"].as_u64(),
        ));
    }
    let expected = [
        (
            "evaluate-model",
            &["CreateContainerConfigError", "Unschedulable"][..],
        ),
        ("render-statements", &["ErrImagePull", "ImagePullBackOff"]),
        ("send-receipts", &["CrashLoopBackOff"]),
    ];
    let expected =
        expected.map(|(workload, reasons)| (workload, reasons.iter().copied().collect()));
    assert_eq!(seen, BTreeMap::from(expected));
    let expected = [
        (false, None),
        (false, Some(0)),
        (true, None),
        (true, Some(0)),
        (true, Some(1)),
        (true, Some(2)),
    ];
    assert_eq!(restarts, BTreeSet::from(expected));
}

#[test]
fn pods_have_the_names_and_labels_that_their_job_gives_them() {
    for event in &TEN_MINUTES.pods {
        let metadata = &event["object"]["metadata"];
        let owner = &metadata["ownerReferences"][0];
        assert_eq!(
            (&owner["kind"], &owner["controller"]),
            (&"Job".into(), &true.into())
        );
        let job = owner["name"].as_str().unwrap();
        for (label, value) in [
            ("batch.kubernetes.io/job-name", job),
            ("job-name", job),
            (
                "batch.kubernetes.io/controller-uid",
                owner["uid"].as_str().unwrap(),
            ),
            ("controller-uid", owner["uid"].as_str().unwrap()),
        ] {
            assert_eq!(metadata["labels"][label], value, "{label}");
        }
        let index = &metadata["annotations"]["batch.kubernetes.io/job-completion-index"];
        let prefix = match index.as_str() {
            Some(index) => format!("{job}-{index}-"),
            None => format!("{job}-"),
        };
        let name = metadata["name"].as_str().unwrap();
        assert_eq!(name.strip_prefix(&prefix).map(str::len), Some(5), "{name}");
    }
}
