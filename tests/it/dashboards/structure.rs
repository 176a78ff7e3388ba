//! Rules about a dashboard as a whole.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::model::{Dashboard, list, text, title};

/// What every dashboard has. The uid is the name of the file.
pub(super) fn identity(dashboard: &Dashboard) -> Vec<String> {
    let expected = [
        ("uid", json!(dashboard.name)),
        (
            "tags",
            json!(["job-status-exporter", "kubernetes", "batch"]),
        ),
        ("timezone", json!("browser")),
        ("refresh", json!("1m")),
        ("graphTooltip", json!(1)),
    ];
    let mut problems: Vec<_> = expected
        .iter()
        .filter(|(key, value)| dashboard.json[key] != *value)
        .map(|(key, value)| format!("{key} is {}, expected {value}", dashboard.json[key]))
        .collect();
    for key in ["title", "description"] {
        if text(&dashboard.json, key).is_empty() {
            problems.push(format!("no {key}"));
        }
    }
    problems
}

/// Grafana can import and provision the file without asking for anything.
pub(super) fn importable(dashboard: &Dashboard) -> Vec<String> {
    let mut problems: Vec<_> = ["__inputs", "__requires", "__elements"]
        .iter()
        .filter(|key| !dashboard.json[key].is_null())
        .map(|key| format!("{key} is only for dashboards on grafana.com"))
        .collect();
    if dashboard.json.get("id") != Some(&Value::Null) {
        problems.push("id is not null".to_owned());
    }
    // 39 is Grafana 11. Later versions than 42 are not those of the classic format.
    if !dashboard.json["schemaVersion"]
        .as_u64()
        .is_some_and(|version| (39..=42).contains(&version))
    {
        problems.push(format!("schemaVersion {}", dashboard.json["schemaVersion"]));
    }
    problems
}

/// A rule of Grafana's linter that the dashboards do not follow.
pub(super) fn uneditable(dashboard: &Dashboard) -> Vec<String> {
    if dashboard.json["editable"] == true {
        vec!["editable".to_owned()]
    } else {
        Vec::new()
    }
}

/// The grid has 24 columns. Panels do not overlap, and all ids are different.
pub(super) fn layout(dashboard: &Dashboard) -> Vec<String> {
    let (mut problems, mut ids, mut cells) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for panel in dashboard.all_panels() {
        if !panel["id"].as_u64().is_some_and(|id| ids.insert(id)) {
            problems.push(format!(
                "{}: the id {} is not unique",
                title(panel),
                panel["id"]
            ));
        }
        let [x, y, w, h] =
            ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap_or_default());
        if w == 0 || h == 0 || x + w > 24 {
            problems.push(format!("{}: not within the grid", title(panel)));
        }
        let free = (x..x + w).all(|column| (y..y + h).all(|row| cells.insert((column, row))));
        if !free {
            problems.push(format!("{}: overlaps another panel", title(panel)));
        }
        if panel["type"] == "row" && (title(panel).is_empty() || !list(panel, "panels").is_empty())
        {
            problems.push("a row has a title, and no panels of its own".to_owned());
        }
    }
    problems
}
