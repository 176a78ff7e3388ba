//! Each setting in a store that has data.

use super::*;
use crate::{
    config::{Override, OverrideMatch, OverridesConfig},
    model::NotStarted,
};

fn overriding(set: Override) -> StoreSettings {
    let entries = vec![(OverrideMatch::default(), set)];
    StoreSettings {
        overrides: Arc::new(OverridesConfig { entries }),
        ..defaults()
    }
}

/// A target with a `CronJob` in namespace `a` and these Jobs.
fn target_with(jobs: &[Job]) -> (Arc<TargetStore>, [FeedHandle; 2]) {
    let store = target();
    let watched = feeds(&store, [jobs_in(""), cronjobs_in("")]);
    list_cronjobs(&watched[1], [cronjob("a")]);
    list(&watched[0], jobs);
    (store, watched)
}

#[tokio::test(start_paused = true)]
async fn thresholds_and_overrides_change_in_place() {
    let (store, _) = target_with(&[running("a", "x")]);
    let seen = || {
        let workload = workload(&store, "a").unwrap();
        let thresholds = workload.thresholds();
        let severity = workload.severity().map(str::to_owned);
        (thresholds.max_failures, thresholds.max_duration, severity)
    };
    assert_eq!(seen(), (0, None, None));
    let mut settings = defaults();
    settings.thresholds.max_failures = 3;
    store.configure(settings.clone());
    assert_eq!(seen(), (3, None, None));
    settings.overrides = overriding(Override {
        max_duration: Some(Duration::from_mins(1)),
        severity: Some("page".to_owned()),
        ..Override::default()
    })
    .overrides;
    let before = store.snapshot();
    store.configure(settings.clone());
    assert_eq!(seen(), (3, Some(60), Some("page".to_owned())));
    let after = store.snapshot();
    assert!(share(&before.jobs, &after.jobs));
    // A workload that is new gets them as well.
    settings.overrides = Arc::default();
    store.configure(settings);
    assert_eq!(seen(), (3, None, None));
}

#[tokio::test(start_paused = true)]
async fn another_retention_applies_to_what_has_left_already() {
    let (store, [jobs, cronjobs]) = target_with(&[complete("a", "x")]);
    jobs.push(Update::Jobs(Change::Deleted(complete("a", "x"))));
    cronjobs.push(Update::CronJobs(Change::Deleted(cronjob("a"))));
    let present = || {
        (
            shown(&store).len(),
            usize::from(workload(&store, "a").is_some()),
        )
    };
    let retain = |seconds| {
        let mut settings = defaults();
        settings.retention.deleted = Duration::from_secs(seconds);
        store.configure(settings);
    };
    pass(100).await;
    retain(600);
    pass(499).await;
    assert_eq!(present(), (1, 1));
    retain(550);
    assert_eq!(present(), (0, 0));
    assert_eq!(store.facts.lock().jobs.total(), 0, "it is removed");
}

#[tokio::test(start_paused = true)]
async fn a_workload_stays_for_the_new_retention_of_workloads() {
    let store = target();
    let [jobs] = feeds(&store, [jobs_in("")]);
    list(&jobs, [complete("a", "x")]);
    jobs.push(Update::Jobs(Change::Deleted(complete("a", "x"))));
    pass(1_000).await;
    let mut settings = defaults();
    settings.retention.workloads = Duration::from_secs(1_100);
    settings.retention.stale_after = Duration::from_secs(10_000);
    store.configure(settings);
    pass(99).await;
    assert!(workload(&store, "a").is_some());
    pass(1).await;
    assert!(workload(&store, "a").is_none());
}

#[tokio::test(start_paused = true)]
async fn another_limit_of_staleness_shows_and_hides_objects() {
    let (store, _) = target_with(&[running("a", "x")]);
    let stale_after = |seconds| {
        let mut settings = defaults();
        settings.retention.stale_after = Duration::from_secs(seconds);
        store.configure(settings);
    };
    stale_after(30);
    pass(31).await;
    assert_eq!(shown(&store), NONE);
    stale_after(31);
    assert_eq!(shown(&store), ["a/x"]);
}

