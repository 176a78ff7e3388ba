//! The layers of a configuration: file < environment < flags, merged by figment into one [`Tree`].
//!
//! Only this module and `yaml` use figment. Every file, variable and flag is a layer of its own, so that the figment tag of
//! a value leads to its source. Defaults are not a layer: each section has its own.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use figment::{
    Figment, Metadata, Profile, Provider,
    value::{Dict, Map, Num, Tag, Value as FigmentValue},
};

use super::{
    problem::{Position, Problem, SettingSource},
    tree::{Tree, Value},
    yaml::{self, Document, Positions},
};

/// The prefix of environment variables that are settings, such as `JOB_STATUS_EXPORTER__STALE_AFTER`.
pub const ENVIRONMENT_PREFIX: &str = "JOB_STATUS_EXPORTER__";

/// The maximum file size. A file with 10,000 jobs has a tenth of it.
const MAX_FILE_SIZE: u64 = 4 << 20;

/// The inputs of a configuration, lowest precedence first.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The configuration file, which must exist.
    pub file: Option<PathBuf>,
    /// Environment variables, as [`environment`] returns them. Other names than `JOB_STATUS_EXPORTER__…` are ignored.
    pub environment: Vec<(OsString, OsString)>,
    /// Settings from the command line.
    pub flags: Flags,
}

/// Settings from the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--web.listen-address`; empty when the flag is not given.
    pub listen_addresses: Vec<String>,
    /// `--web.telemetry-path`.
    pub telemetry_path: Option<String>,
}

/// The environment variables of this process that are settings.
#[must_use]
pub fn environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os()
        .filter(|(name, _)| name.to_string_lossy().starts_with(ENVIRONMENT_PREFIX))
        .collect()
}

/// One layer of settings.
struct Layer {
    /// The file, variable or flag.
    source: SettingSource,
    /// The settings.
    values: Dict,
}

/// Merges `inputs` into one tree. The error has a problem for each layer that cannot be read.
pub(super) fn merge(inputs: &Inputs) -> Result<Tree, Vec<Problem>> {
    let mut layers = Vec::new();
    let mut problems = Vec::new();
    let mut positions = Positions::default();
    let mut add = |layer: Result<Layer, Problem>| match layer {
        Ok(layer) => layers.push(layer),
        Err(problem) => problems.push(problem),
    };
    if let Some(path) = &inputs.file {
        add(file_layer(path).map(|(layer, found)| {
            positions = found;
            layer
        }));
    }
    for layer in environment_layers(&inputs.environment) {
        add(layer);
    }
    for layer in flag_layers(&inputs.flags) {
        add(Ok(layer));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let figment = layers.into_iter().fold(Figment::new(), Figment::merge);
    // An empty path finds the root. This fails only when a provider fails, and `Layer` does not.
    let root = figment
        .find_value("")
        .unwrap_or_else(|_| FigmentValue::from(Dict::new()));
    Ok(to_tree(root, Some(&positions), &mut Sources::new(&figment)))
}

/// Reads the file at `path`, with the positions of its keys.
fn file_layer(path: &Path) -> Result<(Layer, Positions), Problem> {
    let problem = |message: String| Problem::new(Arc::new(SettingSource::file(path)), "", message);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes))
        .map_err(|error| problem(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_FILE_SIZE {
        let limit = MAX_FILE_SIZE >> 20;
        return Err(problem(format!("is larger than {limit} MiB")));
    }
    let text = str::from_utf8(&bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        problem("is not UTF-8 text".to_owned()).at(Some(end(&valid)))
    })?;
    let Document { value, positions } =
        yaml::parse(text).map_err(|error| problem(error.message).at(error.position))?;
    let values = match value {
        FigmentValue::Dict(_, values) => values,
        FigmentValue::Empty(..) => Dict::new(),
        _ => {
            let message = "must be a map of settings such as `stale_after: 10m`".to_owned();
            return Err(problem(message).at(positions.here));
        }
    };
    let source = SettingSource::file(path);
    Ok((Layer { source, values }, positions))
}

/// The position after `text`.
fn end(text: &str) -> Position {
    let last_line = text.rsplit('\n').next().unwrap_or_default();
    Position {
        line: text.matches('\n').count() as u64 + 1,
        column: last_line.chars().count() as u64 + 1,
    }
}

