//! The nights in which the clocks change, as the exporter shows them to the alert rules.
//!
//! The test writes the input of `promtool test rules`. The clock of promtool starts in 1970, so all times are shifted.

use std::{cell::Cell, collections::BTreeMap, fmt::Write as _, ops::Range, sync::Arc};

use jiff::Timestamp;
use job_status_exporter::{
    metrics::{Format, Metrics, MetricsSettings},
    model::{Change, CronJob, FeedHandle, FeedScope, Seconds, Sink, Uid, Update},
    store::{Store, StoreSettings, TargetStore},
};

use crate::{
    checker,
    metrics::{assert_golden, read},
};

const MINUTE: Seconds = 60;
const HOUR: Seconds = 3600;
const MINUTES: Seconds = 6 * 60;

/// The label that Prometheus adds.
const SCRAPED: &str = r#"instance="exporter:9806""#;

/// The families that the rules read of a `CronJob` without Jobs.
const FAMILIES: [&str; 9] = [
    "batch_cronjob_missed_runs_total",
    "batch_cronjob_overdue_runs",
    "batch_cronjob_schedule_valid",
    "batch_cronjob_suspended",
    "batch_workload_consecutive_failures",
    "batch_workload_consecutive_unsuccessful",
    "batch_workload_info",
    "batch_workload_success_deadline_timestamp_seconds",
    "batch_workload_threshold_failures",
];

thread_local! {
    static NOW: Cell<Seconds> = const { Cell::new(0) };
}

/// A night in Berlin, and when the controller starts runs. Times are seconds after `begin`.
struct Night {
    comment: &'static str,
    /// 22:00 UTC on the evening before.
    begin: Seconds,
    /// The last start before the night, and those in it, of the schedule `30 2 * * *`.
    daily: &'static [Seconds],
    /// The minutes at which each alert fires for a workload. No other alert fires.
    firing: &'static [(&'static str, &'static str, Range<Seconds>)],
}

/// A `CronJob` in Berlin.
struct Scheduled {
    cronjob: CronJob,
    /// When the controller starts its runs.
    starts: Vec<Seconds>,
}

struct Scenario {
    store: Arc<TargetStore>,
    jobs: FeedHandle,
    cronjobs: FeedHandle,
    scheduled: Vec<Scheduled>,
}

const NIGHTS: [Night; 2] = [
    Night {
        comment: "2026-10-25: at 03:00 (01:00 UTC) it is 02:00 again. The controller starts two runs for 02:30.",
        begin: 1_792_879_200,
        daily: &[
            -21 * HOUR - 30 * MINUTE,
            2 * HOUR + 30 * MINUTE,
            3 * HOUR + 30 * MINUTE,
        ],
        // The graces of the forgotten runs end at minutes 1, 61, … and 151. The third one in a row is missed at minute 122, and
        // 10 minutes later the alert about repeated failures fires. The deadline of 26 hours ends at minute 270.
        firing: &[
            ("BatchFailingRepeatedly", "hourly-unattended", 132..360),
            ("BatchNoRecentSuccess", "daily-unattended", 271..360),
            ("BatchRunOverdue", "daily-unattended", 152..360),
            ("BatchRunOverdue", "hourly-unattended", 2..360),
            ("BatchRunsMissed", "hourly-unattended", 122..360),
        ],
    },
    Night {
        comment: "2026-03-29: after 02:00 (01:00 UTC) it is 03:00. There is no 02:30, and no run is due then.",
        begin: 1_774_735_200,
        daily: &[-20 * HOUR - 30 * MINUTE],
        // A success was due within 26 hours all the same: until minute 330.
        firing: &[
            ("BatchFailingRepeatedly", "hourly-unattended", 132..360),
            ("BatchNoRecentSuccess", "daily", 331..360),
            ("BatchNoRecentSuccess", "daily-unattended", 331..360),
            ("BatchRunOverdue", "hourly-unattended", 2..360),
            ("BatchRunsMissed", "hourly-unattended", 122..360),
        ],
    },
];

fn clock() -> Timestamp {
    Timestamp::from_second(NOW.get()).unwrap()
}

impl Night {
    fn scenario(&self) -> Scenario {
        NOW.set(self.begin - HOUR);
        let mut settings = StoreSettings {
            clock,
            ..StoreSettings::default()
        };
        settings.thresholds.max_success_age = Some(26 * HOUR);
        let store = Arc::new(TargetStore::new(None, settings.into()));
        let [jobs, cronjobs] = [FeedScope::Jobs(None), FeedScope::CronJobs(None)]
            .map(|scope| store.clone().register(scope));
        let hourly: Vec<Seconds> = (-1..6).map(|hour| hour * HOUR).collect();
        let scheduled = vec![
            self.scheduled("hourly", "0 * * * *", &hourly),
            self.scheduled("hourly-unattended", "0 * * * *", &hourly[..1]),
            self.scheduled("daily", "30 2 * * *", self.daily),
            self.scheduled("daily-unattended", "30 2 * * *", &self.daily[..1]),
        ];
        let all = scheduled.iter().map(|one| one.cronjob.clone()).collect();
        jobs.push(Update::Jobs(Change::Replaced(Vec::new())));
        cronjobs.push(Update::CronJobs(Change::Replaced(all)));
        Scenario {
            store,
            jobs,
            cronjobs,
            scheduled,
        }
    }