#[tokio::test(start_paused = true)]
async fn another_budget_omits_and_shows_workloads() {
    let store = target();
    let [jobs] = feeds(&store, [jobs_in("")]);
    list(
        &jobs,
        ["a", "b", "c"].map(|namespace| running(namespace, "x")),
    );
    let shown_with = |workloads| {
        store.configure(StoreSettings {
            workloads,
            ..defaults()
        });
        store.snapshot().workloads.iter().count()
    };
    assert_eq!([2, 1, 3].map(shown_with), [2, 1, 3]);
}

#[tokio::test(start_paused = true)]
async fn the_last_finished_jobs_are_known_when_only_they_are_shown() {
    let later = Job {
        start: Some(MIDNIGHT + 60).into(),
        due: Some(MIDNIGHT + 60).into(),
        ..complete("a", "later")
    };
    let (store, [jobs, _]) = target_with(&[
        later.clone(),
        complete("a", "earlier"),
        running("a", "active"),
        complete("b", "other"),
    ]);
    let only_last = |last_jobs_only| {
        store.configure(StoreSettings {
            last_jobs_only,
            ..defaults()
        });
        shown(&store)
    };
    let last = ["a/active", "a/later", "b/other"];
    assert_eq!(only_last(true), last);
    assert_eq!(only_last(false).len(), 4);
    let latest = Job {
        due: Some(MIDNIGHT + 120).into(),
        ..complete("a", "latest")
    };
    apply(&jobs, latest.clone());
    assert_eq!(only_last(true), ["a/active", "a/latest", "b/other"]);
    // It leaves, and those before it are not the last one.
    only_last(false);
    jobs.push(Update::Jobs(Change::Deleted(latest)));
    pass(120).await;
    assert_eq!(only_last(true), ["a/active", "b/other"]);
}

/// The number of overdue runs, why nothing started, and the hour of the next due time.
fn schedule(store: &TargetStore) -> (Option<u64>, Option<NotStarted>, Option<Seconds>) {
    let snapshot = store.snapshot();
    let record = snapshot.cronjobs.iter().next().unwrap();
    let status = record.schedule_status().unwrap();
    let next = status.next.map(|next| (next - MIDNIGHT) / 3600);
    (status.overdue_runs, status.not_started, next)
}

fn catch_up(feeds: &[FeedHandle; 2]) {
    for feed in feeds {
        feed.push(Update::CaughtUp(clock()));
    }
}

