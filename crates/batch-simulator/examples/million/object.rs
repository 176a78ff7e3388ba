//! The JSON of an object, written when it is sent.
//!
//! The texts are `job.json`, `cronjob.json` and `pod.json`: what a kube-apiserver 1.36 returns for a Job with 12 environment variables, about
//! 4.5 KB with its managed fields, and for a pod. `@name@` and the like are replaced.

use std::io::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    cluster::{CronJob, Job, Kind, NAMESPACES, Object},
    pod::pod_status,
};

/// One of this many runs fails.
const FAILED: u32 = 10;

/// The texts of all kinds.
#[derive(Debug)]
pub(crate) struct Templates {
    job: Vec<Part>,
    cronjob: Vec<Part>,
    pod: Vec<Part>,
}

/// A piece of a text.
#[derive(Debug)]
enum Part {
    Text(String),
    Field(Field),
}

/// What differs between objects.
#[derive(Clone, Copy, Debug)]
enum Field {
    Name,
    Namespace,
    Uid,
    PodUid,
    Version,
    Created,
    Started,
    CronJob,
    CronJobUid,
    Team,
    Serial,
    Status,
}

/// The names of the fields.
const FIELDS: [(&str, Field); 12] = [
    ("name", Field::Name),
    ("namespace", Field::Namespace),
    ("uid", Field::Uid),
    ("pod_uid", Field::PodUid),
    ("version", Field::Version),
    ("created", Field::Created),
    ("started", Field::Started),
    ("cronjob", Field::CronJob),
    ("cronjob_uid", Field::CronJobUid),
    ("team", Field::Team),
    ("serial", Field::Serial),
    ("status", Field::Status),
];

// === impl Templates ===

impl Templates {
    /// The texts as servers send them: without white space, and without `kind` and `apiVersion`.
    pub(crate) fn new() -> serde_json::Result<Self> {
        Ok(Self {
            job: parts(include_str!("job.json"))?,
            cronjob: parts(include_str!("cronjob.json"))?,
            pod: parts(include_str!("pod.json"))?,
        })
    }

    /// Appends an item of a list.
    pub(crate) fn item(&self, object: &Object, out: &mut Vec<u8>) {
        out.push(b'{');
        self.rest(object, out);
    }

    /// Appends the object of an event.
    pub(crate) fn typed(&self, object: &Object, out: &mut Vec<u8>) {
        put(
            out,
            format_args!(
                "{{\"kind\":\"{}\",\"apiVersion\":\"{}\",",
                name(object.kind()),
                api_version(object.kind())
            ),
        );
        self.rest(object, out);
    }

    fn rest(&self, object: &Object, out: &mut Vec<u8>) {
        let parts = match object {
            Object::Job(_) => &self.job,
            Object::CronJob(_) => &self.cronjob,
            Object::Pod(_) => &self.pod,
        };
        for part in parts {
            match (part, object) {
                (Part::Text(text), _) => out.extend_from_slice(text.as_bytes()),
                (Part::Field(Field::Status), Object::Pod(job)) => pod_status(job, out),
                (Part::Field(field), Object::Job(job) | Object::Pod(job)) => {
                    job_field(*field, job, out);
                }
                (Part::Field(field), Object::CronJob(cronjob)) => {
                    cronjob_field(*field, cronjob, out);
                }
            }
        }
    }
}

/// `Job`, `CronJob`, `Pod`.
pub(crate) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Job => "Job",
        Kind::CronJob => "CronJob",
        Kind::Pod => "Pod",
    }
}

/// `batch/v1`, `v1`.
pub(crate) fn api_version(kind: Kind) -> &'static str {
    match kind {
        Kind::Job | Kind::CronJob => "batch/v1",
        Kind::Pod => "v1",
    }
}

