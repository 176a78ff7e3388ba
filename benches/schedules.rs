//! The cost of evaluating the schedules of many CronJobs, at the first list and at scrapes.

use std::{cell::Cell, hint::black_box, sync::Arc};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use job_status_exporter::{
    model::{Change, CronJob, FeedHandle, FeedScope, Seconds, Sink, Uid, Update},
    store::{StoreSettings, TargetStore},
};

const CRONJOBS: i64 = 10_000;
/// 2026-11-23T00:00:00Z.
const MIDNIGHT: Seconds = 1_795_392_000;

thread_local! {
    static NOW: Cell<Seconds> = const { Cell::new(MIDNIGHT) };
}

fn clock() -> Timestamp {
    Timestamp::from_second(NOW.get()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Typical schedules: hourly, nightly in a time zone, on working days.
fn cronjob(n: i64) -> CronJob {
    let (minute, hour) = (n % 60, n / 60 % 24);
    let (schedule, zone) = match n % 4 {
        0 | 1 => (format!("{minute} * * * *"), None),
        2 => (format!("{minute} {hour} * * *"), Some("Europe/Berlin")),
        _ => (format!("{minute} {hour} * * 1-5"), Some("America/New_York")),
    };
    let name = format!("nightly-report-{n}");
    let uid = Uid::parse(&name);
    CronJob {
        time_zone: zone.map(Into::into),
        created: Some(MIDNIGHT - 30 * 86_400),
        last_schedule: Some(MIDNIGHT - 60),
        ..CronJob::new("reports".into(), name.into(), uid, schedule.into())
    }
}

fn empty() -> (Arc<TargetStore>, FeedHandle) {
    NOW.set(MIDNIGHT);
    let settings = StoreSettings {
        clock,
        ..StoreSettings::default()
    };
    let store = Arc::new(TargetStore::new(None, settings.into()));
    let feed = store.clone().register(FeedScope::CronJobs(None));
    (store, feed)
}

fn list(feed: &FeedHandle) {
    let all = (0..CRONJOBS).map(cronjob).collect();
    feed.push(Update::CronJobs(Change::Replaced(all)));
    feed.push(Update::CaughtUp(clock()));
}

fn schedules(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("10,000 cronjobs");
    group.sample_size(20);
    group.bench_function("first list", |bencher| {
        bencher.iter_batched_ref(empty, |(_, feed)| list(feed), BatchSize::PerIteration);
    });
    let (store, feed) = empty();
    list(&feed);
    group.bench_function("snapshot between due times", |bencher| {
        bencher.iter(|| black_box(store.snapshot()));
    });
    group.bench_function("snapshot after an hour", |bencher| {
        let listed = || {
            let (store, feed) = empty();
            list(&feed);
            NOW.set(MIDNIGHT + 3_600);
            (store, feed)
        };
        bencher.iter_batched_ref(
            listed,
            |(store, feed)| {
                feed.push(Update::CaughtUp(clock()));
                black_box(store.snapshot())
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, schedules);
criterion_main!(benches);