#[tokio::test(start_paused = true)]
async fn schedules_follow_another_time_zone_of_the_controller() {
    let (store, watched) = target_with(&[]);
    let zone = |name| StoreSettings {
        controller_zone: kube_cron::Zone::named(name).unwrap(),
        ..defaults()
    };
    assert_eq!(schedule(&store), (Some(0), None, Some(3)));
    store.configure(zone("Europe/Berlin"));
    assert_eq!(schedule(&store), (Some(0), None, Some(2)));
    // 02:30 in UTC: overdue in Berlin, not due yet in UTC.
    pass(9_000).await;
    catch_up(&watched);
    let overdue = (Some(1), Some(NotStarted::Unexplained), Some(26));
    assert_eq!(schedule(&store), overdue);
    store.configure(defaults());
    assert_eq!(schedule(&store), (Some(0), None, Some(3)));
    store.configure(zone("Europe/Berlin"));
    assert_eq!(schedule(&store), overdue);
    let missed = workload(&store, "a")
        .unwrap()
        .state
        .schedule
        .unwrap()
        .missed;
    assert_eq!(missed, 1, "a due time is missed once");
    // The queue of evaluations has the new times.
    store.configure(defaults());
    pass(3_600).await;
    catch_up(&watched);
    assert_eq!(schedule(&store).0, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_time_zone_of_its_own_makes_a_cronjob_independent() {
    let store = target();
    let [cronjobs] = feeds(&store, [cronjobs_in("")]);
    let own = CronJob {
        time_zone: Some("Etc/UTC".into()),
        ..cronjob("a")
    };
    list_cronjobs(&cronjobs, [own]);
    let before = store.snapshot();
    store.configure(StoreSettings {
        controller_zone: kube_cron::Zone::named("Europe/Berlin").unwrap(),
        ..defaults()
    });
    let after = store.snapshot();
    assert!(share(&before.cronjobs, &after.cronjobs));
}

#[tokio::test(start_paused = true)]
async fn another_start_grace_judges_due_times_again() {
    let (store, watched) = target_with(&[]);
    let grace = |seconds| {
        let mut settings = defaults();
        settings.thresholds.start_grace = seconds;
        settings
    };
    pass(3 * 3600 + 30).await;
    catch_up(&watched);
    assert_eq!(schedule(&store).0, Some(0));
    store.configure(grace(20));
    assert_eq!(schedule(&store).0, Some(1));
    store.configure(grace(600));
    assert_eq!(schedule(&store).0, Some(0));
    store.configure(overriding(Override {
        start_grace: Some(Duration::from_secs(20)),
        ..Override::default()
    }));
    assert_eq!(schedule(&store).0, Some(1));
    store.configure(grace(600));
    pass(571).await;
    catch_up(&watched);
    assert_eq!(schedule(&store).0, Some(1), "it is evaluated in time");
}

#[tokio::test(start_paused = true)]
async fn the_buckets_of_histograms_stay() {
    let (store, [jobs, _]) = target_with(&[running("a", "x")]);
    store.configure(StoreSettings {
        run_duration_buckets: [1.0].into(),
        last_jobs_only: true,
        ..defaults()
    });
    apply(&jobs, complete("a", "x"));
    let workload = workload(&store, "a").unwrap();
    let bounds = defaults().run_duration_buckets;
    assert_eq!(workload.run_duration_bounds(), &*bounds);
    let buckets = &workload.state.totals.success_durations.buckets;
    assert!(
        buckets.len() <= bounds.len() + 1 && buckets.len() > 2,
        "{buckets:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_ignored_changes_with_the_next_list() {
    let (store, [jobs, cronjobs]) = target_with(&[complete("a", "x"), running("a", "y")]);
    let relist = |jobs: &FeedHandle, cronjobs: &FeedHandle| {
        list(jobs, [complete("a", "x"), running("a", "y")]);
        list_cronjobs(cronjobs, [cronjob("a")]);
    };
    let scopes = || [jobs_in(""), cronjobs_in("")];
    let ignore = Override {
        ignore: Some(true),
        ..Override::default()
    };
    drop((jobs, cronjobs));
    store.configure(overriding(ignore));
    assert_eq!(shown(&store), ["a/x", "a/y"]);
    let [jobs, cronjobs] = restart(&store, ObjectSelection::Same, scopes());
    relist(&jobs, &cronjobs);
    assert_eq!(shown(&store), NONE);
    assert_eq!(store.snapshot().cronjobs.iter().count(), 0);
    pass(120).await;
    assert!(workload(&store, "a").is_none());
    store.configure(defaults());
    let [jobs, cronjobs] = restart(&store, ObjectSelection::Same, scopes());
    relist(&jobs, &cronjobs);
    assert_eq!(shown(&store), ["a/x", "a/y"]);
    assert_eq!(
        counts(&store, "a"),
        (0, 0, 1),
        "it finished while it was ignored"
    );
    let totals = workload(&store, "a").unwrap().state.totals;
    assert!(totals.last.is_some_and(|last| last.succeeded));
    apply(&jobs, complete("a", "y"));
    assert_eq!(counts(&store, "a"), (1, 0, 0));
}
