//! How long a workload stays after its last object.

use super::*;

const DELETED: Duration = Duration::from_mins(2);

/// Asserts that the workload `tick` or `import` leaves after `retention`.
async fn assert_leaves_after(target: &Target, retention: Duration) {
    advance(retention.checked_sub(Duration::from_secs(1)).unwrap()).await;
    assert_eq!(shown(target).len(), 1);
    advance(Duration::from_secs(1)).await;
    assert_eq!(shown(target), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_workload_of_a_deleted_cronjob_leaves_soon() {
    for jobs_go_first in [true, false] {
        let target = target();
        sync(&target);
        apply_cronjob(&target, cronjob("c"));
        apply(&target, complete(1));
        let delete_cronjob = || {
            let change = Change::Deleted(cronjob("c"));
            target.cronjobs.push(Update::CronJobs(change));
        };
        if jobs_go_first {
            delete(&target, complete(1));
            delete_cronjob();
        } else {
            delete_cronjob();
            delete(&target, complete(1));
        }
        assert_leaves_after(&target, DELETED).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_cronjob_that_is_created_again_stays() {
    let target = target();
    sync(&target);
    apply_cronjob(&target, cronjob("c"));
    target
        .cronjobs
        .push(Update::CronJobs(Change::Deleted(cronjob("c"))));
    apply_cronjob(&target, cronjob("d"));
    advance(2 * retention()).await;
    assert_eq!(shown(&target), ["cronjob/tick"]);
}

#[tokio::test(start_paused = true)]
async fn a_workload_whose_jobs_were_cleaned_up_stays_longer() {
    let target = target();
    sync(&target);
    apply(&target, of("workflow", "etl", complete(1)));
    delete(&target, of("workflow", "etl", complete(1)));
    assert_leaves_after(&target, retention()).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_of_its_own_stays_if_its_ttl_deleted_it() {
    let import = |ttl, state| {
        of("job", "import", named("import", "u", run(1, state))).with_template(|template| {
            template.ttl = ttl;
        })
    };
    let never = 2_000_000_000;
    for (job, expected) in [
        (import(Some(0), JobState::Complete), retention()),
        (import(Some(300), JobState::Failed), retention()),
        (import(Some(never), JobState::Complete), DELETED),
        (import(None, JobState::Complete), DELETED),
        (import(Some(0), JobState::Running), DELETED),
    ] {
        let target = target();
        sync(&target);
        apply(&target, job.clone());
        delete(&target, job);
        assert_leaves_after(&target, expected).await;
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_deletion_that_was_seen_counts_as_unsuccessful() {
    let unsuccessful = |target: &Target| tick(target).state.totals.consecutive_unsuccessful.count;
    let target = target();
    apply(&target, running(1));
    list(&target, []);
    assert_eq!(unsuccessful(&target), 0, "it may have finished");
    // Each run is replaced by the next one.
    for number in 2..5 {
        apply(&target, running(number));
        delete(&target, running(number));
        delete(&target, running(number));
    }
    assert_eq!(unsuccessful(&target), 3);
    let manual = Job {
        manual: true,
        ..running(5)
    };
    apply(&target, manual.clone());
    delete(&target, manual);
    assert_eq!(unsuccessful(&target), 3);
    apply(&target, failed(6));
    let totals = tick(&target).state.totals;
    assert_eq!(totals.consecutive_unsuccessful.count, 4);
    assert_eq!(totals.consecutive_failures.count, 1);
    // Those before this success are over.
    apply(&target, complete(4));
    assert_eq!(unsuccessful(&target), 1);
}

#[tokio::test(start_paused = true)]
async fn the_creation_is_that_of_the_cronjob_else_of_the_first_job() {
    let target = target();
    let created = |target: &Target| tick(target).state.totals.created;
    list(&target, [running(3), running(2), running(4)]);
    assert_eq!(created(&target), Some(SINCE + 121));
    apply_cronjob(
        &target,
        CronJob {
            created: Some(SINCE - 500),
            ..cronjob("c")
        },
    );
    assert_eq!(created(&target), Some(SINCE - 500));
    apply(&target, running(1));
    assert_eq!(created(&target), Some(SINCE - 500));
}
