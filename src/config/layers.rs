//! The layers of a configuration: file < environment < flags, merged by figment into one [`Tree`].
//!
//! With `yaml`, the only place that knows figment. Every file, variable and flag is a layer of its own, so that figment's tag
//! on a value leads back to where it was written. Defaults are not a layer: each lives where its key is read.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use figment::{
    Figment, Metadata, Profile, Provider, Source,
    value::{Dict, Map, Num, Tag, Value as Figured},
};

use super::{
    problem::{Origin, Problem},
    tree::{Tree, Value},
    yaml,
};

/// What the name of every variable begins with that is a setting: `JOB_STATUS_EXPORTER__STALE_AFTER`.
pub const ENVIRONMENT_PREFIX: &str = "JOB_STATUS_EXPORTER__";

/// The largest file that is read. 10,000 jobs to poll take a tenth of it.
const LARGEST_FILE: u64 = 4 << 20;

/// Where settings come from, weakest first.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The file; it must exist.
    pub file: Option<PathBuf>,
    /// Variables, as [`environment`] gives them; other names than `JOB_STATUS_EXPORTER__…` are passed over.
    pub environment: Vec<(OsString, OsString)>,
    /// What the command line says.
    pub flags: Flags,
}

/// Settings from the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--web.listen-address`; none leaves the setting as it is.
    pub listen_addresses: Vec<String>,
    /// `--web.telemetry-path`.
    pub telemetry_path: Option<String>,
}

/// The variables of this process that are settings.
#[must_use]
pub fn environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os()
        .filter(|(name, _)| name.to_string_lossy().starts_with(ENVIRONMENT_PREFIX))
        .collect()
}

/// One layer: where it is, and what it sets.
struct Layer {
    /// Where.
    origin: Origin,
    /// What.
    values: Dict,
}