/// Returns a layer for each variable, sorted by name, so that the result does not depend on their order.
fn environment_layers(variables: &[(OsString, OsString)]) -> Vec<Result<Layer, Problem>> {
    let mut variables: Vec<_> = variables
        .iter()
        .filter_map(|(name, value)| {
            let name = name.to_string_lossy();
            let key = name.strip_prefix(ENVIRONMENT_PREFIX)?;
            let path: Vec<String> = key.split("__").map(str::to_ascii_lowercase).collect();
            Some((path, name.clone().into_owned(), value))
        })
        .collect();
    variables.sort();
    variables
        .iter()
        .map(|(path, name, value)| {
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
            if let Some((_, inner, _)) = variables
                .iter()
                .find(|(other, ..)| other.len() > path.len() && other.starts_with(path))
            {
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
        })
        .collect()
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

/// Returns a layer for each given flag.
fn flag_layers(flags: &Flags) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut add = |name: &str, key: &str, value: FigmentValue| {
        layers.push(Layer {
            source: SettingSource::flag(name),
            values: nested(&["web".to_owned(), key.to_owned()], value),
        });
    };
    if !flags.listen_addresses.is_empty() {
        let addresses = flags.listen_addresses.clone();
        add("--web.listen-address", "listen_address", addresses.into());
    }
    if let Some(path) = &flags.telemetry_path {
        add(
            "--web.telemetry-path",
            "telemetry_path",
            path.as_str().into(),
        );
    }
    layers
}

/// Wraps `leaf` in the keys of `path`, which is not empty.
fn nested(path: &[String], leaf: FigmentValue) -> Dict {
    let mut dict = Dict::new();
    if let [key, rest @ ..] = path {
        let value = if rest.is_empty() {
            leaf
        } else {
            FigmentValue::from(nested(rest, leaf))
        };
        dict.insert(key.clone(), value);
    }
    dict
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        let metadata = Metadata::named(self.source.label.clone());
        match &self.source.directory {
            Some(directory) => metadata.source(figment::Source::File(directory.clone())),
            None => metadata,
        }
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// The sources behind figment tags.
struct Sources<'a> {
    /// Has the metadata of each layer.
    figment: &'a Figment,
    /// Shares the source between all values of a layer.
    cache: BTreeMap<Tag, Arc<SettingSource>>,
}

impl<'a> Sources<'a> {
    fn new(figment: &'a Figment) -> Self {
        Self {
            figment,
            cache: BTreeMap::new(),
        }
    }

    /// Returns the source of the value with `tag`. The root has no layer, so its source is "settings".
    fn find(&mut self, tag: Tag) -> Arc<SettingSource> {
        let figment = self.figment;
        let source = self.cache.entry(tag).or_insert_with(|| {
            let metadata = figment.get_metadata(tag);
            let path = metadata.and_then(|metadata| metadata.source.as_ref());
            Arc::new(SettingSource {
                label: metadata
                    .map_or("settings", |metadata| &metadata.name)
                    .to_owned(),
                directory: path
                    .and_then(figment::Source::file_path)
                    .map(Path::to_owned),
            })
        });
        Arc::clone(source)
    }
}

/// Converts a figment value. `positions` are those of the value with the same path in the file, if there is one.
fn to_tree(value: FigmentValue, positions: Option<&Positions>, sources: &mut Sources<'_>) -> Tree {
    let source = sources.find(value.tag());
    // A value of a variable or flag has replaced that of the file. A map may still have entries of the file.
    let own = positions.filter(|_| source.is_file());
    let value = match value {
        FigmentValue::Empty(..) => Value::Null,
        FigmentValue::Bool(_, flag) => Value::Bool(flag),
        FigmentValue::Num(_, number) => Value::Number(decimal(number)),
        FigmentValue::String(_, text) => Value::Text(text),
        FigmentValue::Char(_, c) => Value::Text(c.to_string()),
        FigmentValue::Array(_, items) => {
            let item = |(index, item)| {
                let positions = own.and_then(|own| own.items.get(index));
                to_tree(item, positions, sources)
            };
            Value::List(items.into_iter().enumerate().map(item).collect())
        }
        FigmentValue::Dict(_, map) => {
            let entry = |(key, value): (String, _)| {
                let positions = positions.and_then(|positions| positions.entries.get(&key));
                let value = to_tree(value, positions, sources);
                (key, value)
            };
            Value::Map(map.into_iter().map(entry).collect())
        }
    };
    Tree {
        source,
        position: own.and_then(|own| own.here),
        value,
    }
}

/// Formats `number` in decimal.
fn decimal(number: Num) -> String {
    let whole = number.to_u128().map(|n| n.to_string());
    let negative = || number.to_i128().map(|n| n.to_string());
    let fraction = || number.to_f64().map(|n| n.to_string());
    whole
        .or_else(negative)
        .or_else(fraction)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
