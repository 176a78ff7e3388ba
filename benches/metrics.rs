//! The time to render a scrape. With the allocations of one.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use job_status_exporter::{
    metrics::{self, Format, Metrics},
    model::{Job, WorkloadRef},
    store::Store,
};

#[path = "shared/allocations.rs"]
mod allocations;
#[path = "shared/churn.rs"]
mod churn;
#[path = "../tests/it/records.rs"]
mod records;
#[path = "shared/scrapes.rs"]
mod scrapes;

use churn::Churn;
use scrapes::{scrape, scrape_gzip};

const JOBS: u32 = 10_000;
/// The Jobs of a large cluster.
const MANY_JOBS: u32 = 100_000;
const FORMATS: [(&str, Format); 2] = [("text", Format::Text), ("openmetrics", Format::OpenMetrics)];

fn render(criterion: &mut Criterion) {
    let target = records::target(
        None,
        records::jobs(JOBS),
        vec![records::cronjob("nightly-report")],
    );
    let metrics = Metrics::new(
        Arc::new(Store::new(vec![target])),
        &metrics::MetricsSettings::default(),
    );
    render_group(criterion, "render 10,000 jobs", &metrics);
}

/// Finished Jobs of their own, each a workload.
fn render_one_shot(criterion: &mut Criterion) {
    let one_shot = |job: Job| {
        let workload = WorkloadRef {
            kind: "job".into(),
            name: job.name.to_shared(),
        };
        Job {
            due: None.into(),
            ..job.with_workload(workload)
        }
    };
    let jobs = records::jobs(JOBS).into_iter().map(one_shot).collect();
    let target = records::target(None, jobs, Vec::new());
    let metrics = Metrics::new(
        Arc::new(Store::new(vec![target])),
        &metrics::MetricsSettings::default(),
    );
    let name = "render 10,000 finished jobs without an owner";
    render_group(criterion, name, &metrics);
}

fn render_group(criterion: &mut Criterion, name: &str, metrics: &Metrics) {
    let mut group = criterion.benchmark_group(name);
    for (name, format) in FORMATS {
        let bytes: usize = metrics.scrape(format).map(|chunk| chunk.len()).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
        let name = format!("{name}, {} kB", bytes / 1000);
        group.bench_function(name, |bencher| bencher.iter(|| scrape(metrics, format)));
    }
    group.finish();
}

/// The first scrape with gzip, another one, and one after 1 % of the Jobs are new, as many ended and as many are gone.
fn render_with_churn(criterion: &mut Criterion) {
    let mut churn = Churn::new(MANY_JOBS);
    let target = churn.store.clone();
    let new = || {
        let store = Arc::new(Store::new(vec![target.clone()]));
        Metrics::new(store, &metrics::MetricsSettings::default())
    };
    let mut group = criterion.benchmark_group("render 100,000 jobs with gzip");
    group.sample_size(20);
    let metrics = new();
    let mut change = || {
        for update in churn.step(MANY_JOBS / 100) {
            churn.feed.push(update);
        }
    };
    let report = |step| allocations::report(step, || scrape_gzip(&metrics));
    report("cold");
    report("warm");
    change();
    report("1 % changed");
    group.bench_function("cold", |bencher| {
        bencher.iter_batched_ref(new, |metrics| scrape_gzip(metrics), BatchSize::PerIteration);
    });
    group.bench_function("warm", |bencher| bencher.iter(|| scrape_gzip(&metrics)));
    group.bench_function("1 % changed", |bencher| {
        bencher.iter_batched(
            &mut change,
            |()| scrape_gzip(&metrics),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, render, render_one_shot, render_with_churn);
criterion_main!(benches);