/// All of `inputs` in one tree. Fails only when a layer cannot be read at all; all such layers are reported.
pub(super) fn merge(inputs: &Inputs) -> Result<Tree, Vec<Problem>> {
    let mut layers = Vec::new();
    let mut problems = Vec::new();
    let mut add = |layer: Result<Layer, Problem>| match layer {
        Ok(layer) => layers.push(layer),
        Err(problem) => problems.push(problem),
    };
    if let Some(path) = &inputs.file {
        add(file_layer(path));
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
    // An empty path finds the root. It fails only when a provider failed, and ours do not.
    let root = figment
        .find_value("")
        .unwrap_or_else(|_| Figured::from(Dict::new()));
    Ok(plain(root, &mut Origins::of(&figment)))
}

/// The file at `path`.
fn file_layer(path: &Path) -> Result<Layer, Problem> {
    let origin = Origin::file(path);
    let problem = |message: String| Problem::new(Arc::new(Origin::file(path)), "", message);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| problem(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > LARGEST_FILE {
        let limit = LARGEST_FILE >> 20;
        return Err(problem(format!("is larger than {limit} MiB")));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        problem(format!("is not UTF-8 text: byte {offset} is wrong"))
    })?;
    match yaml::parse(&text).map_err(problem)? {
        Figured::Dict(_, values) => Ok(Layer { origin, values }),
        Figured::Empty(..) => Ok(Layer {
            origin,
            values: Dict::new(),
        }),
        _ => Err(problem(
            "must be a map of settings such as `stale_after: 10m`".to_owned(),
        )),
    }
}

/// A layer for each variable, by name, so that the result does not depend on their order.
fn environment_layers(variables: &[(OsString, OsString)]) -> Vec<Result<Layer, Problem>> {
    let mut settings: Vec<_> = variables
        .iter()
        .filter_map(|(name, value)| {
            let name = name.to_string_lossy();
            let key = name.strip_prefix(ENVIRONMENT_PREFIX)?;
            let path: Vec<String> = key.split("__").map(str::to_ascii_lowercase).collect();
            Some((path, name.clone().into_owned(), value))
        })
        .collect();
    settings.sort();
    settings
        .iter()
        .map(|(path, name, value)| {
            let origin = Origin::variable(name);
            let problem = |message: String| {
                Problem::new(Arc::new(Origin::variable(name)), path.join("."), message)
            };
            if path.iter().any(String::is_empty) {
                return Err(problem(format!(
                    "is not a key; names have the form {ENVIRONMENT_PREFIX}KEY__KEY"
                )));
            }
            if let Some((_, inner, _)) = settings
                .iter()
                .find(|(other, ..)| other.len() > path.len() && other.starts_with(path))
            {
                return Err(problem(format!("is also set in part by {inner}")));
            }
            let text = value
                .to_str()
                .ok_or_else(|| problem("is not UTF-8 text".to_owned()))?;
            let leaf = variable_value(text).map_err(problem)?;
            Ok(Layer {
                origin,
                values: nested(path, leaf),
            })
        })
        .collect()
}

/// A list or map in YAML's flow style, else the text as it stands: what it means depends on the key.
fn variable_value(text: &str) -> Result<Figured, String> {
    let trimmed = text.trim();
    let is_yaml = (trimmed.starts_with('[') && trimmed.ends_with(']'))
        || (trimmed.starts_with('{') && trimmed.ends_with('}'));
    if is_yaml {
        return yaml::parse(trimmed);
    }
    Ok(Figured::from(trimmed))
}

/// A layer for each flag that was given.
fn flag_layers(flags: &Flags) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut add = |name: &str, key: &str, value: Figured| {
        layers.push(Layer {
            origin: Origin::flag(name),
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

/// `leaf` under the keys of `path`, which is not empty.
fn nested(path: &[String], leaf: Figured) -> Dict {
    let mut dict = Dict::new();
    if let [key, rest @ ..] = path {
        let value = if rest.is_empty() {
            leaf
        } else {
            Figured::from(nested(rest, leaf))
        };
        dict.insert(key.clone(), value);
    }
    dict
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        let metadata = Metadata::named(self.origin.label.clone());
        match &self.origin.directory {
            Some(directory) => metadata.source(Source::File(directory.clone())),
            None => metadata,
        }
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// The origins behind figment's tags.
struct Origins<'a> {
    /// Knows the metadata of each layer.
    figment: &'a Figment,
    /// Those asked for before, to share them.
    known: BTreeMap<Tag, Arc<Origin>>,
}

impl<'a> Origins<'a> {
    /// Those of `figment`.
    fn of(figment: &'a Figment) -> Self {
        Self {
            figment,
            known: BTreeMap::new(),
        }
    }

    /// Where the value with `tag` was written. The root, which no layer has written, is "settings".
    fn find(&mut self, tag: Tag) -> Arc<Origin> {
        let figment = self.figment;
        let origin = self.known.entry(tag).or_insert_with(|| {
            let metadata = figment.get_metadata(tag);
            let source = metadata.and_then(|metadata| metadata.source.as_ref());
            Arc::new(Origin {
                label: metadata
                    .map_or("settings", |metadata| &metadata.name)
                    .to_owned(),
                directory: source.and_then(Source::file_path).map(Path::to_owned),
            })
        });
        Arc::clone(origin)
    }
}

/// `value` without figment.
fn plain(value: Figured, origins: &mut Origins<'_>) -> Tree {
    let origin = origins.find(value.tag());
    let value = match value {
        Figured::Empty(..) => Value::Null,
        Figured::Bool(_, is) => Value::Bool(is),
        Figured::Num(_, number) => Value::Number(digits(number)),
        Figured::String(_, text) => Value::Text(text),
        Figured::Char(_, c) => Value::Text(c.to_string()),
        Figured::Array(_, items) => {
            Value::List(items.into_iter().map(|item| plain(item, origins)).collect())
        }
        Figured::Dict(_, map) => Value::Map(
            map.into_iter()
                .map(|(key, value)| (key, plain(value, origins)))
                .collect(),
        ),
    };
    Tree { origin, value }
}

/// `number` in decimal.
fn digits(number: Num) -> String {
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
