//! Whole scrapes, read as the server reads them: each chunk is dropped before the next.

use std::hint::black_box;

use job_status_exporter::metrics::{Format, Metrics};

/// A scrape in this format, not compressed.
pub(crate) fn scrape(metrics: &Metrics, format: Format) {
    for chunk in metrics.scrape(format) {
        black_box(chunk);
    }
}

/// A scrape with gzip, as Prometheus asks for it: what changed since the last one is compressed.
pub(crate) fn scrape_gzip(metrics: &Metrics) {
    let scrape = metrics.scrape_compressed(Format::OpenMetrics, &[]);
    for chunk in scrape.into_iter().flatten().flatten() {
        black_box(chunk.unwrap_or_default());
    }
}
