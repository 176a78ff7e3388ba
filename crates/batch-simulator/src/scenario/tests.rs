//! Ten simulated minutes of `super`, checked event by event.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use bytes::Bytes;
use serde_json::Value;

use super::*;
use crate::api::{ApiOptions, Kind};

mod pods;

/// All events that a watch of the scenario got.
struct Recording {
    api: SimulatedApi,
    jobs: Vec<Value>,
    cronjobs: Vec<Value>,
    pods: Vec<Value>,
    most_jobs: usize,
    most_pods: usize,
}

/// Ten minutes, recorded once for all tests.
static TEN_MINUTES: LazyLock<Recording> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(record(10))
});

async fn record(minutes: u64) -> Recording {
    let api = SimulatedApi::new(ApiOptions {
        seed: 1,
        ..ApiOptions::default()
    });
    let mut recording = Recording {
        api: api.clone(),
        jobs: Vec::new(),
        cronjobs: Vec::new(),
        pods: Vec::new(),
        most_jobs: 0,
        most_pods: 0,
    };
    let mut jobs = std::pin::pin!(api.lines(Kind::Job));
    let mut cronjobs = std::pin::pin!(api.lines(Kind::CronJob));
    let mut pods = std::pin::pin!(api.lines(Kind::Pod));
    let mut running = std::pin::pin!(run(api.clone(), ScenarioSettings::default()));
    let mut end = std::pin::pin!(sleep(Duration::from_secs(60 * minutes)));
    let parse = |frame: Bytes| -> Vec<Value> {
        let lines = std::str::from_utf8(&frame).unwrap().lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    loop {
        tokio::select! {
            ended = &mut running => panic!("{ended:?}"),
            () = &mut end => return recording,
            Some(frame) = jobs.next() => {
                recording.jobs.extend(parse(frame));
                recording.most_jobs = recording.most_jobs.max(api.count(Kind::Job));
            }
            Some(frame) = cronjobs.next() => {
                recording.cronjobs.extend(parse(frame));
            }
            Some(frame) = pods.next() => {
                recording.pods.extend(parse(frame));
                recording.most_pods = recording.most_pods.max(api.count(Kind::Pod));
            }
        }
    }
}

/// The types of the true conditions, in their order.
fn conditions(job: &Value) -> Vec<&str> {
    let conditions = job["status"]["conditions"].as_array();
    let holds = |c: &&Value| c["status"] == "True";
    let conditions = conditions.into_iter().flatten().filter(holds);
    conditions.map(|c| c["type"].as_str().unwrap()).collect()
}

fn state(job: &Value) -> &'static str {
    if job["spec"]["suspend"] == true {
        return "suspended";
    }
    match conditions(job).last() {
        Some(&"Complete") => "complete",
        Some(&"Failed") => "failed",
        Some(&"SuccessCriteriaMet") => "succeeding",
        Some(&"FailureTarget") => "failing",
        _ if job["status"]["ready"].as_u64().unwrap_or(0) > 0 => "running",
        _ => "pending",
    }
}

fn key(object: &Value) -> (String, String) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap().to_owned();
    (text("namespace"), text("name"))
}

fn field_names(value: &Value) -> BTreeSet<&str> {
    let map = value.as_object().unwrap();
    map.keys().map(String::as_str).collect()
}

