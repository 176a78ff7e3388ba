//! Native histograms, and what else only protobuf shows of runs.

use job_status_exporter::{
    config::NativeHistograms,
    metrics::{Format, Metrics},
    model::{
        Departure, Job, JobState, RestoredState, RestoredWorkload, Run, Totals, Uid, WorkloadId,
        WorkloadRef,
    },
    store::StoreSettings,
};

use super::{
    decoder::{Histogram, Value},
    metrics, scrape, settings, target,
};
use crate::metrics::read;

/// The histograms of a family by the label `result`.
fn histograms(metrics: &Metrics, name: &str) -> Vec<Histogram> {
    let families = scrape(metrics).into_iter();
    let metrics = families
        .filter(|family| family.name == name)
        .flat_map(|family| family.metrics);
    let histograms = metrics.map(|metric| match metric.value {
        Value::Histogram(histogram) => histogram,
        other => panic!("{other:?}"),
    });
    histograms.collect()
}

/// A finished run of the `CronJob` `nightly` that took some seconds and started one second late.
pub(super) fn run(number: u32, seconds: i64) -> Job {
    let start = 1_795_445_700;
    let workload = WorkloadRef {
        kind: "cronjob".into(),
        name: "nightly".into(),
    };
    let uid = Uid::parse(&format!("4ba7b5e6-d01a-4327-95ea-{number:012x}"));
    let state = if number.is_multiple_of(2) {
        JobState::Complete
    } else {
        JobState::Failed
    };
    Job {
        state,
        due: Some(start - 1).into(),
        created: Some(start).into(),
        start: Some(start).into(),
        state_since: Some(start + seconds).into(),
        ..Job::new(
            "reports".into(),
            format!("nightly-{number}").into(),
            uid,
            workload,
        )
    }
}

#[test]
fn native_histograms_have_the_counts_of_classic_ones() {
    let runs = || vec![run(0, 60), run(1, 0), run(2, 61), run(4, 3600)];
    for (native, has_classic, has_native) in [
        (NativeHistograms::None, true, false),
        (NativeHistograms::Both, true, true),
        (NativeHistograms::Only, false, true),
    ] {
        let target = target(
            settings(native),
            RestoredState::default(),
            runs(),
            Vec::new(),
        );
        let metrics = metrics(vec![target]);
        let durations = histograms(&metrics, "batch_workload_run_duration_seconds");
        let [succeeded, failed] = &durations[..] else {
            panic!("{durations:?}");
        };
        assert_eq!((succeeded.count, failed.count), (3, 1));
        assert!((succeeded.sum - 3721.0).abs() < f64::EPSILON);
        let delays = histograms(&metrics, "batch_workload_start_delay_seconds");
        for histogram in [succeeded, failed, &delays[0]] {
            assert_eq!(!histogram.classic.is_empty(), has_classic, "{native:?}");
            assert_eq!(histogram.native.is_some(), has_native, "{native:?}");
            assert_eq!(histogram.created, Some((1_795_445_760, 125_000_000)));
        }
        if let Some(native) = &succeeded.native {
            // 2^(47/8) is 58.7, 2^(48/8) is 64, 2^(95/8) is 3756.
            assert_eq!(native.buckets(), [(48, 2), (95, 1)]);
            assert_eq!(failed.native.as_ref().unwrap().zero_count, 1);
            assert_eq!(delays[0].native.as_ref().unwrap().buckets(), [(0, 4)]);
        }
        // The text formats do not change.
        let text = read(metrics.scrape(Format::Text));
        assert!(text.contains("batch_workload_run_duration_seconds_bucket"));
    }
}

#[test]
fn a_counter_of_runs_names_the_run_that_ended_last() {
    let runs = vec![run(0, 60), run(2, 90), run(4, 30), run(1, 5)];
    let settings = settings(NativeHistograms::None);
    let target = target(settings, RestoredState::default(), runs, Vec::new());
    let families = scrape(&metrics(vec![target]));
    let runs = families
        .iter()
        .find(|it| it.name == "batch_workload_runs_total");
    let exemplars = runs
        .unwrap()
        .metrics
        .iter()
        .map(|metric| match &metric.value {
            Value::Counter { exemplar, .. } => {
                let exemplar = exemplar.as_ref().unwrap();
                (exemplar.labels[0].1.clone(), exemplar.at.unwrap().0)
            }
            other => panic!("{other:?}"),
        });
    let exemplars: Vec<_> = exemplars.collect();
    let uid = |number: u32| format!("4ba7b5e6-d01a-4327-95ea-{number:012x}");
    assert_eq!(
        exemplars,
        [(uid(2), 1_795_445_790), (uid(1), 1_795_445_705)]
    );
}

/// The totals of earlier processes, one of which kept no native histograms.
#[test]
fn histograms_restart_from_zero_if_the_history_has_no_native_ones() {
    let restored = |totals: Totals| RestoredState {
        workloads: vec![RestoredWorkload {
            id: WorkloadId {
                namespace: "reports".into(),
                kind: "cronjob".into(),
                name: "nightly".into(),
            },
            state: totals.into(),
            last_existed: 1_795_445_000,
            departure: Departure::Cleanup,
        }],
        ..RestoredState::default()
    };
    let bounds = StoreSettings::default().run_duration_buckets;
    let earlier = |native| {
        let mut totals = Totals::new(1_000);
        totals.set_native(native, 2_000);
        for number in 0..6 {
            let run = Run::from_finished(&run(number, 60)).unwrap();
            totals.add_run(&run, true, &bounds);
        }
        totals
    };
    for (earlier, native, count, created) in [
        (earlier(false), NativeHistograms::None, 3, (1, 0)),
        (earlier(true), NativeHistograms::Both, 3, (1, 0)),
        (earlier(true), NativeHistograms::None, 3, (1, 0)),
        (
            earlier(false),
            NativeHistograms::Both,
            0,
            (1_795_445_760, 125_000_000),
        ),
    ] {
        let target = target(settings(native), restored(earlier), Vec::new(), Vec::new());
        let metrics = metrics(vec![target]);
        let durations = histograms(&metrics, "batch_workload_run_duration_seconds");
        assert_eq!(durations[0].count, count, "{native:?}");
        assert_eq!(durations[0].created, Some(created), "{native:?}");
        let is_native = native != NativeHistograms::None;
        assert_eq!(durations[0].native.is_some(), is_native);
        if let Some(native) = &durations[0].native {
            let sum: i64 = native.buckets().iter().map(|(_, count)| count).sum();
            assert_eq!(sum.cast_unsigned(), count);
        }
        // The counters of runs continue.
        let text = read(metrics.scrape(Format::Text));
        assert!(
            text.contains("workload=\"nightly\",result=\"succeeded\"} 3"),
            "{text}"
        );
    }
}
