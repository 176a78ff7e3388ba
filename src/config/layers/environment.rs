//! The layers of environment variables.

use std::{
    ffi::{OsStr, OsString},
    sync::Arc,
};

use figment::value::Value as FigmentValue;

use super::{Layer, nested};
use crate::config::{
    problem::{Position, Problem, SettingSource},
    variables::{ENVIRONMENT_PREFIX, Variable, classify},
    yaml,
};

/// The environment variables that concern the exporter.
#[derive(Default)]
pub(super) struct Environment<'a> {
    /// The key path, name and value of each setting, in the order of the names.
    settings: Vec<(Vec<String>, String, &'a OsStr)>,
    /// Variables whose names differ from those of settings in underscores only.
    pub(super) problems: Vec<Problem>,
    /// Other variables whose names begin like those of settings.
    pub(super) warnings: Vec<Problem>,
}

impl<'a> Environment<'a> {
    /// Classifies `variables`. The result does not depend on their order. One without a value is absent, like such a key.
    pub(super) fn new(variables: &'a [(OsString, OsString)]) -> Self {
        let mut environment = Self::default();
        let mut variables: Vec<_> = variables.iter().collect();
        variables.sort();
        for (name, value) in variables {
            let (name, text) = (name.to_string_lossy(), value.to_string_lossy());
            if !text.trim().is_empty() {
                environment.add(&name, value, classify(&name, &text));
            }
        }
        environment
    }

    /// Adds the variable `name`.
    fn add(&mut self, name: &str, value: &'a OsStr, variable: Variable) {
        let problem = |message: &str| {
            let source = Arc::new(SettingSource::variable(name));
            Problem::new(source, "", message)
        };
        match variable {
            Variable::Setting(path) => self.settings.push((path, name.to_owned(), value)),
            Variable::Misspelt(intended) => {
                let hint = format!("did you mean `{intended}`?");
                self.problems.push(problem("is not a setting").hint(hint));
            }
            // Warnings are log messages, so they have no lines with hints.
            Variable::Unknown(similar) => self.warnings.push(match similar {
                Some(similar) => problem(&format!("has no effect; did you mean `{similar}`?")),
                None => problem(&format!(
                    "has no effect; settings have names of the form {ENVIRONMENT_PREFIX}KEY__KEY"
                )),
            }),
            Variable::Other => {}
        }
    }

    /// Returns a layer for each setting.
    pub(super) fn layers(&self) -> impl Iterator<Item = Result<Layer, Problem>> {
        self.settings
            .iter()
            .map(|(path, name, value)| self.layer(path, name, value))
    }

    /// Returns the layer of the setting `path`, which the variable `name` sets.
    fn layer(&self, path: &[String], name: &str, value: &OsStr) -> Result<Layer, Problem> {
        let problem = |message: String| {
            Problem::new(
                Arc::new(SettingSource::variable(name)),
                path.join("."),
                message,
            )
        };
        if path.iter().any(String::is_empty) {
            return Err(problem(format!(
                "is not a key; the form is {ENVIRONMENT_PREFIX}KEY__KEY"
            )));
        }
        let is_inside = |other: &[String]| other.len() > path.len() && other.starts_with(path);
        if let Some((_, inner, _)) = self.settings.iter().find(|(other, ..)| is_inside(other)) {
            return Err(problem(format!(
                "conflicts with {inner}, which sets a key inside it"
            )));
        }
        let text = value
            .to_str()
            .ok_or_else(|| problem("is not UTF-8 text".to_owned()))?;
        let leaf = variable_value(text).map_err(problem)?;
        Ok(Layer {
            source: SettingSource::variable(name),
            values: nested(path, leaf),
        })
    }
}

/// Parses a list or map in the flow style of YAML. Other text stays text: its type depends on the key.
fn variable_value(text: &str) -> Result<FigmentValue, String> {
    let trimmed = text.trim();
    let is_yaml = (trimmed.starts_with('[') && trimmed.ends_with(']'))
        || (trimmed.starts_with('{') && trimmed.ends_with('}'));
    if is_yaml {
        return match yaml::parse(trimmed) {
            Ok(document) => Ok(document.value),
            Err(error) => Err(match error.position {
                Some(Position { line, column }) => {
                    format!("line {line}, column {column}: {}", error.message)
                }
                None => error.message,
            }),
        };
    }
    Ok(FigmentValue::from(trimmed))
}
