use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::{
    model::{Change, FeedId, JobState, Name, Uid, WorkloadRef},
    store::objects::{Absence, Record as _, Version, Visibility},
};

const FEED: FeedId = FeedId(0);

fn job(workload: u32, age: u32) -> Job {
    let workload: Name = format!("workload-{workload:03}").into();
    let name = format!("{workload}-{age:05}");
    let uid = Uid::parse(&name);
    let owner = WorkloadRef {
        kind: "cronjob".into(),
        name: workload,
    };
    Job {
        state: JobState::Complete,
        created: Some(Seconds::from(age)).into(),
        ..Job::new("ops".into(), name.into(), uid, owner)
    }
}

/// The runs of 30 workloads, in the order of an API server.
fn listed(ages: std::ops::Range<u32>) -> Objects<Job> {
    let mut objects = Objects::default();
    let runs = (0..30).flat_map(|workload| ages.clone().map(move |age| job(workload, age)));
    change(&mut objects, Change::Replaced(runs.collect()));
    objects.arrange_if_grown(0);
    objects
}

fn change(objects: &mut Objects<Job>, change: Change<Job>) {
    objects.change(FEED, change, Absence::Deselected, &mut |_| {});
}

fn versions(objects: &Objects<Job>) -> Vec<Version> {
    let snapshot = objects.snapshot(&Visibility::new(Instant::now(), Vec::new()));
    let blocks = 0..snapshot.blocks();
    blocks.map(|block| snapshot.block_version(block)).collect()
}

/// How many blocks of before are no longer there.
fn spoilt(before: &[Version], objects: &Objects<Job>) -> usize {
    let after = versions(objects);
    let is_gone = |version: &&Version| !after.contains(version);
    before.iter().filter(is_gone).count()
}

#[test]
fn runs_that_leave_together_are_in_one_block() {
    let mut objects = listed(0..200);
    assert_eq!(versions(&objects).len(), 6);
    for round in 0..20 {
        let before = versions(&objects);
        for workload in 0..30 {
            change(&mut objects, Change::Applied(job(workload, 200 + round)));
            change(&mut objects, Change::Deleted(job(workload, round)));
        }
        // The block of the oldest and that of the newest; sometimes the next one begins.
        assert!(spoilt(&before, &objects) <= 3, "round {round}");
    }
    assert!(versions(&objects).len() <= 7);
}

#[test]
fn an_object_that_did_not_change_keeps_its_block() {
    let mut objects = listed(0..200);
    let before = versions(&objects);
    for age in 0..200 {
        change(&mut objects, Change::Applied(job(0, age)));
    }
    assert_eq!(versions(&objects), before);
}

#[test]
fn some_records_that_stay_do_not_keep_the_memory_of_all() {
    let mut objects = listed(0..400);
    assert_eq!(versions(&objects).len(), 12);
    for workload in 0..30 {
        for age in (0..400).filter(|age| age % 100 != 0) {
            change(&mut objects, Change::Deleted(job(workload, age)));
            objects.arrange_if_sparse();
        }
    }
    assert_eq!(objects.total(), 120);
    assert!(versions(&objects).len() <= 4, "{:?}", versions(&objects));
    assert!(objects.blocks.iter().count() == 120);
}

#[derive(Clone, Debug)]
enum Step {
    Apply(u32, u32),
    Delete(u32, u32),
    RemoveLater(u32, u32, u64),
    Expire(u64),
    Arrange,
}

fn step() -> impl Strategy<Value = Step> {
    let (workload, age) = (0..4_u32, 0..900_u32);
    prop_oneof![
        8 => (workload.clone(), age.clone()).prop_map(|(w, a)| Step::Apply(w, a)),
        4 => (workload.clone(), age.clone()).prop_map(|(w, a)| Step::Delete(w, a)),
        2 => (workload, age, 0..50_u64).prop_map(|(w, a, at)| Step::RemoveLater(w, a, at)),
        1 => (0..50_u64).prop_map(Step::Expire),
        1 => Just(Step::Arrange),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_record_is_found_wherever_it_was_moved(
        listed in proptest::collection::btree_set((0..4_u32, 0..900_u32), 0..3_000),
        steps in proptest::collection::vec(step(), 1..200),
    ) {
        let start = Instant::now();
        let mut objects = Objects::default();
        let all = listed.iter().map(|(workload, age)| job(*workload, *age)).collect();
        change(&mut objects, Change::Replaced(all));
        // The records that should be there, and when they leave.
        let mut expected: BTreeMap<(u32, u32), Option<u64>> =
            listed.into_iter().map(|run| (run, None)).collect();
        for step in steps {
            match step {
                Step::Apply(workload, age) => {
                    change(&mut objects, Change::Applied(job(workload, age)));
                    expected.insert((workload, age), None);
                }
                Step::Delete(workload, age) => {
                    // The deletion of one that is about to leave is known.
                    if expected.get(&(workload, age)) == Some(&None) {
                        change(&mut objects, Change::Deleted(job(workload, age)));
                        expected.remove(&(workload, age));
                    }
                }
                Step::RemoveLater(workload, age, seconds) => {
                    if let Some(slot) = objects.find(job(workload, age).key()) {
                        objects.schedule_removal(slot, start + Duration::from_secs(seconds));
                        let at = expected.get_mut(&(workload, age)).unwrap();
                        *at = at.or(Some(seconds));
                    }
                }
                Step::Expire(seconds) => {
                    objects.expire(start + Duration::from_secs(seconds), |_| {});
                    expected.retain(|_, at| at.is_none_or(|at| at > seconds));
                }
                Step::Arrange => objects.arrange(),
            }
        }
        prop_assert_eq!(objects.total(), expected.len());
        prop_assert_eq!(objects.len(), expected.values().filter(|at| at.is_none()).count());
        for (workload, age) in expected.keys() {
            let expected = job(*workload, *age);
            let found = objects.find(expected.key()).and_then(|slot| objects.get(slot));
            prop_assert_eq!(found, Some(&expected));
        }
    }
}