#[test]
fn every_state_and_reason_occurs_and_counts_stay_bounded() {
    let recording = &*TEN_MINUTES;
    let jobs = || recording.jobs.iter().map(|event| &event["object"]);

    let states: BTreeSet<&str> = jobs().map(state).collect();
    let all = "suspended pending running succeeding failing complete failed";
    assert_eq!(states, all.split(' ').collect());

    let reasons: BTreeSet<&str> = jobs()
        .filter(|job| matches!(state(job), "failed" | "complete"))
        .map(|job| &job["status"]["conditions"])
        .map(|conditions| conditions.as_array().unwrap().last().unwrap())
        .map(|condition| condition["reason"].as_str().unwrap())
        .collect();
    let all = "BackoffLimitExceeded CompletionsReached DeadlineExceeded FailedIndexes MaxFailedIndexesExceeded \
               PodFailurePolicy SuccessPolicy";
    assert_eq!(reasons, all.split(' ').collect());

    let stopping = |job: &&Value| job["status"]["terminating"].as_u64().unwrap_or(0) > 0;
    let stopping: BTreeSet<&str> = jobs().filter(stopping).map(state).collect();
    assert_eq!(stopping, BTreeSet::from(["failing", "succeeding"]));
    let indexes = jobs().filter_map(|job| job["status"]["completedIndexes"].as_str());
    assert!(
        indexes
            .clone()
            .any(|text| text.contains('-') && text.contains(','))
    );
    let owners = jobs().filter_map(|job| job["metadata"]["ownerReferences"][0]["kind"].as_str());
    assert_eq!(
        owners.collect::<BTreeSet<_>>(),
        BTreeSet::from(["CronJob", "Workflow"])
    );
    let namespaces: BTreeSet<String> = jobs().map(|job| key(job).0).collect();
    assert_eq!(namespaces.len(), 4);
    assert_eq!(recording.api.count(Kind::Namespace), 4);

    assert!(recording.most_jobs < 80, "{}", recording.most_jobs);
    assert!(recording.most_pods < 250, "{}", recording.most_pods);
    assert_eq!(recording.api.count(Kind::CronJob), 15);
    assert!(recording.jobs.len() > 2_000, "{}", recording.jobs.len());
}

#[test]
fn runs_take_only_the_steps_of_a_real_controller() {
    let recording = &*TEN_MINUTES;
    let mut last: BTreeMap<String, &Value> = BTreeMap::new();
    let mut resumed = 0;
    for event in &recording.jobs {
        let job = &event["object"];
        let uid = job["metadata"]["uid"].as_str().unwrap().to_owned();
        let status = &job["status"];
        let Some(before) = last.insert(uid, job) else {
            assert_eq!(event["type"], "ADDED");
            assert_eq!(*status, serde_json::json!({}));
            continue;
        };
        let (from, to) = (state(before), state(job));
        let allowed: &[&str] = match from {
            "suspended" => &["suspended", "pending"],
            "pending" | "running" => &["suspended", "pending", "running", "succeeding", "failing"],
            "succeeding" => &["succeeding", "complete"],
            "failing" => &["failing", "failed"],
            // A finished Job can only be deleted.
            _ => {
                assert_eq!(event["type"], "DELETED");
                continue;
            }
        };
        assert!(allowed.contains(&to), "{from} to {to}: {job}");
        resumed += usize::from(from == "suspended" && to == "pending");
        assert_eq!(status.get("completionTime").is_some(), to == "complete");
        for count in ["active", "succeeded", "failed"] {
            assert_ne!(status[count], 0, "left out when 0");
        }
        let finished = matches!(to, "complete" | "failed");
        if finished {
            assert_eq!(status["terminating"], 0);
            assert_eq!(status["uncountedTerminatedPods"], serde_json::json!({}));
        }
    }
    assert!(resumed > 3);
}

#[test]
fn cronjobs_follow_their_runs() {
    let recording = &*TEN_MINUTES;
    let mut starts: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    let mut successes = starts.clone();
    let mut active: BTreeMap<(String, String), usize> = BTreeMap::new();
    for event in &recording.cronjobs {
        let object = &event["object"];
        let status = &object["status"];
        if let Some(time) = status["lastScheduleTime"].as_str() {
            starts.entry(key(object)).or_default().insert(time);
        }
        if let Some(time) = status["lastSuccessfulTime"].as_str() {
            successes.entry(key(object)).or_default().insert(time);
        }
        let now = status["active"].as_array().map_or(0, Vec::len);
        let most = active.entry(key(object)).or_default();
        *most = now.max(*most);
        if object["spec"]["concurrencyPolicy"] != "Allow" {
            assert!(now <= 1);
        }
    }
    let of = |namespace: &str, name: &str| (namespace.to_owned(), name.to_owned());
    let suspended = of("billing", "dunning-mails");
    assert!(!starts.contains_key(&suspended));
    assert_eq!(active[&suspended], 0);
    let invoices = starts[&of("billing", "invoice-run")].len();
    assert!((39..=41).contains(&invoices), "{invoices} in 600 s / 15 s");
    // Forbid skips due times while a run hangs. Three runs in turn take 2 x 12 s and about 90 s.
    let reconcile = starts[&of("billing", "payment-reconcile")].len();
    assert!((12..20).contains(&reconcile), "{reconcile} in 600 s");
    // It runs once a day. The ten minutes may include that time.
    let close_of_day = of("reports", "close-of-day");
    starts.remove(&close_of_day);
    successes.remove(&close_of_day);
    assert_eq!(starts.len(), 12);
    assert!(!successes.contains_key(&of("etl", "import-legacy-orders")));
    assert_eq!(successes.len(), 11);

    let first = recording
        .jobs
        .iter()
        .find(|event| event["object"]["metadata"]["ownerReferences"][0]["name"] == "invoice-run");
    let job = &first.unwrap()["object"];
    let due = &job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"];
    let due: jiff::Timestamp = due.as_str().unwrap().parse().unwrap();
    let name = format!("invoice-run-{}", due.as_second());
    assert_eq!(job["metadata"]["name"], name);
    assert_eq!(job["metadata"]["ownerReferences"][0]["controller"], true);
}

