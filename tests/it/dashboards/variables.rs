//! Rules about the variables of a dashboard.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    model::{Dashboard, list, strings, text, used_variables},
    queries,
};

/// Variables of Grafana that need no definition. `1` is a group of a regular expression in `PromQL`.
const BUILT_IN: [&str; 8] = [
    "1",
    "__all",
    "__all_variables",
    "__data",
    "__range",
    "__rate_interval",
    "__url_time_range",
    "__value",
];

/// There is one data source: the variable `datasource`, before all others.
pub(super) fn datasource(dashboard: &Dashboard) -> Vec<String> {
    let variables = dashboard.variables();
    let number = variables
        .iter()
        .filter(|variable| variable["type"] == "datasource")
        .count();
    let expected = [
        ("name", "datasource"),
        ("type", "datasource"),
        ("label", "Data source"),
        ("query", "prometheus"),
    ];
    let is_first = variables
        .first()
        .is_some_and(|first| expected.iter().all(|(key, value)| first[key] == *value));
    let others = variables
        .iter()
        .filter(|variable| variable["type"] == "query");
    let mut problems: Vec<_> = others
        .filter(|variable| {
            variable["datasource"] != json!({"type": "prometheus", "uid": "${datasource}"})
        })
        .map(|variable| format!("the data source of {}", variable["name"]))
        .collect();
    if number != 1 || !is_first {
        problems.push("the first variable is not the only data source".to_owned());
    }
    problems
}

pub(super) fn job(dashboard: &Dashboard) -> Vec<String> {
    scrape_label(dashboard, "job")
}

pub(super) fn instance(dashboard: &Dashboard) -> Vec<String> {
    scrape_label(dashboard, "instance")
}

fn scrape_label(dashboard: &Dashboard, name: &str) -> Vec<String> {
    let well = dashboard.variable(name).is_some_and(|variable| {
        variable["label"] == name
            && variable["multi"] == true
            && variable["allValue"] == ".+"
            && variable["type"] == "query"
    });
    if well {
        Vec::new()
    } else {
        vec![format!(
            "no variable {name}, or not as the linter expects it"
        )]
    }
}

/// The values of a variable are those of a label. Each variable depends on those before it only.
pub(super) fn queries(dashboard: &Dashboard) -> Vec<String> {
    let mut earlier = BTreeSet::new();
    let mut problems = Vec::new();
    for variable in dashboard.variables() {
        let (name, query) = (text(variable, "name"), text(variable, "query"));
        if variable["type"] == "query" {
            let parts = query
                .strip_prefix("label_values(")
                .and_then(|rest| rest.strip_suffix(')'));
            let Some((selector, label)) = parts.and_then(|parts| parts.rsplit_once(", ")) else {
                problems.push(format!("{name}: not label_values(selector, label)"));
                continue;
            };
            if label != name {
                problems.push(format!("{name}: the values are those of {label}"));
            }
            problems.extend(
                queries::problems(dashboard, selector)
                    .into_iter()
                    .map(|problem| format!("{name}: {problem}")),
            );
            problems.extend(queries::problems(
                dashboard,
                &format!("max by ({label}) (up)"),
            ));
            let later = used_variables(selector).find(|used| !earlier.contains(used));
            problems.extend(
                later.map(|used| format!("{name}: depends on {used}, which is not before it")),
            );
        }
        earlier.insert(name);
    }
    problems
}

pub(super) fn reload(dashboard: &Dashboard) -> Vec<String> {
    let of_queries = dashboard
        .variables()
        .iter()
        .filter(|variable| variable["type"] == "query");
    let wrong = of_queries.filter(|variable| variable["refresh"] != 2);
    wrong
        .map(|variable| {
            format!(
                "{} is not updated when the time range changes",
                variable["name"]
            )
        })
        .collect()
}

/// The choice "All" matches series without the label too, such as those of a single target without a name.
pub(super) fn all_values(dashboard: &Dashboard) -> Vec<String> {
    let mut problems = Vec::new();
    for variable in dashboard
        .variables()
        .iter()
        .filter(|variable| variable["multi"] == true)
    {
        let name = text(variable, "name");
        let expected = if ["job", "instance"].contains(&name) {
            ".+"
        } else {
            ".*"
        };
        let starts_with_all = list(&variable["current"], "value") == [Value::from("$__all")];
        if variable["includeAll"] != true || variable["allValue"] != expected || !starts_with_all {
            problems.push(format!(
                "{name}: `All` is not {expected}, or not the first choice"
            ));
        }
    }
    for required in ["cluster", "target"] {
        if dashboard
            .variable(required)
            .is_none_or(|variable| variable["multi"] != true)
        {
            problems.push(format!("{required}: no variable with several choices"));
        }
    }
    problems
}

/// Each variable that is used is defined, and each that is defined is used.
pub(super) fn defined(dashboard: &Dashboard) -> Vec<String> {
    let defined: BTreeSet<_> = dashboard
        .variables()
        .iter()
        .map(|variable| text(variable, "name"))
        .collect();
    let mut used = BTreeSet::new();
    strings(&dashboard.json, "", &mut |key, text| {
        // The current value of a variable is `$__all`.
        if [
            "expr",
            "query",
            "uid",
            "url",
            "legendFormat",
            "title",
            "description",
        ]
        .contains(&key)
        {
            used.extend(used_variables(text));
        }
    });
    let unknown = used
        .iter()
        .filter(|name| !defined.contains(*name) && !BUILT_IN.contains(name));
    let mut problems: Vec<_> = unknown
        .map(|name| format!("${name} is not defined"))
        .collect();
    problems.extend(
        defined
            .difference(&used)
            .map(|name| format!("${name} is not used")),
    );
    problems
}
