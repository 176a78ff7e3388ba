//! Configuration files: bytes → YAML map → [`Tree`].
//!
//! The size of a file is limited, and errors never quote its text, because it may contain a secret.

use std::{fs::File, io::Read as _, path::Path, sync::Arc};

use figment::value::{Dict, Num, Tag, Value as FigmentValue};

use super::{
    problem::{Position, Problem, SettingSource},
    tree::{Tree, Value},
    yaml::{self, Document, Positions},
};

/// Reads the file at `path`, which is not larger than `limit` MiB.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Problem> {
    let problem = |message: String| Problem::new(Arc::new(SettingSource::file(path)), "", message);
    let most = limit << 20;
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| problem(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > most {
        return Err(problem(format!("is larger than {limit} MiB")));
    }
    Ok(bytes)
}

/// Parses the content of the file at `path`, a map of settings such as `example`, with the positions of its keys.
pub(super) fn parse(
    bytes: &[u8],
    path: &Path,
    example: &str,
) -> Result<(Dict, Positions), Problem> {
    let problem = |message: String| Problem::new(Arc::new(SettingSource::file(path)), "", message);
    let text = str::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        problem("is not UTF-8 text".to_owned()).at(Some(end(&valid)))
    })?;
    let Document { value, positions } =
        yaml::parse(text).map_err(|error| problem(error.message).at(error.position))?;
    match value {
        FigmentValue::Dict(_, values) => Ok((values, positions)),
        FigmentValue::Empty(..) => Ok((Dict::new(), positions)),
        _ => {
            let message = format!("must be a map of settings such as `{example}`");
            Err(problem(message).at(positions.here))
        }
    }
}

/// Parses the content of the file at `path`, which is the only source of its settings.
pub(super) fn parse_tree(bytes: &[u8], path: &Path, example: &str) -> Result<Tree, Problem> {
    let (values, positions) = parse(bytes, path, example)?;
    let source = Arc::new(SettingSource::file(path));
    let root = FigmentValue::from(values);
    Ok(to_tree(root, Some(&positions), &mut |_| {
        Arc::clone(&source)
    }))
}

/// The position after `text`.
fn end(text: &str) -> Position {
    let last_line = text.rsplit('\n').next().unwrap_or_default();
    Position {
        line: text.matches('\n').count() as u64 + 1,
        column: last_line.chars().count() as u64 + 1,
    }
}

/// Converts a figment value. `positions` are those of the value with the same path in the file, if there is one. `source_of` finds
/// what set the value with a tag.
pub(super) fn to_tree(
    value: FigmentValue,
    positions: Option<&Positions>,
    source_of: &mut impl FnMut(Tag) -> Arc<SettingSource>,
) -> Tree {
    let source = source_of(value.tag());
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
                to_tree(item, positions, source_of)
            };
            Value::List(items.into_iter().enumerate().map(item).collect())
        }
        FigmentValue::Dict(_, map) => {
            let entry = |(key, value): (String, _)| {
                let positions = positions.and_then(|positions| positions.entries.get(&key));
                let value = to_tree(value, positions, source_of);
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
