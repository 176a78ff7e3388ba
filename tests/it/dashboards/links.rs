//! Rules about links: to panels, to other dashboards and to runbooks.

use std::{collections::BTreeSet, fs, path::Path, sync::LazyLock};

use super::{
    NAMES,
    model::{Dashboard, list, strings, text},
    read,
};

/// The anchors of the headings of `docs/runbooks.md`: those of alerts have only letters.
static RUNBOOKS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks.md");
    let text = fs::read_to_string(path).expect("docs/runbooks.md");
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            line.trim_start_matches(['#', ' '])
                .to_lowercase()
                .replace(' ', "-")
        })
        .collect()
});

static DASHBOARDS: LazyLock<Vec<Dashboard>> =
    LazyLock::new(|| NAMES.iter().map(|name| read(name)).collect());

pub(super) fn check(dashboard: &Dashboard) -> Vec<String> {
    let mut problems = Vec::new();
    let links = list(&dashboard.json, "links");
    let has = |wanted: &dyn Fn(&serde_json::Value) -> bool| links.iter().any(wanted);
    if !has(&|link| {
        link["type"] == "dashboards"
            && link["tags"][0] == "job-status-exporter"
            && link["keepTime"] == true
            && link["includeVars"] == true
    }) {
        problems.push("no links to the other dashboards".to_owned());
    }
    if !has(&|link| link["url"] == "${runbooks}") {
        problems.push("no link to the runbooks".to_owned());
    }
    strings(&dashboard.json, "", &mut |key, url| {
        if key == "url" && !url.is_empty() {
            problems.extend(problem(url).map(|problem| format!("{url}: {problem}")));
        }
    });
    problems
}

/// What is wrong with the target of a link.
fn problem(url: &str) -> Option<String> {
    if let Some(anchor) = url.strip_prefix("${runbooks}") {
        let anchor = anchor.strip_prefix('#').unwrap_or(anchor);
        let exists = anchor.is_empty() || RUNBOOKS.contains(anchor);
        return (!exists).then(|| format!("docs/runbooks.md has no heading {anchor}"));
    }
    let Some((uid, query)) = url
        .strip_prefix("/d/")
        .and_then(|rest| rest.split_once('?'))
    else {
        // The runbook of a workload.
        return (url != "${__value.raw}").then(|| "neither a dashboard nor a runbook".to_owned());
    };
    let Some(dashboard) = DASHBOARDS.iter().find(|dashboard| dashboard.name == uid) else {
        return Some("no such dashboard".to_owned());
    };
    query
        .split('&')
        .find_map(|parameter| of_parameter(dashboard, parameter))
}

/// What is wrong with a parameter of a link to `dashboard`.
fn of_parameter(dashboard: &Dashboard, parameter: &str) -> Option<String> {
    if let Some(id) = parameter.strip_prefix("viewPanel=") {
        let exists = dashboard
            .panels()
            .any(|panel| panel["id"].as_u64() == id.parse().ok());
        return (!exists).then(|| format!("no panel {id}"));
    }
    let variable = parameter
        .strip_prefix("var-")
        .and_then(|rest| rest.split_once('='))
        .map(|(name, _)| name);
    let chosen = parameter
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix(":queryparam}"));
    match variable.or(chosen) {
        Some(name) => dashboard
            .variable(name)
            .is_none()
            .then(|| format!("no variable {name}")),
        None => (parameter != "${__url_time_range}").then(|| format!("the parameter {parameter}")),
    }
}

/// The numbers of the overview lead to what they count.
#[test]
fn every_number_of_the_overview_has_a_link() {
    let overview = read("batch-overview");
    for panel in overview.panels().filter(|panel| panel["type"] == "stat") {
        let links = list(&panel["fieldConfig"]["defaults"], "links");
        let to_dashboard = links
            .iter()
            .any(|link| text(link, "url").starts_with("/d/"));
        assert!(to_dashboard, "{}", panel["title"]);
    }
}
