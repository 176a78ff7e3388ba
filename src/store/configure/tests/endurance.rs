//! Many restarts and changes of settings leave nothing behind.

use super::*;

/// How much a store holds: every record, vector, map and queue is in it.
fn size(store: &TargetStore) -> usize {
    format!("{:?}", store.facts.lock()).len()
}

/// The settings of a round. Each differs from those of the rounds before and after.
fn settings(round: usize) -> StoreSettings {
    let mut settings = defaults();
    let odd = u64::try_from(round % 2).unwrap();
    settings.retention.workloads += Duration::from_secs(odd);
    settings.retention.deleted += Duration::from_secs(odd);
    settings.thresholds.start_grace += i64::try_from(odd).unwrap();
    settings.last_jobs_only = odd == 1;
    if odd == 1 {
        settings.controller_zone = kube_cron::Zone::named("Europe/Berlin").unwrap();
        settings.labels = [labels::mapped("team", "team")].into();
    }
    settings
}

fn read_all(watched: &[FeedHandle; 2], namespace: &str) {
    list(
        &watched[0],
        [running(namespace, "x"), complete(namespace, "y")],
    );
    list_cronjobs(&watched[1], [cronjob(namespace)]);
}

/// Alternates between two scopes, single Jobs, the same scopes again, and scopes that are never read.
fn restart_five_times(store: &Arc<TargetStore>, round: usize) {
    for namespace in ["", "a"] {
        let scopes = [jobs_in(namespace), cronjobs_in(namespace)];
        let watched = restart(store, ObjectSelection::Changed, scopes);
        read_all(&watched, "a");
    }
    let scopes = [polled("a", "x"), polled("a", "z")];
    let [x, z] = restart(store, ObjectSelection::Changed, scopes);
    apply(&x, running("a", "x"));
    z.push(Update::JobAbsent);
    let [never] = restart(
        store,
        ObjectSelection::Changed,
        [jobs_in(&format!("never-{round}"))],
    );
    if round.is_multiple_of(2) {
        never.push(Update::Failed(FeedError::default()));
    }
    let scopes = [jobs_in(""), cronjobs_in("")];
    let watched = restart(store, ObjectSelection::Changed, scopes);
    read_all(&watched, "a");
    // A workload that leaves, and a Job that stays for its retention.
    list(
        &watched[0],
        [
            complete("a", "y"),
            running("b", &format!("z-{}", round % 7)),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_thousand_restarts_leave_nothing_behind() {
    for with_settings in [true, false] {
        NOW.set(MIDNIGHT);
        let store = target();
        let watched = feeds(&store, [jobs_in(""), cronjobs_in("")]);
        read_all(&watched, "a");
        let mut before = 0;
        for round in 0..=220 {
            if with_settings {
                store.configure(settings(round));
            }
            restart_five_times(&store, round);
            if round == 20 {
                before = size(&store);
            }
            // Everything that has left is removed.
            if round % 20 == 19 {
                pass(7_200).await;
            }
        }
        let after = size(&store);
        assert!(after < before + before / 10, "{before} {after}");
        assert_eq!(store.snapshot().status.feeds, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn restarts_during_an_outage_leave_nothing_behind() {
    let store = target();
    let mut sizes = Vec::new();
    for round in 100..300 {
        let scope = jobs_in(&format!("never-{round}"));
        let [feed] = restart(&store, ObjectSelection::Changed, [scope]);
        if round % 3 == 0 {
            feed.push(Update::Failed(FeedError::default()));
        }
        sizes.push(size(&store));
    }
    let (early, late) = sizes.split_at(20);
    assert!(late.iter().max() <= early.iter().max(), "{sizes:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_settings_again_touch_no_record() {
    let store = target();
    let watched = feeds(&store, [jobs_in(""), cronjobs_in("")]);
    read_all(&watched, "a");
    let before = store.snapshot();
    store.configure(defaults());
    let mut budget = defaults();
    budget.workloads = 7;
    store.configure(budget);
    let after = store.snapshot();
    assert!(share(&before.jobs, &after.jobs));
    assert!(share(&before.workloads, &after.workloads));
    assert!(share(&before.cronjobs, &after.cronjobs));
}

/// The schedule is so rare that no evaluation is due meanwhile.
#[tokio::test(start_paused = true)]
async fn selections_that_change_to_and_fro_leave_nothing_behind() {
    let store = target();
    let yearly = CronJob {
        schedule: "0 3 1 6 *".into(),
        ..cronjob("a")
    };
    let mut sizes = Vec::new();
    for rounds in [20, 200] {
        for round in 1..=rounds {
            let scopes = [jobs_in(""), cronjobs_in("")];
            let [jobs, cronjobs] = restart(&store, ObjectSelection::Changed, scopes);
            if round % 2 == 0 {
                list(&jobs, [running("a", "x"), complete("a", "y")]);
                list_cronjobs(&cronjobs, [yearly.clone()]);
            } else {
                list(&jobs, []);
                list_cronjobs(&cronjobs, []);
            }
        }
        // What is kept for a while is removed.
        pass(7_200).await;
        drop(store.snapshot());
        sizes.push(size(&store));
    }
    assert!(sizes[1] < sizes[0] + sizes[0] / 10, "{sizes:?}");
}
