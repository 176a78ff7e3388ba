//! Steps whose instructions `scripts/check-instructions` counts: `instructions STEP` takes one of them, once.
//!
//! Callgrind counts only while [`measured`] runs.

use std::{env, hint::black_box, sync::Arc};

use job_status_exporter::{
    decode::Decoder,
    metrics::{Format, Metrics, MetricsSettings},
    model::{Change, Update},
    store::Store,
};

#[path = "../../../benches/shared/churn.rs"]
mod churn;
#[path = "../../../benches/shared/page.rs"]
mod page;
#[allow(dead_code, reason = "tests use the rest")]
#[path = "../../../tests/it/records.rs"]
mod records;
#[path = "../../../benches/shared/scrapes.rs"]
mod scrapes;

use churn::Churn;
use scrapes::{scrape, scrape_gzip};

const JOBS: u32 = 10_000;
/// The Jobs that are new, end and are deleted.
const CHANGED: u32 = JOBS / 100;

/// What is counted.
#[inline(never)]
fn measured(step: impl FnOnce()) {
    step();
    // Otherwise this could be a jump to the step, which callgrind would not see as a return.
    black_box(());
}

fn main() -> Result<(), &'static str> {
    match env::args().nth(1).as_deref() {
        Some("decode") => decode(),
        Some("render-text") => render(0, |metrics| scrape(metrics, Format::Text)),
        Some("render-openmetrics") => render(0, |metrics| scrape(metrics, Format::OpenMetrics)),
        Some("render-protobuf") => render(0, |metrics| scrape(metrics, Format::Protobuf)),
        Some("render-gzip") => render(0, scrape_gzip),
        Some("render-gzip-again") => render(1, scrape_gzip),
        Some("apply") => apply(),
        Some("list-again") => list_again(0),
        Some("list-again-changed") => list_again(CHANGED),
        _ => return Err("the argument must be a step"),
    }
    Ok(())
}

/// A page of 500 Jobs. The decoder has seen them before, so their labels are known.
fn decode() {
    let page = page::recorded();
    let mut decoder = Decoder::default();
    page::decode(&page, &mut decoder);
    measured(|| page::decode(&page, &mut decoder));
}

/// A scrape after `before` others, each with churn after it.
fn render(before: usize, scrape: fn(&Metrics)) {
    let mut churn = Churn::new(JOBS);
    let store = Arc::new(Store::new(vec![churn.store.clone()]));
    let metrics = Metrics::new(store, &MetricsSettings::default());
    for _ in 0..before {
        scrape(&metrics);
        for update in churn.step(CHANGED) {
            churn.feed.push(update);
        }
    }
    measured(|| scrape(&metrics));
}

/// Events: a third each of new, ended and deleted Jobs.
fn apply() {
    let mut churn = Churn::new(JOBS);
    let updates = churn.step(10 * CHANGED);
    measured(|| {
        for update in updates {
            churn.feed.push(update);
        }
    });
}

/// The same list again, but for some Jobs.
fn list_again(changed: u32) {
    let mut churn = Churn::new(JOBS);
    drop(churn.step(changed));
    let update = Update::Jobs(Change::Replaced(churn.list()));
    measured(|| {
        churn.feed.push(update);
    });
}
