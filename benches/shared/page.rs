//! A page of a list, and what the client makes of it.

use std::hint::black_box;

use job_status_exporter::decode::{self, Decoder};

/// The page size of the client.
const PAGE_SIZE: usize = 500;

/// Returns a page that repeats recorded Jobs, as compact JSON like servers send it.
pub(crate) fn recorded() -> String {
    let recorded = include_str!("../../tests/fixtures/kubernetes-1.36/jobs.json");
    let recorded: serde_json::Value = serde_json::from_str(recorded).unwrap_or_default();
    let jobs = recorded["items"].as_array().into_iter().flatten().cycle();
    let items: Vec<String> = jobs.take(PAGE_SIZE).map(ToString::to_string).collect();
    assert_eq!(items.len(), PAGE_SIZE);
    let items = items.join(",");
    format!(r#"{{"kind":"JobList","metadata":{{"resourceVersion":"1"}},"items":[{items}]}}"#)
}

/// Decodes every Job of a page.
pub(crate) fn decode(page: &str, decoder: &mut Decoder) {
    let page = decode::page(page.as_bytes());
    for item in page.iter().flat_map(decode::Page::items) {
        black_box(decoder.job(item).is_ok());
    }
}
