//! Who there is: the workloads of the scenario as a table.
//!
//! Played by [`super::cronjob`] and [`super::solo`]. Plots are drawn with equal chances, so a plot that is listed twice comes twice as often.

use super::{
    cronjob::{Cron, Fate},
    manifest::{Identity, PLAIN, Shape},
    run::Plot,
    solo::Solo,
};

const INDEXED: Shape = Shape {
    parallelism: 2,
    completions: 7,
    indexed: true,
    per_index: true,
    ..PLAIN
};

pub(super) const CRONJOBS: [Cron; 13] = [
    Cron {
        identity: identity("billing", "invoice-run", "payments"),
        plots: &[Plot::Succeed],
        ..every("@every 15s")
    },
    Cron {
        identity: identity("billing", "payment-reconcile", "payments"),
        policy: "Forbid",
        plots: &[Plot::Succeed, Plot::Succeed, Plot::Hang(90)],
        ..every("@every 12s")
    },
    Cron {
        identity: identity("billing", "dunning-mails", "payments"),
        fate: Fate::Suspended,
        ..every("0 9 * * 1-5")
    },
    Cron {
        identity: identity("etl", "load-orders", "data"),
        shape: Shape {
            backoff_limit: 2,
            ..PLAIN
        },
        plots: &[
            Plot::Succeed,
            Plot::Succeed,
            Plot::Retry,
            Plot::BackoffLimit,
        ],
        ..every("@every 20s")
    },
    Cron {
        identity: identity("etl", "sync-inventory", "data"),
        shape: Shape {
            parallelism: 2,
            completions: 2,
            deadline: Some(10),
            ..PLAIN
        },
        plots: &[Plot::Succeed, Plot::Succeed, Plot::Deadline],
        ..every("@every 25s")
    },
    Cron {
        identity: identity("etl", "validate-feed", "data"),
        shape: Shape {
            backoff_limit: 6,
            failure_policy: true,
            ..PLAIN
        },
        plots: &[Plot::Succeed, Plot::FailurePolicy],
        ..every("@every 30s")
    },
    Cron {
        identity: Identity {
            annotations: &[("job-status-exporter/max-duration", "30s")],
            ..identity("etl", "compact-partitions", "data")
        },
        shape: INDEXED,
        plots: &[Plot::Succeed, Plot::FailedIndex],
        ..every("@every 40s")
    },
    Cron {
        identity: identity("reports", "close-of-day", "analytics"),
        time_zone: Some("Europe/Berlin"),
        ..every("30 2 * * *")
    },
    Cron {
        identity: Identity {
            annotations: &[
                ("job-status-exporter/start-grace", "10s"),
                ("job-status-exporter/severity", "critical"),
                (
                    "job-status-exporter/runbook",
                    "https://runbooks.example.com/archive-ledger",
                ),
            ],
            ..identity("billing", "archive-ledger", "payments")
        },
        fate: Fate::Refused,
        ..every("* * * * *")
    },
    Cron {
        identity: identity("reports", "daily-sales", "analytics"),
        shape: Shape {
            parallelism: 3,
            completions: 9,
            ..PLAIN
        },
        pace: 1.0,
        ..every("@every 30s")
    },
    Cron {
        identity: identity("reports", "refresh-dashboards", "analytics"),
        policy: "Replace",
        plots: &[Plot::Succeed, Plot::Hang(300)],
        ..every("@every 20s")
    },
    Cron {
        identity: identity("ml", "score-customers", "science"),
        shape: Shape {
            parallelism: 3,
            completions: 6,
            max_failed_indexes: Some(1),
            ..INDEXED
        },
        plots: &[Plot::Succeed, Plot::TooManyFailedIndexes],
        ..every("@every 35s")
    },
    Cron {
        identity: identity("ml", "tune-hyperparameters", "science"),
        shape: Shape {
            parallelism: 3,
            completions: 3,
            indexed: true,
            success_policy: true,
            ..PLAIN
        },
        plots: &[Plot::SuccessPolicy],
        ..every("@every 30s")
    },
];

pub(super) const SOLOS: [Solo; 6] = [
    Solo {
        identity: identity("reports", "board-report", "analytics"),
        plots: &[Plot::Succeed, Plot::Succeed, Plot::BackoffLimit],
        gap: 20.0,
        ..by_hand(30)
    },
    Solo {
        identity: identity("billing", "invoice-backfill", "payments"),
        shape: Shape {
            suspended: true,
            ttl: Some(30),
            ..PLAIN
        },
        ..by_hand(30)
    },
    Solo {
        identity: identity("etl", "reindex-search", "data"),
        shape: Shape {
            completions: 12,
            ttl: Some(20),
            ..INDEXED
        },
        ..by_hand(20)
    },
    Solo {
        identity: identity("etl", "import-customers", "data"),
        shape: Shape {
            backoff_limit: 1,
            ttl: Some(45),
            ..PLAIN
        },
        plots: &[Plot::Retry, Plot::BackoffLimit],
        ..by_hand(45)
    },
    Solo {
        identity: identity("ml", "train-model", "science"),
        in_workflow: true,
        pace: 8.0,
        ..by_hand(15)
    },
    Solo {
        identity: identity("ml", "export-embeddings", "science"),
        pace: 25.0,
        ..by_hand(60)
    },
];

const fn identity(namespace: &'static str, name: &'static str, team: &'static str) -> Identity {
    Identity {
        namespace,
        name,
        team,
        annotations: &[],
    }
}

/// A `CronJob` with short runs, and nothing special.
const fn every(schedule: &'static str) -> Cron {
    Cron {
        identity: identity("", "", ""),
        schedule,
        time_zone: None,
        policy: "Allow",
        fate: Fate::Runs,
        shape: PLAIN,
        plots: &[Plot::Succeed],
        pace: 3.0,
    }
}

/// A Job that is started again soon after it is gone, which it is `ttl` seconds after its end.
const fn by_hand(ttl: u32) -> Solo {
    Solo {
        identity: identity("", "", ""),
        shape: Shape {
            ttl: Some(ttl),
            ..PLAIN
        },
        plots: &[Plot::Succeed],
        pace: 3.0,
        gap: 5.0,
        in_workflow: false,
    }
}