/// The text after the first brace.
fn parts(text: &str) -> serde_json::Result<Vec<Part>> {
    let value: Value = serde_json::from_str(text)?;
    // The status is a map, and not text.
    let text = value.to_string().replace("\"@status@\"", "@status@");
    let text = text.trim_start_matches('{');
    let pieces = text.split('@').map(|piece| {
        let field = FIELDS.iter().find(|(name, _)| *name == piece);
        field.map_or_else(
            || Part::Text(piece.to_owned()),
            |(_, field)| Part::Field(*field),
        )
    });
    Ok(pieces.collect())
}

fn job_field(field: Field, job: &Job, out: &mut Vec<u8>) {
    let Job {
        version,
        cronjob,
        number,
        started,
        ..
    } = *job;
    match field {
        Field::Name => put(
            out,
            format_args!("pipeline-{cronjob:05}-{:08}", 29_000_000 + number),
        ),
        Field::Uid => uid(u64::from(cronjob) << 32 | u64::from(number), out),
        Field::PodUid => uid(u64::from(number) << 32 | u64::from(cronjob) | 1 << 63, out),
        Field::Version => put(out, format_args!("{version}")),
        Field::Created => time(started - 1, out),
        Field::Started => time(started, out),
        Field::Serial => put(out, format_args!("{number}")),
        Field::Status => job_status(job, out),
        Field::Namespace | Field::CronJob | Field::CronJobUid | Field::Team => {
            workload_field(field, cronjob, out);
        }
    }
}

fn cronjob_field(field: Field, cronjob: &CronJob, out: &mut Vec<u8>) {
    match field {
        Field::Version => put(out, format_args!("{}", cronjob.version)),
        Field::Status => {
            let active = vec![r#"{"kind":"Job","apiVersion":"batch/v1"}"#; cronjob.active as usize];
            put(
                out,
                format_args!(
                    "{{\"active\":[{}],\"lastScheduleTime\":\"",
                    active.join(",")
                ),
            );
            time(cronjob.last_schedule, out);
            out.extend_from_slice(b"\",\"lastSuccessfulTime\":\"");
            time(cronjob.last_success, out);
            out.extend_from_slice(b"\"}");
        }
        field => workload_field(field, cronjob.number, out),
    }
}

/// What a Job and its `CronJob` have in common.
fn workload_field(field: Field, cronjob: u32, out: &mut Vec<u8>) {
    match field {
        Field::Namespace => put(out, format_args!("load-{:02}", cronjob % NAMESPACES)),
        Field::CronJob => put(out, format_args!("pipeline-{cronjob:05}")),
        Field::CronJobUid => uid(u64::MAX - u64::from(cronjob), out),
        Field::Team => put(out, format_args!("team-{}", cronjob % 7)),
        _ => {}
    }
}

/// Appends the status: active, failed or complete.
fn job_status(job: &Job, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"startTime\":\"");
    time(job.started, out);
    let Some(ended) = job.ended else {
        let active = r#"","active":1,"ready":1,"terminating":0,"uncountedTerminatedPods":{}}"#;
        return out.extend_from_slice(active.as_bytes());
    };
    let ended = ended.get();
    let [before, after, reason, message] = if job.number % FAILED == 1 {
        out.extend_from_slice(b"\",\"failed\":4");
        let message = "Job has reached the specified backoff limit";
        ["FailureTarget", "Failed", "BackoffLimitExceeded", message]
    } else {
        out.extend_from_slice(b"\",\"completionTime\":\"");
        time(ended, out);
        out.extend_from_slice(b"\",\"succeeded\":1");
        let message = "Reached expected number of succeeded pods";
        [
            "SuccessCriteriaMet",
            "Complete",
            "CompletionsReached",
            message,
        ]
    };
    out.extend_from_slice(
        b",\"ready\":0,\"terminating\":0,\"uncountedTerminatedPods\":{},\"conditions\":[",
    );
    for (separator, kind) in [("", before), (",", after)] {
        put(
            out,
            format_args!(
                "{separator}{{\"type\":\"{kind}\",\"status\":\"True\",\"lastProbeTime\":\""
            ),
        );
        time(ended, out);
        out.extend_from_slice(b"\",\"lastTransitionTime\":\"");
        time(ended, out);
        put(
            out,
            format_args!("\",\"reason\":\"{reason}\",\"message\":\"{message}\"}}"),
        );
    }
    out.extend_from_slice(b"]}");
}

