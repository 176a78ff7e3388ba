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
    variables::NAME_PREFIX,
    yaml::{self, Document, Positions},
};

mod environment;

use environment::Environment;

/// The maximum file size. A file with 10,000 jobs has a tenth of it.
const MAX_FILE_SIZE: u64 = 4 << 20;

/// The inputs of a configuration, lowest precedence first.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The configuration file, which must exist.
    pub file: Option<PathBuf>,
    /// Environment variables, as [`environment`] returns them. Those of other programs and empty ones are ignored.
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

/// The environment variables of this process that are settings, or were meant to be.
#[must_use]
pub fn environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os()
        .filter(|(name, _)| name.to_string_lossy().starts_with(NAME_PREFIX))
        .collect()
}

/// One layer of settings.
struct Layer {
    /// The file, variable or flag.
    source: SettingSource,
    /// The settings.
    values: Dict,
}

/// The merged layers.
pub(super) struct Merged {
    /// The settings.
    pub(super) tree: Tree,
    /// Problems with variables that are not settings.
    pub(super) problems: Vec<Problem>,
    /// Variables that have no effect.
    pub(super) warnings: Vec<Problem>,
}

/// Merges `inputs`. The error has a problem for each layer that cannot be read.
pub(super) fn merge(inputs: &Inputs) -> Result<Merged, Vec<Problem>> {
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
    let environment = Environment::new(&inputs.environment);
    for layer in environment.layers() {
        add(layer);
    }
    for layer in flag_layers(&inputs.flags) {
        add(Ok(layer));
    }
    if !problems.is_empty() {
        problems.extend(environment.problems);
        return Err(problems);
    }
    let figment = layers.into_iter().fold(Figment::new(), Figment::merge);
    // An empty path finds the root. This fails only when a provider fails, and `Layer` does not.
    let root = figment
        .find_value("")
        .unwrap_or_else(|_| FigmentValue::from(Dict::new()));
    Ok(Merged {
        tree: to_tree(root, Some(&positions), &mut Sources::new(&figment)),
        problems: environment.problems,
        warnings: environment.warnings,
    })
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
