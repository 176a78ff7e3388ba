//! A simulated API whose Jobs come and go at a constant rate, for `scripts/soak` and `scripts/check-network`.
//!
//! ```text
//! churn --listen ADDRESS --rate RUNS_PER_SECOND --keep SECONDS --seconds SECONDS
//! ```
//!
//! Each run is created, finishes after 1 to 5 s, and is deleted after up to `keep` seconds more. Two of five runs are Jobs
//! without an owner whose names are never used again, one of five has a `generateName`, the others belong to `CronJobs`. The
//! program ends after `seconds`.

use std::{
    cmp::Reverse, collections::BinaryHeap, env, error::Error, net::SocketAddr, time::Duration,
};

use batch_simulator::api::{ApiOptions, Kind, SimulatedApi};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{Instant, interval, sleep},
};

const CRONJOBS: u64 = 50;
const GENERATED: u64 = 20;
const NAMESPACES: u64 = 10;

struct Options {
    listen: SocketAddr,
    rate: u64,
    keep: u64,
    seconds: u64,
}

/// What happens to a run next.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Finish,
    Delete,
}

struct Churn {
    api: SimulatedApi,
    keep: u64,
    runs: u64,
    /// The next step of each run, earliest first.
    steps: BinaryHeap<Reverse<(Instant, u64, Step)>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let listener = TcpListener::bind(options.listen).await?;
    let api = SimulatedApi::new(ApiOptions {
        history: 10_000,
        ..ApiOptions::default()
    });
    let churn = Churn {
        api: api.clone(),
        keep: options.keep,
        runs: 0,
        steps: BinaryHeap::new(),
    };
    let end = sleep(Duration::from_secs(options.seconds));
    tokio::select! {
        () = api.serve(listener, end) => Ok(()),
        result = churn.run(options.rate) => result,
    }
}

fn options() -> Result<Options, Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let value = |name: &str| {
        let mut pairs = arguments.chunks_exact(2);
        let pair = pairs.find(|pair| pair[0] == name);
        pair.map(|pair| pair[1].clone())
            .ok_or(format!("missing argument: {name}"))
    };
    Ok(Options {
        listen: value("--listen")?.parse()?,
        rate: value("--rate")?.parse()?,
        keep: value("--keep")?.parse()?,
        seconds: value("--seconds")?.parse()?,
    })
}

impl Churn {
    async fn run(mut self, rate: u64) -> Result<(), Box<dyn Error>> {
        for number in 0..CRONJOBS {
            self.api.apply(Kind::CronJob, cronjob(number))?;
        }
        let mut ticks = interval(Duration::from_secs(1) / u32::try_from(rate)?);
        loop {
            ticks.tick().await;
            let now = Instant::now();
            self.api.apply(Kind::Job, self.job(self.runs))?;
            let finish = now + Duration::from_millis(fastrand::u64(1_000..5_000));
            self.steps.push(Reverse((finish, self.runs, Step::Finish)));
            self.runs += 1;
            self.take_steps(now)?;
        }
    }

    fn take_steps(&mut self, now: Instant) -> Result<(), Box<dyn Error>> {
        while let Some(Reverse((due, ..))) = self.steps.peek()
            && *due <= now
            && let Some(Reverse((_, number, step))) = self.steps.pop()
        {
            match step {
                Step::Finish => {
                    let job = self.finished(number).ok_or("a run disappeared")?;
                    self.api.apply(Kind::Job, job)?;
                    let keep = Duration::from_secs(fastrand::u64(0..=self.keep));
                    self.steps.push(Reverse((now + keep, number, Step::Delete)));
                }
                Step::Delete => {
                    self.api
                        .delete(Kind::Job, &namespace(number), &name(number));
                }
            }
        }
        Ok(())
    }

    fn job(&self, number: u64) -> Value {
        let now = self.api.clock().text();
        let mut metadata = json!({
            "namespace": namespace(number), "name": name(number), "labels": {"app": "churn"}, "creationTimestamp": now,
        });
        match number % 5 {
            0 | 1 => {}
            2 => metadata["generateName"] = json!(format!("generated-{}-", number % GENERATED)),
            _ => {
                // All runs of a CronJob are in its namespace.
                let cronjob = number % NAMESPACES + NAMESPACES * (number / NAMESPACES % 5);
                let owner = format!("cronjob-{cronjob}");
                let uid = self.api.uid(Kind::CronJob, &namespace(cronjob), &owner);
                metadata["ownerReferences"] = json!([{
                    "apiVersion": "batch/v1", "kind": "CronJob", "name": owner, "uid": uid, "controller": true,
                }]);
                metadata["annotations"] =
                    json!({"batch.kubernetes.io/cronjob-scheduled-timestamp": now});
            }
        }
        let spec = json!({"parallelism": 1, "completions": 1, "backoffLimit": 0, "ttlSecondsAfterFinished": self.keep});
        let status = json!({"startTime": now, "active": 1, "ready": 1});
        json!({"metadata": metadata, "spec": spec, "status": status})
    }

    /// The run after it has finished: one of ten fails.
    fn finished(&self, number: u64) -> Option<Value> {
        let mut job = self.api.get(Kind::Job, &namespace(number), &name(number))?;
        let now = self.api.clock().text();
        let start = job["status"]["startTime"].take();
        let condition = |kind: &str| json!([{"type": kind, "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": now}]);
        job["status"] = if number % 10 == 7 {
            json!({"startTime": start, "failed": 1, "conditions": condition("Failed")})
        } else {
            json!({"startTime": start, "completionTime": now, "succeeded": 1, "conditions": condition("Complete")})
        };
        Some(job)
    }
}

fn namespace(number: u64) -> String {
    format!("churn-{}", number % NAMESPACES)
}

fn name(number: u64) -> String {
    format!("run-{number}")
}

fn cronjob(number: u64) -> Value {
    json!({
        "metadata": {"namespace": namespace(number), "name": format!("cronjob-{number}")},
        // Its runs come from this program and not from its schedule.
        "spec": {"schedule": "0 0 1 1 *", "concurrencyPolicy": "Allow", "jobTemplate": {"spec": {"template": {}}}},
        "status": {},
    })
}
