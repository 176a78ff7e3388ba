//! The order of the objects, and how they churn.

use super::*;

fn cluster(jobs: u32, cronjobs: u32, churning: u32) -> Cluster {
    let size = Size {
        jobs,
        cronjobs,
        churning,
        history: 1_000,
    };
    Cluster::new(size, 1_800_000_000)
}

fn jobs(cluster: &Cluster) -> Vec<Job> {
    let objects = cluster.objects(Kind::Job, Position::default());
    let jobs = objects.filter_map(|(_, object)| match object {
        Object::Job(job) => Some(job),
        Object::CronJob(_) | Object::Pod(_) => None,
    });
    jobs.collect()
}

#[test]
fn objects_are_in_the_order_of_their_keys_and_continue_anywhere() {
    let cluster = cluster(1_003, 50, 50);
    for (kind, count) in [(Kind::Job, 1_003), (Kind::Pod, 1_003), (Kind::CronJob, 50)] {
        let all: Vec<_> = cluster.objects(kind, Position::default()).collect();
        assert_eq!((all.len(), cluster.count(kind)), (count, count));
        assert!(all.is_sorted_by_key(|(position, _)| *position));
        for start in [0, 1, 20, 49] {
            let rest: Vec<_> = cluster.objects(kind, all[start].0).collect();
            assert_eq!(rest, all[start..]);
            let rest: Vec<_> = cluster.objects(kind, all[start].0.after()).collect();
            assert_eq!(rest, all[start + 1..]);
        }
    }
}

#[test]
fn churn_keeps_the_number_of_jobs_and_only_deletes_finished_ones() {
    let mut cluster = cluster(1_000, 10, 10);
    let start = cluster.version();
    let before = jobs(&cluster);
    for _ in 0..100 {
        cluster.add(1_800_000_001);
        cluster.end(1_800_000_002);
        cluster.delete();
    }
    let after = jobs(&cluster);
    assert_eq!(after.len(), 1_000);
    let active = |jobs: &[Job]| jobs.iter().filter(|job| job.ended.is_none()).count();
    assert_eq!((active(&before), active(&after)), (100, 100));
    let gone = before.iter().filter(|job| {
        !after
            .iter()
            .any(|other| (other.cronjob, other.number) == (job.cronjob, job.number))
    });
    assert_eq!(gone.filter(|job| job.ended.is_some()).count(), 100);
    // A new run and an ended one change their CronJob too.
    let changes: Vec<_> = cluster.changes_since(start).unwrap().collect();
    assert_eq!(changes.len(), 500);
    let versions = changes.iter().map(|change| change.object.version());
    assert!(versions.eq(start + 1..=cluster.version()));
}

#[test]
fn only_the_churning_cronjobs_change() {
    let mut cluster = cluster(1_000, 10, 2);
    let start = cluster.version();
    for _ in 0..20 {
        cluster.add(1_800_000_001);
        cluster.end(1_800_000_002);
        cluster.delete();
    }
    let mut changes = cluster.changes_since(start).unwrap();
    assert!(changes.all(|change| match change.object {
        Object::Job(job) | Object::Pod(job) => job.cronjob < 2,
        Object::CronJob(cronjob) => cronjob.number < 2,
    }));
}

#[test]
fn old_changes_are_forgotten() {
    let mut cluster = cluster(1_000, 10, 10);
    let start = cluster.version();
    for _ in 0..500 {
        cluster.add(1_800_000_001);
    }
    assert!(cluster.changes_since(start).is_some());
    cluster.add(1_800_000_001);
    assert!(cluster.changes_since(start).is_none());
    assert_eq!(cluster.changes_since(cluster.version()).unwrap().count(), 0);
}
