//! The time to render a scrape.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use job_status_exporter::{
    metrics::{self, Format, Metrics},
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
    let mut group = criterion.benchmark_group("render 10,000 jobs");
    for (name, format) in [("text", Format::Text), ("openmetrics", Format::OpenMetrics)] {
        let bytes: usize = metrics.scrape(format).map(|chunk| chunk.len()).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
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

criterion_group!(benches, render);
criterion_main!(benches);
