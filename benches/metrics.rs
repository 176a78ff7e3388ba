//! The time to render a scrape.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use job_status_exporter::{
    metrics::{self, Format, Metrics},
    model::{Job, WorkloadRef},
    store::Store,
};

#[path = "../tests/it/records.rs"]
mod records;

const JOBS: u32 = 10_000;

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
    let one_shot = |job: Job| Job {
        workload: WorkloadRef {
            kind: "job".into(),
            name: job.name.clone(),
        },
        due: None,
        ..job
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
    for (name, format) in [("text", Format::Text), ("openmetrics", Format::OpenMetrics)] {
        let bytes: usize = metrics.scrape(format).map(|chunk| chunk.len()).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
        let name = format!("{name}, {} kB", bytes / 1000);
        group.bench_function(name, |bencher| {
            // Drops each chunk before the next, as the server does.
            bencher.iter(|| {
                for chunk in metrics.scrape(format) {
                    black_box(chunk);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, render, render_one_shot);
criterion_main!(benches);
