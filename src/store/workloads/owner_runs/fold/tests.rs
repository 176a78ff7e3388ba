//! The Jobs of an owner add up to the same, in whatever order they are seen.

use proptest::prelude::*;

use super::*;
use crate::model::{FailureReason, JobState, WorkloadRef};

/// A Job of the owner: its name, creation, and states in order, with the time of each.
#[derive(Clone, Debug)]
struct Life {
    name: String,
    created: Seconds,
    states: Vec<(Seconds, JobState)>,
    /// Whether it is deleted in the end.
    gone: bool,
}

fn owner() -> Uid {
    Uid::parse("owner")
}

fn job(name: &str, created: Seconds, (at, state): (Seconds, JobState)) -> Job {
    let workload = WorkloadRef {
        kind: "jobset".into(),
        name: "bert".into(),
    };
    let uid = Uid::parse(&format!("{name}-{created}"));
    let finished = matches!(state, JobState::Complete | JobState::Failed);
    Job {
        state,
        created: Some(created).into(),
        start: (state != JobState::Suspended).then_some(created + 1).into(),
        state_since: finished.then_some(at).into(),
        failure: (state == JobState::Failed).then_some(FailureReason::BackoffLimitExceeded),
        ..Job::new("maths".into(), name.into(), uid, workload)
    }
}

fn hash(job: &Job) -> u64 {
    let name = job.uid.to_string();
    name.bytes()
        .fold(7, |hash, byte| hash * 31 % 1_000_003 + u64::from(byte))
}

impl Life {
    fn job(&self, number: usize) -> Job {
        job(&self.name, self.created, self.states[number])
    }

    fn last(&self) -> (Seconds, JobState) {
        *self.states.last().unwrap()
    }
}

/// The result in the simplest way: the latest Job of each name decides.
fn expected(lives: &[Life]) -> String {
    let mut latest: BTreeMap<&str, &Life> = BTreeMap::new();
    for life in lives {
        let known = latest.entry(&life.name).or_insert(life);
        if known.created < life.created {
            *known = life;
        }
    }
    let latest: Vec<&Life> = latest.into_values().collect();
    let finished = |life: &&&Life| matches!(life.last().1, JobState::Complete | JobState::Failed);
    if latest.iter().any(|life| !finished(&life) && !life.gone) {
        return "unfinished".to_owned();
    }
    let start = lives.iter().map(|life| life.created + 1).min().unwrap();
    let end = lives
        .iter()
        .filter(|life| finished(&life))
        .map(|life| life.last().0)
        .max();
    let failed = latest
        .iter()
        .filter(|life| life.last().1 == JobState::Failed);
    let first = failed.min_by_key(|life| (life.last().0, &life.name));
    if let Some(life) = first {
        return format!("{} failed, {start} to {end:?}", life.name);
    }
    if latest.iter().any(|life| !finished(&life)) && lives.iter().all(|life| life.gone) {
        return "deleted".to_owned();
    }
    let succeeded = latest.iter().filter(finished);
    match succeeded.max_by_key(|life| (life.last().0, &life.name)) {
        Some(life) => format!("{} succeeded, {start} to {end:?}", life.name),
        None => "deleted".to_owned(),
    }
}

fn shown(fold: &JobFold) -> String {
    match fold.result(&owner()) {
        FoldResult::Unfinished => "unfinished".to_owned(),
        FoldResult::Deleted { .. } => "deleted".to_owned(),
        FoldResult::Finished(run) => {
            let start = run.start.unwrap();
            format!(
                "{} {}, {start} to {:?}",
                run.job_name,
                run.result.as_str(),
                run.end
            )
        }
    }
}

/// Some Jobs with few names, so that many are retries.
fn lives() -> impl Strategy<Value = Vec<Life>> {
    let ends = prop_oneof![
        3 => Just(Some(JobState::Complete)),
        2 => Just(Some(JobState::Failed)),
        1 => Just(None),
    ];
    let life = (0..4_u8, 1..40 as Seconds, ends, any::<bool>());
    proptest::collection::vec(life, 1..8).prop_map(|lives| {
        let mut begun = 1000;
        let lives = lives.into_iter().map(|(name, lasts, end, gone)| {
            begun += 3;
            let mut states = vec![(begun, JobState::Pending), (begun + 1, JobState::Running)];
            states.extend(end.map(|state| (begun + 1 + lasts, state)));
            let (name, created) = (format!("job-{name}"), begun);
            Life {
                name,
                created,
                states,
                gone,
            }
        });
        let mut lives: Vec<Life> = lives.collect();
        // A name is free again when its Job is gone.
        for number in 0..lives.len() {
            let (before, after) = lives.split_at_mut(number + 1);
            let life = before.last_mut().unwrap();
            life.gone |= after.iter().any(|later| later.name == life.name);
        }
        lives
    })
}

proptest! {
    #[test]
    fn any_order_of_events_has_the_result_of_the_latest_jobs(
        lives in lives(),
        picks in proptest::collection::vec((0..8_usize, any::<bool>()), 0..80),
    ) {
        let mut fold = JobFold::default();
        // How far each life was seen.
        let mut seen = vec![0; lives.len()];
        let steps = |life: &Life| life.states.len() + usize::from(life.gone);
        let rest = (0..lives.len()).flat_map(|number| vec![(number, false); 4]);
        for (pick, lost) in picks.into_iter().chain(rest) {
            let number = pick % lives.len();
            let life = &lives[number];
            let earlier = |other: usize| lives[other].name == life.name && seen[other] < steps(&lives[other]);
            if (0..number).any(earlier) || seen[number] == steps(life) {
                continue;
            }
            // An event that comes between two lists may be lost, but not the last one.
            let step = seen[number] + usize::from(lost && seen[number] + 1 < life.states.len());
            if step < life.states.len() {
                let job = life.job(step);
                fold.apply(hash(&job), &job, seen[number] == 0);
                let again = fold.apply(hash(&job), &job, false);
                prop_assert!(!again, "the same state is no news");
            } else {
                let job = life.job(step - 1);
                fold.remove(hash(&job), &job, true);
            }
            seen[number] = step + 1;
        }
        prop_assert_eq!(shown(&fold), expected(&lives));
        let existing = lives.iter().filter(|life| !life.gone).count();
        prop_assert_eq!(fold.existing, existing);
    }
}

