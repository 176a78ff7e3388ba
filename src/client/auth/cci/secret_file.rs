//! Reads files that hold one secret. Errors name the file, never its content.

use std::{fs, path::Path};

/// Reads the file of a `what`, such as a password. `trim` removes what is not part of it; an empty rest is an error.
pub(super) fn read(what: &str, path: &Path, trim: fn(&str) -> &str) -> Result<String, String> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read the {what} file {shown}: {error}"))?;
    match trim(&text) {
        "" => Err(format!("the {what} file {shown} is empty")),
        secret => Ok(secret.to_owned()),
    }
}
