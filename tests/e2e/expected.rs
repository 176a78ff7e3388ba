//! The expected series of an object, computed from the object in the API.
//!
//! This module has only values that are copied from a field. Each test gives the derived ones itself: the state of a Job, the
//! failure reason, counts of indexes.

use serde_json::Value;

use crate::metrics::Samples;

/// The samples that copy a field of a Job.
pub(crate) fn job(job: &Value) -> Samples {
    let (spec, status) = (&job["spec"], &job["status"]);
    let mut samples = Samples::new();
    let mut add = |family: &str, value: Option<f64>| {
        samples.extend(value.map(|value| (format!("batch_job_{family}"), value)));
    };
    let info = [
        ("completion_mode", &spec["completionMode"]),
        ("managed_by", &spec["managedBy"]),
        ("uid", &job["metadata"]["uid"]),
    ];
    add(&format!("info{}", labels(&info)), Some(1.0));
    for count in ["active", "succeeded", "failed"] {
        add(
            &format!("{count}_pods"),
            Some(status[count].as_f64().unwrap_or(0.0)),
        );
    }
    add("ready_pods", status["ready"].as_f64());
    add("terminating_pods", status["terminating"].as_f64());
    add(
        "created_timestamp_seconds",
        seconds(&job["metadata"]["creationTimestamp"]),
    );
    add("start_timestamp_seconds", seconds(&status["startTime"]));
    add("end_timestamp_seconds", end(job));
    add("suspended_timestamp_seconds", true_since(job, "Suspended"));
    add("parallelism", spec["parallelism"].as_f64());
    add("completions", spec["completions"].as_f64());
    add("backoff_limit", spec["backoffLimit"].as_f64());
    add(
        "active_deadline_seconds",
        spec["activeDeadlineSeconds"].as_f64(),
    );
    samples
}

/// The families of a CronJob that depend on its schedule and the time.
const COMPUTED: [&str; 8] = [
    "schedule_valid",
    "next_schedule_timestamp_seconds",
    "overdue_runs",
    "overdue_since_timestamp_seconds",
    "blocked_since_timestamp_seconds",
    "not_started",
    "missed_runs_total",
    "suspended_since_timestamp_seconds",
];

/// Keeps only the samples that copy a field of a CronJob.
pub(crate) fn fields_of_cronjob(mut samples: Samples) -> Samples {
    samples.retain(|series, _| {
        let family = series.split('{').next().unwrap_or_default();
        let family = family.strip_prefix("batch_cronjob_");
        !family.is_some_and(|family| COMPUTED.contains(&family))
    });
    samples
}

/// The samples that copy a field of a CronJob.
pub(crate) fn cronjob(cronjob: &Value) -> Samples {
    let (spec, status) = (&cronjob["spec"], &cronjob["status"]);
    let mut samples = Samples::new();
    let mut add = |family: &str, value: Option<f64>| {
        samples.extend(value.map(|value| (format!("batch_cronjob_{family}"), value)));
    };
    let info = [
        ("concurrency_policy", &spec["concurrencyPolicy"]),
        ("schedule", &spec["schedule"]),
        ("time_zone", &spec["timeZone"]),
    ];
    add(&format!("info{}", labels(&info)), Some(1.0));
    add(
        "created_timestamp_seconds",
        seconds(&cronjob["metadata"]["creationTimestamp"]),
    );
    add(
        "last_schedule_timestamp_seconds",
        seconds(&status["lastScheduleTime"]),
    );
    add(
        "last_success_timestamp_seconds",
        seconds(&status["lastSuccessfulTime"]),
    );
    let suspended = spec["suspend"] == true;
    add("suspended", Some(f64::from(u8::from(suspended))));
    let active = status["active"].as_array().map_or(0, Vec::len);
    add("active_jobs", u32::try_from(active).ok().map(f64::from));
    add(
        "starting_deadline_seconds",
        spec["startingDeadlineSeconds"].as_f64(),
    );
    add(
        "successful_jobs_history_limit",
        spec["successfulJobsHistoryLimit"].as_f64(),
    );
    add(
        "failed_jobs_history_limit",
        spec["failedJobsHistoryLimit"].as_f64(),
    );
    samples
}

/// The time when a Job completed or failed.
pub(crate) fn end(job: &Value) -> Option<f64> {
    seconds(&job["status"]["completionTime"]).or_else(|| true_since(job, "Failed"))
}

/// The time since which a condition of a Job is true.
fn true_since(job: &Value, kind: &str) -> Option<f64> {
    condition(job, kind).and_then(|condition| seconds(&condition["lastTransitionTime"]))
}

/// A condition of a Job whose status is `True`.
pub(crate) fn condition<'a>(job: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = job["status"]["conditions"].as_array()?;
    let mut conditions = conditions.iter();
    conditions.find(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// Compares samples. The error lists the differences.
pub(crate) fn compare(expected: &Samples, shown: &Samples) -> Result<(), String> {
    let missing = expected
        .iter()
        .filter(|(series, value)| shown.get(*series) != Some(value));
    let missing: Vec<_> = missing
        .map(|(series, value)| format!("- {series} {value}"))
        .collect();
    let extra = shown
        .iter()
        .filter(|(series, value)| expected.get(*series) != Some(value));
    let extra: Vec<_> = extra
        .map(|(series, value)| format!("+ {series} {value}"))
        .collect();
    if missing.is_empty() && extra.is_empty() {
        return Ok(());
    }
    Err([missing, extra].concat().join("; "))
}

/// Formats the labels that have a value.
fn labels(labels: &[(&str, &Value)]) -> String {
    let present = |(name, value): &(&str, &Value)| Some(format!("{name}={:?}", value.as_str()?));
    let labels: Vec<_> = labels.iter().filter_map(present).collect();
    format!("{{{}}}", labels.join(","))
}

/// An API timestamp as Unix seconds.
#[allow(
    clippy::cast_precision_loss,
    reason = "seconds of this century are exact"
)]
pub(crate) fn seconds(time: &Value) -> Option<f64> {
    let time: jiff::Timestamp = time.as_str()?.parse().expect("a time");
    Some(time.as_second() as f64)
}