fn fold(events: &[(&str, Seconds, (Seconds, JobState))]) -> JobFold {
    let mut fold = JobFold::default();
    for (name, created, state) in events {
        let job = job(name, *created, *state);
        let is_new = fold.uid_hash(&(*name).into()) != Some(hash(&job));
        fold.apply(hash(&job), &job, is_new);
    }
    fold
}

#[test]
fn the_first_failure_decides_and_else_the_job_that_ended_last() {
    use JobState::{Complete, Failed, Running};
    for (events, expected) in [
        (vec![("a", 1, (9, Complete))], "a succeeded, 2 to Some(9)"),
        (
            vec![("a", 1, (9, Complete)), ("b", 3, (5, Complete))],
            "a succeeded, 2 to Some(9)",
        ),
        (
            vec![
                ("a", 1, (9, Failed)),
                ("b", 3, (7, Failed)),
                ("c", 4, (11, Complete)),
            ],
            "b failed, 2 to Some(11)",
        ),
        (
            vec![("a", 1, (9, Failed)), ("b", 3, (5, Running))],
            "unfinished",
        ),
        // A retry has the same name and was created later.
        (
            vec![("a", 1, (9, Failed)), ("a", 10, (15, Complete))],
            "a succeeded, 2 to Some(15)",
        ),
        (
            vec![("a", 1, (9, Complete)), ("a", 10, (15, Failed))],
            "a failed, 2 to Some(15)",
        ),
        (
            vec![("a", 1, (9, Failed)), ("a", 10, (15, Running))],
            "unfinished",
        ),
        // A server that lags behind shows the earlier Job again.
        (
            vec![("a", 10, (15, Complete)), ("a", 1, (9, Failed))],
            "a succeeded, 11 to Some(15)",
        ),
        // Another name is no retry.
        (
            vec![("a-1", 1, (9, Failed)), ("a-2", 10, (15, Complete))],
            "a-1 failed, 2 to Some(15)",
        ),
    ] {
        assert_eq!(shown(&fold(&events)), expected, "{events:?}");
    }
}

#[test]
fn a_job_that_is_stopped_after_others_succeeded_is_no_result_unless_all_are_gone() {
    let mut fold = fold(&[
        ("a", 1, (9, JobState::Complete)),
        ("b", 1, (2, JobState::Running)),
    ]);
    let (a, b) = (
        job("a", 1, (9, JobState::Complete)),
        job("b", 1, (2, JobState::Running)),
    );
    assert!(fold.remove(hash(&b), &b, true));
    assert_eq!(shown(&fold), "a succeeded, 2 to Some(9)");
    assert!(!fold.remove(hash(&a), &a, true));
    assert_eq!(shown(&fold), "deleted");
}

#[test]
fn pods_of_all_jobs_are_counted_and_the_start_is_that_after_a_resume() {
    let mut fold = JobFold::default();
    let with_pods = |job: Job, failed| {
        let pods = crate::model::PodCounts {
            failed,
            succeeded: 1,
            ..job.pods
        };
        Job { pods, ..job }
    };
    let first = with_pods(job("a", 1, (9, JobState::Failed)), 3);
    let retry = with_pods(job("a", 20, (30, JobState::Complete)), 1);
    fold.apply(hash(&first), &first, true);
    fold.remove(hash(&first), &first, true);
    fold.apply(hash(&retry), &retry, true);
    let FoldResult::Finished(run) = fold.result(&owner()) else {
        panic!("it is over")
    };
    assert_eq!(
        (run.failed_pods, run.succeeded_pods, run.jobs),
        (4, 2, NonZeroU32::new(2))
    );
    let mut fold = JobFold::default();
    let running = job("a", 1, (2, JobState::Running));
    fold.apply(hash(&running), &running, true);
    assert_eq!(fold.start(), Some(2));
    let suspended = job("a", 1, (3, JobState::Suspended));
    fold.apply(hash(&suspended), &suspended, false);
    assert_eq!(
        (fold.start(), fold.is_active(), fold.is_unfinished()),
        (None, false, true)
    );
    let resumed = Job {
        start: Some(50).into(),
        ..running
    };
    fold.apply(hash(&resumed), &resumed, false);
    assert_eq!((fold.start(), fold.is_active()), (Some(50), true));
}

#[test]
fn an_owner_that_lives_long_does_not_grow_without_end() {
    let mut fold = JobFold::default();
    for number in 0..10_000 {
        let state = if number % 2 == 0 {
            JobState::Complete
        } else {
            JobState::Failed
        };
        let job = job(&format!("step-{number}"), number, (number + 5, state));
        fold.apply(hash(&job), &job, true);
        fold.remove(hash(&job), &job, true);
        assert!(fold.jobs.len() <= 2 * MAX_GONE + 1, "{}", fold.jobs.len());
    }
    let FoldResult::Finished(run) = fold.result(&owner()) else {
        panic!("it is over")
    };
    assert_eq!(
        (&*run.job_name, run.jobs),
        ("step-1", NonZeroU32::new(10_000))
    );
    assert_eq!((run.start, run.end), (Some(1), Some(10_004)));
}
