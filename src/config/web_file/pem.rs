//! Certificates and keys: PEM text in the file, or the path of a PEM file.
//!
//! Only the server decodes them. Here a text that is no PEM at all is a problem, which never quotes it.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::text_if_any;
use crate::config::reader::{Node, Section};

/// Where the PEM text of certificates or of a key is.
#[derive(Clone, Debug)]
pub enum PemSource {
    /// In the web configuration file.
    Inline(SecretString),
    /// In this file.
    File(PathBuf),
}

impl PemSource {
    /// The path of the file, if it is in one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Inline(_) => None,
            Self::File(path) => Some(path),
        }
    }
}

impl PartialEq for PemSource {
    /// Only for files of the operator: the time depends on the values.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Inline(one), Self::Inline(other)) => {
                one.expose_secret() == other.expose_secret()
            }
            (Self::File(one), Self::File(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for PemSource {}

/// The two keys of a PEM text.
pub(super) struct PemKeys {
    /// The key of the text itself.
    pub(super) inline: &'static str,
    /// The key of the path.
    pub(super) file: &'static str,
    /// What the label of one of the parts of the text ends with.
    pub(super) label: &'static str,
}

/// What a section has under the two keys of a PEM text.
pub(super) enum PemSetting {
    /// Neither.
    Absent,
    /// A value that was reported.
    Invalid,
    /// One of them.
    Valid(PemSource),
}

impl PemSetting {
    /// The valid value.
    pub(super) fn valid(self) -> Option<PemSource> {
        match self {
            Self::Valid(source) => Some(source),
            Self::Absent | Self::Invalid => None,
        }
    }
}

/// Reads the value of one of `keys`.
pub(super) fn read(section: &Section<'_>, keys: &PemKeys) -> PemSetting {
    let is_invalid = |node: &Node<'_>| node.text().is_none();
    let nodes = [section.get(keys.inline), section.get(keys.file)];
    let any_invalid = nodes
        .iter()
        .flatten()
        .filter(|node| is_invalid(node))
        .count()
        > 0;
    if any_invalid {
        return PemSetting::Invalid;
    }
    let [inline, file] = nodes.map(text_if_any);
    let source = match (inline, file) {
        (None, None) => return PemSetting::Absent,
        (Some((node, _)), Some(_)) => {
            node.problem(format!("conflicts with `{}`", keys.file));
            None
        }
        (Some((node, text)), None) => inline_source(&node, text, keys),
        (None, Some((node, _))) => node.file_path().map(PemSource::File),
    };
    source.map_or(PemSetting::Invalid, PemSetting::Valid)
}

/// Checks the shape of PEM text.
fn inline_source(node: &Node<'_>, text: &str, keys: &PemKeys) -> Option<PemSource> {
    // A text whose line breaks are lost begins and ends like such a line.
    let is_begin = |line: &str| {
        line.trim()
            .strip_prefix("-----BEGIN ")
            .and_then(|rest| rest.strip_suffix("-----"))
            .is_some_and(|label| label.ends_with(keys.label) && !label.contains('-'))
    };
    if !text.lines().any(is_begin) {
        let (label, file) = (keys.label, keys.file);
        node.problem_with_hint(
            format!("must be PEM text with a line `-----BEGIN {label}-----`"),
            format!("write PEM text as a block (`|`), or the path of its file as `{file}`"),
        );
        return None;
    }
    Some(PemSource::Inline(SecretString::from(text)))
}
