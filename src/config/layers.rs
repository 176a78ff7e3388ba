//! The layers of a configuration: file < environment < flags, merged by figment into one [`Tree`].
//!
//! Only this module, `file` and `yaml` use figment. Every file, variable and flag is a layer of its own, so that the figment tag of
//! a value leads to its source. Defaults are not a layer: each section has its own.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use figment::{
    Figment, Metadata, Profile, Provider,
    value::{Dict, Map, Tag, Value as FigmentValue},
};

use super::{
    LogLevel, file,
    problem::{Problem, SettingSource},
    tree::Tree,
    variables::NAME_PREFIX,
    yaml::Positions,
};

mod environment;

use environment::Environment;

/// The maximum file size in MiB. A file with 10,000 jobs has a tenth of it.
const MAX_FILE_SIZE: u64 = 4;

/// The inputs of a configuration, lowest precedence first.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The configuration file, which must exist.
    pub file: Option<PathBuf>,
    /// Environment variables, as [`environment()`] returns them. Those of other programs and empty ones are ignored.
    pub environment: Vec<(OsString, OsString)>,
    /// Settings from the command line.
    pub flags: Flags,
}

/// Settings from the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--web.listen-address`; empty when the flag is not given.
    pub listen_addresses: Vec<String>,
    /// `--web.systemd-socket`.
    pub systemd_socket: bool,
    /// `--web.probe-listen-address`.
    pub probe_listen_address: Option<String>,
    /// `--web.telemetry-path`.
    pub telemetry_path: Option<String>,
    /// `--web.external-url`.
    pub external_url: Option<String>,
    /// `--web.route-prefix`.
    pub route_prefix: Option<String>,
    /// `--web.config.file`. Empty text counts as absent, as for other exporters.
    pub web_config_file: Option<String>,
    /// `--web.enable-lifecycle`.
    pub enable_lifecycle: bool,
    /// `--log.level`.
    pub log_level: Option<LogLevel>,
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
    let mut sources = Sources::new(&figment);
    Ok(Merged {
        tree: file::to_tree(root, Some(&positions), &mut |tag| sources.find(tag)),
        problems: environment.problems,
        warnings: environment.warnings,
    })
}

/// Reads the file at `path`, with the positions of its keys.
fn file_layer(path: &Path) -> Result<(Layer, Positions), Problem> {
    let text = file::read(path, MAX_FILE_SIZE)?;
    let (values, positions) = file::parse(&text, path, "stale_after: 10m")?;
    let source = SettingSource::file(path);
    Ok((Layer { source, values }, positions))
}

/// Returns a layer for each given flag.
fn flag_layers(flags: &Flags) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut add = |name: &str, path: [&str; 2], value: FigmentValue| {
        layers.push(Layer {
            source: SettingSource::flag(name),
            values: nested(&path.map(str::to_owned), value),
        });
    };
    if !flags.listen_addresses.is_empty() {
        let addresses = flags.listen_addresses.clone();
        add(
            "--web.listen-address",
            ["web", "listen_address"],
            addresses.into(),
        );
    }
    if flags.enable_lifecycle {
        let path = ["web", "enable_lifecycle"];
        add("--web.enable-lifecycle", path, true.into());
    }
    if flags.systemd_socket {
        let path = ["web", "systemd_socket"];
        add("--web.systemd-socket", path, true.into());
    }
    let web_config_file = flags.web_config_file.as_deref();
    for (name, path, value) in [
        (
            "--web.probe-listen-address",
            ["web", "probe_listen_address"],
            flags.probe_listen_address.as_deref(),
        ),
        (
            "--web.telemetry-path",
            ["web", "telemetry_path"],
            flags.telemetry_path.as_deref(),
        ),
        (
            "--web.external-url",
            ["web", "external_url"],
            flags.external_url.as_deref(),
        ),
        (
            "--web.route-prefix",
            ["web", "route_prefix"],
            flags.route_prefix.as_deref(),
        ),
        (
            "--web.config.file",
            ["web", "config_file"],
            web_config_file.filter(|path| !path.is_empty()),
        ),
        (
            "--log.level",
            ["log", "level"],
            flags.log_level.map(LogLevel::as_str),
        ),
    ] {
        if let Some(value) = value {
            add(name, path, value.into());
        }
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

#[cfg(test)]
mod tests;