/// Appends a uid that looks random, as those of servers do: a scrape compresses as badly as a real one.
fn uid(number: u64, out: &mut Vec<u8>) {
    let high = mixed(number);
    let low = mixed(high ^ number);
    put(
        out,
        format_args!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0xfff,
            low & 0xffff_ffff_ffff
        ),
    );
}

/// The finalizer of splitmix64.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

pub(super) fn time(seconds: u32, out: &mut Vec<u8>) {
    let time = Timestamp::from_second(i64::from(seconds)).unwrap_or(Timestamp::UNIX_EPOCH);
    put(out, format_args!("{time}"));
}

pub(crate) fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec does not fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn json(object: &Object) -> (Value, usize) {
        let mut out = Vec::new();
        Templates::new().unwrap().typed(object, &mut out);
        (serde_json::from_slice(&out).unwrap(), out.len())
    }

    fn job(number: u32, ended: Option<u32>) -> Job {
        Job {
            version: 7,
            cronjob: 21,
            number,
            started: 1_800_000_000,
            ended: ended.and_then(NonZeroU32::new),
        }
    }

    #[test]
    fn a_job_has_the_size_and_the_state_of_a_real_one() {
        let ended = Some(1_800_000_030);
        for (job, active, condition) in [
            (job(5, None), 1, Value::Null),
            (job(1, ended), 0, "Failed".into()),
            (job(2, ended), 0, "Complete".into()),
        ] {
            let (value, size) = json(&Object::Job(job));
            assert!((4_000..5_000).contains(&size), "{size}");
            assert_eq!(value["kind"], "Job");
            assert_eq!(value["metadata"]["namespace"], "load-01");
            let name = format!("pipeline-00021-2900000{}", job.number);
            assert_eq!(value["metadata"]["name"], name);
            assert_eq!(value["metadata"]["resourceVersion"], "7");
            assert_eq!(value["metadata"]["uid"].as_str().unwrap().len(), 36);
            assert_eq!(
                value["metadata"]["creationTimestamp"],
                "2027-01-15T07:59:59Z"
            );
            assert_eq!(value["status"]["active"].as_i64().unwrap_or(0), active);
            assert_eq!(value["status"]["conditions"][1]["type"], condition);
            assert!(!value.to_string().contains('@'), "{value}");
        }
    }

    #[test]
    fn a_pod_belongs_to_its_job() {
        for (ended, phase) in [(None, "Running"), (Some(1_800_000_030), "Failed")] {
            let job = job(5, ended);
            let (pod, _) = json(&Object::Pod(job));
            let (job, _) = json(&Object::Job(job));
            let owner = &pod["metadata"]["ownerReferences"][0];
            assert_eq!(owner["name"], job["metadata"]["name"]);
            assert_eq!(owner["uid"], job["metadata"]["uid"]);
            assert_ne!(pod["metadata"]["uid"], job["metadata"]["uid"]);
            assert_eq!(pod["status"]["phase"], phase);
            assert_eq!(pod["apiVersion"], "v1");
            assert!(!pod.to_string().contains('@'), "{pod}");
        }
    }

    #[test]
    fn a_job_belongs_to_its_cronjob() {
        let cronjob = CronJob {
            version: 8,
            number: 21,
            last_schedule: 1_800_000_000,
            last_success: 1_800_000_000,
            active: 2,
        };
        let (cronjob, _) = json(&Object::CronJob(cronjob));
        let (job, _) = json(&Object::Job(job(5, None)));
        let owner = &job["metadata"]["ownerReferences"][0];
        assert_eq!(owner["name"], cronjob["metadata"]["name"]);
        assert_eq!(owner["uid"], cronjob["metadata"]["uid"]);
        assert_eq!(cronjob["status"]["active"].as_array().unwrap().len(), 2);
        assert!(!cronjob.to_string().contains('@'), "{cronjob}");
    }
}
