//! The settings in force, each with its value and where it comes from: what people see of a configuration.
//!
//! `settings` and `targets` take every structure of the configuration apart without `..`, so that a new field cannot be
//! forgotten. `value` decides by type how a value is shown, and a type that nobody declared there cannot be shown. The
//! configuration has the paths of secrets and never their contents.

use std::{fmt, path::PathBuf};

use super::{
    Config,
    tree::{Tree, Value},
};

mod settings;
mod targets;
mod value;

pub use value::SettingValue;

use value::Show;

/// The configuration in force as key paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigInForce {
    /// The configuration file; `None` without one.
    pub file: Option<PathBuf>,
    /// Every setting, those with defaults too, in the order of the documentation.
    pub settings: Vec<Setting>,
}

/// A setting in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key, such as `targets[1].poll.interval`.
    pub key: String,
    /// Its value.
    pub value: SettingValue,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nothing sets it.
    Default,
    /// What sets it.
    Source {
        /// The path of a file, `environment variable X` or `flag --x`.
        label: String,
        /// The line in the file, from 1; `None` for variables and flags.
        line: Option<u64>,
    },
    /// The configuration of the start: a later one has another value, which needs a restart.
    Start,
}

/// What the layers of a configuration set, and where.
#[derive(Clone, Debug)]
pub struct Origins(pub(super) Tree);

// === impl ConfigInForce ===

impl ConfigInForce {
    /// What `config` has in force. Its settings come from `origins`, except for the `kept` keys, which are those of the start.
    #[must_use]
    pub fn new(
        config: &Config,
        file: Option<PathBuf>,
        origins: &Origins,
        kept: &[&'static str],
    ) -> Self {
        let mut collected = Settings {
            origins,
            kept,
            list: Vec::new(),
        };
        collected.config(config);
        Self {
            file,
            settings: collected.list,
        }
    }
}

// === impl Origin ===

impl fmt::Display for Origin {
    /// `default`, `exporter.yaml:12`, `flag --log.level`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Source { label, line: None } => f.write_str(label),
            Self::Source {
                label,
                line: Some(line),
            } => write!(f, "{label}:{line}"),
            Self::Start => f.write_str("as at the start, another value needs a restart"),
        }
    }
}

// === impl Origins ===

impl Origins {
    /// Where the value of this key comes from.
    fn find(&self, key: &str) -> Origin {
        let Some(tree) = self.value(key) else {
            return Origin::Default;
        };
        Origin::Source {
            label: tree.source.label.clone(),
            line: tree.position.map(|position| position.line),
        }
    }

    /// The value of a key such as `targets[1].poll`, unless it is absent or null.
    fn value(&self, key: &str) -> Option<&Tree> {
        let mut tree = &self.0;
        for part in key.split('.') {
            let (name, indexes) = part.split_once('[').unwrap_or((part, ""));
            let Value::Map(map) = &tree.value else {
                return None;
            };
            tree = map.get(name)?;
            for index in indexes.split_terminator(']') {
                let Value::List(items) = &tree.value else {
                    return None;
                };
                let index: usize = index.trim_start_matches('[').parse().ok()?;
                tree = items.get(index)?;
            }
        }
        (!matches!(tree.value, Value::Null)).then_some(tree)
    }
}

// === Settings ===

/// The settings so far.
struct Settings<'a> {
    origins: &'a Origins,
    kept: &'a [&'static str],
    list: Vec<Setting>,
}

impl Settings<'_> {
    /// Adds a setting.
    fn add(&mut self, key: impl Into<String>, value: &(impl Show + ?Sized)) {
        let key = key.into();
        let origin = if self.is_kept(&key) {
            Origin::Start
        } else {
            self.origins.find(&key)
        };
        self.list.push(Setting {
            key,
            value: value.show(),
            origin,
        });
    }

    /// Adds a setting unless it is absent.
    fn add_given(&mut self, key: impl Into<String>, value: Option<&(impl Show + ?Sized)>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    fn is_kept(&self, key: &str) -> bool {
        let mut kept = self.kept.iter();
        kept.any(|kept| {
            let rest = key.strip_prefix(kept);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

#[cfg(test)]
mod tests;
