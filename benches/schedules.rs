//! What the schedules of many CronJobs cost a scrape.

use std::{cell::Cell, hint::black_box, sync::Arc};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use job_status_exporter::{
    model::{Change, CronJob, FeedId, FeedScope, Seconds, Sink, Uid, Update},
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

/// Schedules as people write them: each hour, each night in some zone, each working day.
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

fn empty() -> TargetStore {
    NOW.set(MIDNIGHT);
    let settings = StoreSettings {
        clock,
        ..StoreSettings::default()
    };
    TargetStore::new(None, vec![FeedScope::CronJobs], Arc::new(settings))
}

fn list(slice: &TargetStore) {
    let all = (0..CRONJOBS).map(cronjob).collect();
    slice.push(FeedId(0), Update::CronJobs(Change::Replaced(all)));
}

fn schedules(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("10,000 cronjobs");
    group.sample_size(20);
    group.bench_function("first list", |bencher| {
        bencher.iter_batched_ref(empty, |slice| list(slice), BatchSize::PerIteration);
    });
    let slice = empty();
    list(&slice);
    group.bench_function("snapshot between due times", |bencher| {
        bencher.iter(|| black_box(slice.snapshot()));
    });
    group.bench_function("snapshot after an hour", |bencher| {
        let listed = || {
            let slice = empty();
            list(&slice);
            NOW.set(MIDNIGHT + 3_600);
            slice
        };
        bencher.iter_batched_ref(
            listed,
            |slice| black_box(slice.snapshot()),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, schedules);
criterion_main!(benches);
