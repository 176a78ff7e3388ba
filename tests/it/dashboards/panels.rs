//! Rules about panels: their texts, units and colours.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::model::{Dashboard, list, property, text};

/// Types that exist since Grafana 11 and are not deprecated.
const TYPES: [&str; 6] = [
    "bargauge",
    "heatmap",
    "stat",
    "state-timeline",
    "table",
    "timeseries",
];

/// The units of Grafana that the dashboards use. It shows any other text behind the number, without an error.
const UNITS: [&str; 10] = [
    "bool_yes_no",
    "bytes",
    "cps",
    "dateTimeAsIso",
    "dateTimeFromNow",
    "none",
    "percentunit",
    "reqps",
    "s",
    "short",
];

pub(super) fn types(dashboard: &Dashboard) -> Vec<String> {
    dashboard.each_panel(|panel| {
        (!TYPES.contains(&text(panel, "type"))).then(|| format!("the type {}", panel["type"]))
    })
}

/// All panels and queries use the variable `datasource`.
pub(super) fn datasource(dashboard: &Dashboard) -> Vec<String> {
    let expected = json!({"type": "prometheus", "uid": "${datasource}"});
    let wrong = |value: &Value| {
        (value["datasource"] != expected)
            .then(|| format!("the data source {}", value["datasource"]))
    };
    let mut problems = dashboard.each_panel(|panel| wrong(panel));
    problems.extend(dashboard.each_target(|_, target| wrong(target).into_iter().collect()));
    problems
}

/// Each panel has a title, a description that is a sentence, and a text for the case that there is no data.
pub(super) fn texts(dashboard: &Dashboard) -> Vec<String> {
    dashboard.each_panel(|panel| {
        let description = text(panel, "description");
        if text(panel, "title").is_empty() {
            Some("no title".to_owned())
        } else if description.len() < 15 || !description.ends_with('.') {
            Some("no description".to_owned())
        } else if property(panel, "noValue").any(|value| value == "")
            || panel["fieldConfig"]["defaults"]["noValue"].is_null()
        {
            Some("no text for the case that there is no data".to_owned())
        } else {
            None
        }
    })
}

pub(super) fn units(dashboard: &Dashboard) -> Vec<String> {
    dashboard.each_panel(|panel| {
        if panel["fieldConfig"]["defaults"]["unit"].is_null() {
            return Some("no unit".to_owned());
        }
        let unknown = property(panel, "unit")
            .find(|unit| !unit.as_str().is_some_and(|unit| UNITS.contains(&unit)));
        unknown.map(|unit| format!("the unit {unit}"))
    })
}

/// Each panel has queries, with different names. Tables have instant queries.
pub(super) fn targets(dashboard: &Dashboard) -> Vec<String> {
    dashboard.each_panel(|panel| {
        let targets = list(panel, "targets");
        let names: BTreeSet<_> = targets.iter().map(|target| text(target, "refId")).collect();
        if targets.is_empty() {
            return Some("no queries".to_owned());
        }
        if names.len() < targets.len() || names.contains("") {
            return Some("queries without a name of their own".to_owned());
        }
        let is_table = panel["type"] == "table";
        let wrong = |target: &&Value| {
            (target["format"] == "table") != is_table
                || target["instant"] == target["range"]
                || is_table && target["instant"] != true
        };
        targets
            .iter()
            .find(wrong)
            .map(|target| format!("the format of query {}", text(target, "refId")))
    })
}

/// What is well is not shown in a colour of alarm: red and orange are only for values from a threshold on, or mapped ones.
pub(super) fn colours(dashboard: &Dashboard) -> Vec<String> {
    let alarming = |colour: &Value| {
        colour
            .as_str()
            .is_some_and(|name| name.contains("red") || name.contains("orange"))
    };
    dashboard.each_panel(|panel| {
        let defaults = &panel["fieldConfig"]["defaults"];
        if alarming(&defaults["color"]["fixedColor"]) {
            return Some("an alarming colour for all values".to_owned());
        }
        for thresholds in property(panel, "thresholds") {
            let first = &thresholds["steps"][0];
            if !first["value"].is_null() || first["color"].is_null() || alarming(&first["color"]) {
                return Some("the first threshold is an alarm".to_owned());
            }
        }
        None
    })
}
