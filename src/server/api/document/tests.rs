//! The document, and how it is sent.

use std::{env, fs, path::Path};

use crate::{
    server::api::FindingCode,
    status::{Column, OverallState},
};

use super::*;

fn request(if_none_match: Option<&str>) -> Request<()> {
    let mut request = Request::new(());
    if let Some(tags) = if_none_match {
        let tags = tags.parse().expect("a value");
        request.headers_mut().insert(IF_NONE_MATCH, tags);
    }
    request
}

fn status(if_none_match: &str) -> u16 {
    let response = respond(&request(Some(if_none_match)), Encoding::Identity);
    response.status().as_u16()
}

#[test]
fn the_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let document = Api::openapi().to_pretty_json().expect("JSON") + "\n";
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &document).expect("written");
    }
    let written = fs::read_to_string(&path).expect("docs/openapi.json");
    assert!(
        written == document,
        "docs/openapi.json is stale: run `UPDATE_GOLDEN=1 cargo test` and read the diff"
    );
}

#[test]
fn clients_that_have_the_document_are_told_so() {
    let response = respond(&request(None), Encoding::Identity);
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[CACHE_CONTROL], "no-cache");
    let etag = response.headers()[ETAG].to_str().expect("text").to_owned();
    assert!(
        etag.starts_with("W/\"") && etag.len() == 2 * TAG_BYTES + 4,
        "{etag}"
    );
    for known in [
        etag.clone(),
        etag.replace("W/", ""),
        format!("\"x\", {etag}"),
        "*".to_owned(),
    ] {
        assert_eq!(status(&known), 304, "{known}");
    }
    assert_eq!(status("\"x\""), 200);
    assert_eq!(status(&etag.replace('"', "")), 200);
    let unchanged = respond(&request(Some(&etag)), Encoding::Gzip);
    assert_eq!(unchanged.headers()[ETAG], etag.as_str());
    assert!(matches!(unchanged.body(), Content::Full(body) if body.is_empty()));
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = serde_json::to_value(Api::openapi()).expect("JSON");
    let text = document.to_string();
    let references = text.split("\"$ref\":\"#").skip(1);
    let references: Vec<_> = references
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(references.len() > 50, "{}", references.len());
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[test]
fn the_manual_has_every_path_parameter_state_and_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md");
    let manual = fs::read_to_string(path).expect("docs/api.md");
    let document = serde_json::to_value(Api::openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let parameters = paths.values().flat_map(|item| {
        let parameters = item["get"]["parameters"].as_array();
        parameters.into_iter().flatten()
    });
    let in_query = parameters.filter(|parameter| parameter["in"] == "query");
    let names = in_query.map(|parameter| parameter["name"].as_str().expect("a name").to_owned());
    let states = OverallState::ALL.iter().map(|it| it.as_str().to_owned());
    let columns = Column::ALL.iter().map(|it| it.as_str().to_owned());
    let codes = FindingCode::ALL.iter().map(|it| it.as_str().to_owned());
    let paths = paths.keys().map(|path| format!("/api/v1{path}"));
    for word in paths.chain(names).chain(states).chain(columns).chain(codes) {
        assert!(manual.contains(&format!("`{word}`")), "{word}");
    }
}
