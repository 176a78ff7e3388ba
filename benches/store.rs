//! The time to apply an event, and to list again. With the allocations of one call.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use job_status_exporter::model::{Change, Update};

#[path = "shared/allocations.rs"]
mod allocations;
#[allow(dead_code, reason = "benches of scrapes use the rest")]
#[path = "shared/churn.rs"]
mod churn;
#[allow(dead_code, reason = "tests use the rest")]
#[path = "../tests/it/records.rs"]
mod records;

use churn::Churn;

const JOBS: u32 = 100_000;
/// The events that are applied in one go.
const EVENTS: u32 = 1_000;

fn apply(criterion: &mut Criterion) {
    let mut churn = Churn::new(JOBS);
    // A third each of new, ended and deleted Jobs.
    let updates = churn.step(EVENTS);
    let name = format!("apply {} events", updates.len());
    let feed = churn.feed.clone();
    allocations::report(&name, || {
        for update in updates {
            feed.push(update);
        }
    });
    let mut updates = Vec::new().into_iter();
    let mut next = || {
        updates.next().unwrap_or_else(|| {
            updates = churn.step(EVENTS).into_iter();
            updates.next().unwrap_or(Update::Contact)
        })
    };
    let mut group = criterion.benchmark_group("100,000 jobs");
    group.bench_function("apply one event", |bencher| {
        bencher.iter_batched(&mut next, |update| feed.push(update), BatchSize::SmallInput);
    });
    group.finish();
}

fn list_again(criterion: &mut Criterion) {
    let mut churn = Churn::new(JOBS);
    let feed = churn.feed.clone();
    let mut group = criterion.benchmark_group("100,000 jobs");
    group.sample_size(20);
    for (name, changed) in [
        ("list again, nothing changed", 0),
        ("list again, 1 % new, ended and gone", JOBS / 100),
    ] {
        let mut list = || {
            drop(churn.step(changed));
            Update::Jobs(Change::Replaced(churn.list()))
        };
        let update = list();
        allocations::report(name, || {
            feed.push(update);
        });
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                &mut list,
                |update| feed.push(update),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, apply, list_again);
criterion_main!(benches);