    /// A `CronJob` whose last run before the night succeeded.
    fn scheduled(&self, name: &str, schedule: &str, starts: &[Seconds]) -> Scheduled {
        let mut cronjob =
            CronJob::new("ops".into(), name.into(), Uid::parse(name), schedule.into());
        cronjob.time_zone = Some("Europe/Berlin".into());
        cronjob.created = Some(self.begin - 30 * 24 * HOUR);
        cronjob.last_schedule = Some(self.begin + starts[0]);
        cronjob.last_success = cronjob.last_schedule;
        let starts = starts[1..].iter().map(|start| self.begin + start);
        Scheduled {
            cronjob,
            starts: starts.collect(),
        }
    }
}

impl Scenario {
    /// What a scrape shows. Runs succeed at once.
    fn at(&mut self, time: Seconds) -> BTreeMap<String, f64> {
        NOW.set(time);
        for one in &mut self.scheduled {
            if one.starts.contains(&time) {
                one.cronjob.last_schedule = Some(time);
                one.cronjob.last_success = Some(time);
                let change = Change::Applied(one.cronjob.clone());
                self.cronjobs.push(Update::CronJobs(change));
            }
        }
        self.jobs.push(Update::CaughtUp(clock()));
        self.cronjobs.push(Update::CaughtUp(clock()));
        let store = Store::new(vec![self.store.clone()]);
        let metrics = Metrics::new(Arc::new(store), &MetricsSettings::default());
        let families = checker::check(Format::Text, &read(metrics.scrape(Format::Text)));
        let samples = FAMILIES.iter().filter_map(|family| families.get(*family));
        let samples = samples.flat_map(|family| &family.samples);
        samples
            .map(|sample| (sample.scraped_series(SCRAPED), sample.value))
            .collect()
    }
}

/// The values of a series in the syntax of promtool: `1x29` is the value 1 and 29 repetitions, `_x30` are 30 missing samples.
fn notation(values: &[Option<f64>]) -> String {
    let runs = values.chunk_by(|one, next| one == next);
    let runs = runs.map(|run| match run[0] {
        Some(value) => format!("{value}x{}", run.len() - 1),
        None => format!("_x{}", run.len()),
    });
    runs.collect::<Vec<_>>().join(" ")
}

fn write_night(text: &mut String, night: &Night) {
    let mut scenario = night.scenario();
    let mut all: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
    for minute in 0..MINUTES {
        for (series, value) in scenario.at(night.begin + minute * MINUTE) {
            let shifted = series.contains("_timestamp_seconds{");
            #[expect(clippy::cast_precision_loss, reason = "dates are exact in 53 bits")]
            let value = if shifted {
                value - night.begin as f64
            } else {
                value
            };
            let values = all.entry(series).or_default();
            values.resize(usize::try_from(minute).unwrap(), None);
            values.push(Some(value));
        }
    }
    write!(
        text,
        "  # {}\n  - interval: 1m\n    input_series:\n",
        night.comment
    )
    .unwrap();
    for (family, value) in [
        ("build_info", 1),
        ("target_feeds", 2),
        ("target_failing_feeds", 0),
        ("target_synced", 1),
    ] {
        writeln!(
            text,
            "      - series: job_status_exporter_{family}{{{SCRAPED}}}\n        values: \"{value}x{}\"",
            MINUTES - 1
        )
        .unwrap();
    }
    for (series, values) in all {
        let values = notation(&values);
        writeln!(
            text,
            "      - series: {series}\n        values: \"{values}\""
        )
        .unwrap();
    }
    write_expected(text, night);
}

/// Checks how often each alert fired in the whole night, and since when.
fn write_expected(text: &mut String, night: &Night) {
    text.push_str(
        "    promql_expr_test:\n      \
        - expr: sum by (alertname, workload) (count_over_time(ALERTS{alertstate=\"firing\"}[6h]))\n        \
        eval_time: 5h59m30s\n        \
        exp_samples:\n",
    );
    for (alert, workload, minutes) in night.firing {
        let fired = minutes.end - minutes.start;
        writeln!(
            text,
            "          - {{labels: '{{alertname=\"{alert}\", workload=\"{workload}\"}}', value: {fired}}}"
        )
        .unwrap();
    }
    for (alert, workload, minutes) in night.firing {
        let firing = format!(
            "ALERTS{{alertname=\"{alert}\",workload=\"{workload}\",alertstate=\"firing\"}}"
        );
        for (minute, value) in [(minutes.start - 1, 0), (minutes.start, 1)] {
            writeln!(
                text,
                "      - {{expr: 'count({firing}) or vector(0)', eval_time: {minute}m, exp_samples: [{{value: {value}}}]}}"
            )
            .unwrap();
        }
    }
}

#[test]
fn the_rules_get_the_nights_in_which_the_clocks_change() {
    let mut text = "# Written by `UPDATE_GOLDEN=1 cargo test` from what is shown of CronJobs, for `promtool test rules`. Minute 0 is\n\
        # 22:00 UTC. The controller starts no runs of the CronJobs `*-unattended`.\n\
        rule_files: [../job-status.rules.yaml]\n\
        evaluation_interval: 1m\n\
        tests:\n"
        .to_owned();
    for night in &NIGHTS {
        write_night(&mut text, night);
    }
    assert_golden("config/rules/tests/daylight-saving.yaml", &text);
}