#[test]
fn outcomes_that_come_in_turn_repeat_in_their_order() {
    let mut results: BTreeMap<&str, &str> = BTreeMap::new();
    for event in &TEN_MINUTES.jobs {
        let job = &event["object"];
        let owner = &job["metadata"]["ownerReferences"][0]["name"];
        if owner == "fetch-exchange-rates" && matches!(state(job), "complete" | "failed") {
            // The names end with the due time, so they are in order.
            results.insert(job["metadata"]["name"].as_str().unwrap(), state(job));
        }
    }
    let results: Vec<bool> = results.values().map(|state| *state == "failed").collect();
    assert!(results.len() >= 28, "{} in 600 s / 20 s", results.len());
    for (number, failed) in results.into_iter().enumerate() {
        assert_eq!(failed, number % 10 < 3, "run {number}");
    }
}

#[test]
fn polled_jobs_are_created_again_with_the_same_name() {
    let recording = &*TEN_MINUTES;
    for (i, polled) in POLLED_JOBS.iter().enumerate() {
        let mine = recording
            .jobs
            .iter()
            .map(|event| &event["object"])
            .filter(|job| key(job) == (polled.namespace.to_owned(), polled.name.to_owned()));
        let uids: BTreeSet<&str> = mine
            .map(|job| job["metadata"]["uid"].as_str().unwrap())
            .collect();
        if i + 1 == POLLED_JOBS.len() {
            assert!(uids.is_empty(), "{polled:?}");
        } else {
            assert!((4..20).contains(&uids.len()), "{polled:?}: {}", uids.len());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_events() {
    let events = async || {
        let recording = record(2).await;
        let line = |event: &Value| {
            let object = &event["object"];
            let (namespace, name) = key(object);
            // The names of CronJob runs end with the time.
            let name = name
                .trim_end_matches(|c: char| c.is_ascii_digit())
                .to_owned();
            (namespace, name, state(object))
        };
        let standalone = |event: &&Value| event["object"]["metadata"]["ownerReferences"].is_null();
        recording
            .jobs
            .iter()
            .filter(standalone)
            .map(line)
            .collect::<Vec<_>>()
    };
    assert_eq!(events().await, events().await);
}

/// The Jobs have no field that the recordings of a real server do not have.
#[test]
fn jobs_have_the_fields_of_recorded_ones() {
    let recorded = include_str!("../../../../tests/fixtures/kubernetes-1.36/jobs.json");
    let recorded: Value = serde_json::from_str(recorded).unwrap();
    let items = recorded["items"].as_array().unwrap();
    let fields = |part: &'static str| -> BTreeSet<&str> {
        items
            .iter()
            .flat_map(|job| field_names(&job[part]))
            .collect()
    };
    let (metadata, spec, status) = (fields("metadata"), fields("spec"), fields("status"));
    let recording = &*TEN_MINUTES;
    for event in &recording.jobs {
        let job = &event["object"];
        assert!(field_names(&job["metadata"]).is_subset(&metadata), "{job}");
        let known: BTreeSet<&str> = spec
            .iter()
            .copied()
            .chain(["ttlSecondsAfterFinished"])
            .collect();
        assert!(field_names(&job["spec"]).is_subset(&known), "{job}");
        assert!(field_names(&job["status"]).is_subset(&status), "{job}");
    }
}
