//! The workloads of the scenario as tables.
//!
//! [`super::cronjob`] and [`super::standalone_job`] run them. All outcomes of a list have the same probability, unless they come in turn:
//! an outcome that is listed twice is twice as likely. `scripts/check-alerts` expects the alerts of workloads without random outcomes.

use std::collections::BTreeSet;

use super::{
    cronjob::{CronJob, Scheduling},
    job_run::Outcome,
    manifest::{JobOptions, SINGLE_POD, WorkloadMetadata},
    pods::{Failure, Wait},
    standalone_job::StandaloneJob,
};

const INDEXED: JobOptions = JobOptions {
    parallelism: 2,
    completions: 7,
    indexed: true,
    per_index: true,
    ..SINGLE_POD
};

pub(super) const CRONJOBS: [CronJob; 15] = [
    CronJob {
        metadata: metadata("billing", "invoice-run", "payments"),
        outcomes: &[Outcome::Succeed],
        ..every("@every 15s")
    },
    CronJob {
        metadata: WorkloadMetadata {
            annotations: &[("job-status-exporter/max-duration", "30s")],
            ..metadata("billing", "payment-reconcile", "payments")
        },
        policy: "Forbid",
        outcomes: &[Outcome::Succeed, Outcome::Succeed, Outcome::Hang(90)],
        in_turn: true,
        ..every("@every 12s")
    },
    CronJob {
        metadata: metadata("billing", "dunning-mails", "payments"),
        scheduling: Scheduling::Suspended,
        ..every("0 9 * * 1-5")
    },
    CronJob {
        metadata: metadata("etl", "load-orders", "data"),
        options: JobOptions {
            backoff_limit: 2,
            ..SINGLE_POD
        },
        outcomes: &[
            Outcome::Succeed,
            Outcome::Succeed,
            Outcome::Retry,
            Outcome::BackoffLimit,
        ],
        failures: &[Failure::OomKilled],
        ..every("@every 20s")
    },
    CronJob {
        metadata: metadata("etl", "sync-inventory", "data"),
        options: JobOptions {
            parallelism: 2,
            completions: 2,
            deadline: Some(10),
            ..SINGLE_POD
        },
        outcomes: &[Outcome::Succeed, Outcome::Succeed, Outcome::Deadline],
        ..every("@every 25s")
    },
    CronJob {
        metadata: metadata("etl", "validate-feed", "data"),
        options: JobOptions {
            backoff_limit: 6,
            failure_policy: true,
            ..SINGLE_POD
        },
        outcomes: &[Outcome::Succeed, Outcome::FailurePolicy],
        failures: &[Failure::ExitCode(42)],
        ..every("@every 30s")
    },
    CronJob {
        metadata: WorkloadMetadata {
            annotations: &[("job-status-exporter/max-duration", "30s")],
            ..metadata("etl", "compact-partitions", "data")
        },
        options: INDEXED,
        outcomes: &[Outcome::Succeed, Outcome::FailedIndex],
        failures: &[Failure::Evicted],
        ..every("@every 40s")
    },
    CronJob {
        metadata: metadata("reports", "close-of-day", "analytics"),
        time_zone: Some("Europe/Berlin"),
        ..every("30 2 * * *")
    },
    CronJob {
        metadata: WorkloadMetadata {
            annotations: &[
                ("job-status-exporter/start-grace", "10s"),
                ("job-status-exporter/severity", "critical"),
                (
                    "job-status-exporter/runbook",
                    "https://runbooks.example.com/archive-ledger",
                ),
            ],
            ..metadata("billing", "archive-ledger", "payments")
        },
        scheduling: Scheduling::Rejected,
        ..every("* * * * *")
    },
    CronJob {
        metadata: metadata("reports", "daily-sales", "analytics"),
        options: JobOptions {
            parallelism: 3,
            completions: 9,
            ..SINGLE_POD
        },
        pod_seconds: 1.0,
        ..every("@every 30s")
    },
    CronJob {
        metadata: metadata("reports", "refresh-dashboards", "analytics"),
        policy: "Replace",
        outcomes: &[Outcome::Succeed, Outcome::Hang(300)],
        ..every("@every 20s")
    },
    CronJob {
        metadata: metadata("ml", "score-customers", "science"),
        options: JobOptions {
            parallelism: 3,
            completions: 6,
            max_failed_indexes: Some(1),
            ..INDEXED
        },
        outcomes: &[Outcome::Succeed, Outcome::TooManyFailedIndexes],
        failures: &[Failure::NodeShutdown],
        ..every("@every 35s")
    },
    CronJob {
        metadata: metadata("ml", "tune-hyperparameters", "science"),
        options: JobOptions {
            parallelism: 3,
            completions: 3,
            indexed: true,
            success_policy: true,
            ..SINGLE_POD
        },
        outcomes: &[Outcome::SuccessPolicy],
        ..every("@every 30s")
    },
    // Fails for a minute, and then succeeds for more than two.
    CronJob {
        metadata: metadata("reports", "fetch-exchange-rates", "analytics"),
        outcomes: &[
            Outcome::BackoffLimit,
            Outcome::BackoffLimit,
            Outcome::BackoffLimit,
            Outcome::Succeed,
            Outcome::Succeed,
            Outcome::Succeed,
            Outcome::Succeed,
            Outcome::Succeed,
            Outcome::Succeed,
            Outcome::Succeed,
        ],
        in_turn: true,
        failures: &[Failure::ExitCode(3)],
        ..every("@every 20s")
    },
    // Never succeeds.
    CronJob {
        metadata: WorkloadMetadata {
            annotations: &[("job-status-exporter/max-success-age", "1m")],
            ..metadata("etl", "import-legacy-orders", "data")
        },
        outcomes: &[Outcome::BackoffLimit],
        ..every("@every 20s")
    },
];

