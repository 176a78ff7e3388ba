//! The time to decode one page of a list. With the allocations of one page.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use job_status_exporter::decode::Decoder;

#[path = "shared/allocations.rs"]
mod allocations;
#[path = "shared/page.rs"]
mod page;

fn decode_page(criterion: &mut Criterion) {
    let page = page::recorded();
    let mut decoder = Decoder::default();
    page::decode(&page, &mut decoder);
    allocations::report("decode a page of 500 jobs", || {
        page::decode(&page, &mut decoder);
    });
    let mut group = criterion.benchmark_group("decode a page of 500 jobs");
    group.throughput(Throughput::Bytes(page.len() as u64));
    group.bench_function("recorded", |bencher| {
        bencher.iter(|| page::decode(&page, &mut decoder));
    });
    group.finish();
}

criterion_group!(benches, decode_page);
criterion_main!(benches);
