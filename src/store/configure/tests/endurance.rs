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
fn restart_four_times(store: &Arc<TargetStore>, round: usize) {
    store.configure(settings(round));
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
        never.push(Update::Failed);
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
    let store = target();
    let watched = feeds(&store, [jobs_in(""), cronjobs_in("")]);
    read_all(&watched, "a");
    for round in 0..20 {
        restart_four_times(&store, round);
    }
    pass(7_200).await;
    restart_four_times(&store, 20);
    let before = size(&store);
    for round in 21..=220 {
        restart_four_times(&store, round);
        if round % 20 == 0 {
            pass(7_200).await;
        }
    }
    pass(7_200).await;
    restart_four_times(&store, 222);
    let after = size(&store);
    assert!(after < before + before / 10, "{before} {after}");
    assert_eq!(store.snapshot().status.feeds, 2);
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
