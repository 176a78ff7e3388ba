//! What a record takes, and what it says of itself.

use std::mem::size_of;

use super::*;

fn job(name: &str, workload: &str) -> Job {
    let workload = WorkloadRef {
        kind: "job".into(),
        name: workload.into(),
    };
    Job::new("etl".into(), name.into(), Uid::parse("u"), workload)
}

/// The figures of the module's documentation.
#[cfg(target_pointer_width = "64")]
#[test]
fn a_job_takes_160_bytes() {
    assert_eq!(size_of::<Job>(), 160);
    let parts = [
        (size_of::<JobName>(), 48),
        (size_of::<Uid>(), 24),
        (size_of::<[SmallOption<Seconds>; 4]>(), 32),
        (size_of::<PodCounts>(), 20),
        (
            size_of::<(JobState, Option<FailureReason>, bool, bool)>(),
            4,
        ),
        (
            size_of::<(
                Arc<RunTemplate>,
                MappedLabels,
                Option<Box<JobExtra>>,
                Option<Arc<JobPods>>,
            )>(),
            32,
        ),
    ];
    for (size, documented) in parts {
        assert_eq!(size, documented);
    }
    assert_eq!(parts.iter().map(|(size, _)| size).sum::<usize>(), 160);
    assert_eq!(size_of::<RunTemplate>(), 128);
    assert_eq!(size_of::<JobExtra>(), 128);
}

#[test]
fn a_job_of_its_own_does_not_store_its_name_twice() {
    let (own, of_other) = (job("load", "load"), job("load", "import"));
    assert_eq!(own.template.workload_name, None);
    assert_eq!(
        (own.workload_name(), of_other.workload_name()),
        ("load", "import")
    );
    assert_eq!(&*own.workload_id().name, "load");
    let moved = |job: Job, name: &str| {
        job.with_workload(WorkloadRef {
            kind: "job".into(),
            name: name.into(),
        })
    };
    assert_eq!(moved(own.clone(), "import"), of_other);
    assert_eq!(moved(of_other, "load"), own);
}

#[test]
fn only_a_finished_job_has_an_end() {
    for &state in JobState::ALL {
        let job = Job {
            state,
            state_since: Some(5).into(),
            ..job("load", "load")
        };
        assert_eq!(job.end().is_some(), job.finished(), "{state:?}");
        let since = [job.end(), job.suspended_since(), job.ending_since()];
        let known = !matches!(state, JobState::Pending | JobState::Running);
        assert_eq!(
            since.iter().flatten().count(),
            usize::from(known),
            "{state:?}"
        );
    }
}

#[test]
fn nothing_rare_is_the_same_as_no_allocation_for_it() {
    let job = job("load", "load").with_extra(JobExtra::default());
    assert_eq!(job.extra, None);
    let indexed = JobExtra {
        completed_indexes: Some(0),
        ..JobExtra::default()
    };
    assert_eq!(job.with_extra(indexed).completed_indexes(), Some(0));
}