pub(super) const STANDALONE_JOBS: [StandaloneJob; 9] = [
    StandaloneJob {
        metadata: metadata("reports", "board-report", "analytics"),
        outcomes: &[Outcome::Succeed, Outcome::Succeed, Outcome::BackoffLimit],
        pause_seconds: 20.0,
        ..standalone(30)
    },
    StandaloneJob {
        metadata: metadata("billing", "invoice-backfill", "payments"),
        options: JobOptions {
            suspended: true,
            ttl: Some(30),
            ..SINGLE_POD
        },
        ..standalone(30)
    },
    StandaloneJob {
        metadata: metadata("etl", "reindex-search", "data"),
        options: JobOptions {
            completions: 12,
            ttl: Some(20),
            ..INDEXED
        },
        ..standalone(20)
    },
    StandaloneJob {
        metadata: metadata("etl", "import-customers", "data"),
        options: JobOptions {
            backoff_limit: 1,
            ttl: Some(45),
            ..SINGLE_POD
        },
        outcomes: &[Outcome::Retry, Outcome::BackoffLimit],
        failures: &[Failure::Evicted, Failure::ExitCode(1)],
        ..standalone(45)
    },
    StandaloneJob {
        metadata: metadata("ml", "train-model", "science"),
        in_workflow: true,
        pod_seconds: 8.0,
        ..standalone(15)
    },
    StandaloneJob {
        metadata: metadata("ml", "export-embeddings", "science"),
        pod_seconds: 25.0,
        ..standalone(60)
    },
    // Its image does not exist.
    StandaloneJob {
        metadata: metadata("reports", "render-statements", "analytics"),
        options: JobOptions {
            deadline: Some(45),
            ttl: Some(30),
            ..SINGLE_POD
        },
        outcomes: &[Outcome::NeverStart(Wait::ImagePullBackOff)],
        ..standalone(30)
    },
    // Starts when a node has room, or when its secret exists.
    StandaloneJob {
        metadata: metadata("ml", "evaluate-model", "science"),
        outcomes: &[
            Outcome::StartLate(Wait::Unschedulable, 40),
            Outcome::StartLate(Wait::CreateContainerConfigError, 25),
        ],
        pod_seconds: 8.0,
        ..standalone(15)
    },
    StandaloneJob {
        metadata: metadata("billing", "send-receipts", "payments"),
        options: JobOptions {
            backoff_limit: 6,
            restarts: true,
            ttl: Some(20),
            ..SINGLE_POD
        },
        outcomes: &[Outcome::CrashLoop],
        ..standalone(20)
    },
];

/// The namespaces of all workloads.
pub(super) fn namespaces() -> BTreeSet<&'static str> {
    let cronjobs = CRONJOBS.iter().map(|it| it.metadata.namespace);
    let jobs = STANDALONE_JOBS.iter().map(|it| it.metadata.namespace);
    cronjobs.chain(jobs).collect()
}

const fn metadata(
    namespace: &'static str,
    name: &'static str,
    team: &'static str,
) -> WorkloadMetadata {
    WorkloadMetadata {
        namespace,
        name,
        team,
        annotations: &[],
    }
}

/// A `CronJob` with short runs that succeed.
const fn every(schedule: &'static str) -> CronJob {
    CronJob {
        metadata: metadata("", "", ""),
        schedule,
        time_zone: None,
        policy: "Allow",
        scheduling: Scheduling::Active,
        options: SINGLE_POD,
        outcomes: &[Outcome::Succeed],
        in_turn: false,
        pod_seconds: 3.0,
        failures: &[Failure::ExitCode(1)],
    }
}

/// A Job that is deleted `ttl` seconds after its end, and created again soon after.
const fn standalone(ttl: u32) -> StandaloneJob {
    StandaloneJob {
        metadata: metadata("", "", ""),
        options: JobOptions {
            ttl: Some(ttl),
            ..SINGLE_POD
        },
        outcomes: &[Outcome::Succeed],
        pod_seconds: 3.0,
        failures: &[Failure::ExitCode(1)],
        pause_seconds: 5.0,
        in_workflow: false,
    }
}
