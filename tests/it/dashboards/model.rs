//! The parts of a dashboard that the rules look at.

use serde_json::Value;

/// A dashboard and the name of its file.
pub(super) struct Dashboard {
    pub(super) name: String,
    pub(super) json: Value,
}

impl Dashboard {
    pub(super) fn new(name: &str, json: Value) -> Self {
        Self {
            name: name.to_owned(),
            json,
        }
    }

    pub(super) fn variables(&self) -> &[Value] {
        list(&self.json["templating"], "list")
    }

    pub(super) fn variable(&self, name: &str) -> Option<&Value> {
        self.variables()
            .iter()
            .find(|variable| variable["name"] == name)
    }

    /// All panels, with the rows.
    pub(super) fn all_panels(&self) -> &[Value] {
        list(&self.json, "panels")
    }

    /// The panels that show something.
    pub(super) fn panels(&self) -> impl Iterator<Item = &Value> {
        self.all_panels()
            .iter()
            .filter(|panel| panel["type"] != "row")
    }

    /// Panels and their queries.
    pub(super) fn targets(&self) -> impl Iterator<Item = (&Value, &Value)> {
        self.panels().flat_map(|panel| {
            list(panel, "targets")
                .iter()
                .map(move |target| (panel, target))
        })
    }

    /// Collects what is wrong with the panels.
    pub(super) fn each_panel(&self, problem: impl Fn(&Value) -> Option<String>) -> Vec<String> {
        let problems = self
            .panels()
            .filter_map(|panel| Some(format!("{}: {}", title(panel), problem(panel)?)));
        problems.collect()
    }

    /// Collects what is wrong with the queries of the panels.
    pub(super) fn each_target(
        &self,
        problem: impl Fn(&Value, &Value) -> Vec<String>,
    ) -> Vec<String> {
        let problems = self.targets().flat_map(|(panel, target)| {
            let place = format!("{}, query {}", title(panel), text(target, "refId"));
            problem(panel, target)
                .into_iter()
                .map(move |problem| format!("{place}: {problem}"))
        });
        problems.collect()
    }
}

pub(super) fn title(panel: &Value) -> &str {
    text(panel, "title")
}

/// A string of an object; empty if there is none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// A list of an object; empty if there is none.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Calls `visit` with each string in `value` and with its key.
pub(super) fn strings<'a>(value: &'a Value, key: &'a str, visit: &mut dyn FnMut(&'a str, &'a str)) {
    match value {
        Value::String(text) => visit(key, text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, key, visit)),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, field)| strings(field, key, visit)),
        _ => {}
    }
}

/// The defaults of the fields, then the values of a property in all overrides.
pub(super) fn property<'a>(panel: &'a Value, id: &'a str) -> impl Iterator<Item = &'a Value> {
    let config = &panel["fieldConfig"];
    let overrides = list(config, "overrides")
        .iter()
        .flat_map(|one| list(one, "properties"));
    let values = overrides
        .filter(move |property| property["id"] == id)
        .map(|property| &property["value"]);
    std::iter::once(&config["defaults"][id])
        .filter(|value| !value.is_null())
        .chain(values)
}

/// The names of the variables in a text: `$name`, `${name}` and `${name:format}`.
pub(super) fn used_variables(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        &rest[..end]
    })
}
