//! Checks that the file can be opened, without opening it: another process may use it.

use std::{
    fs::{self, OpenOptions},
    io,
    path::Path,
    process,
};

/// Checks that the file at `path` can be read and written, or created if it does not exist. Leaves everything as it is.
pub(in crate::history) fn check(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(not_a_file()),
        Ok(_) => OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => check_creation(path),
        Err(error) => Err(error),
    }
}

/// The error for a directory, a device or a pipe.
pub(in crate::history) fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}

/// Creates and deletes a file beside `path`. Only this shows whether the directory exists, is writable, and is on a writable
/// file system. The file at `path` itself could be opened by another process in the meantime.
fn check_creation(path: &Path) -> io::Result<()> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not the path of a file",
        ));
    };
    let mut probe = name.to_owned();
    probe.push(format!(".check-{}", process::id()));
    let probe = path.with_file_name(probe);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&probe)?;
    fs::remove_file(probe)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_path_is_checked_without_leaving_a_trace() {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("exists");
        fs::write(&file, "content").unwrap();
        for (path, error) in [
            ("exists", None),
            ("new.redb", None),
            ("no/such/directory", Some("No such file")),
            ("exists/new.redb", Some("Not a directory")),
            (".", Some("not a regular file")),
        ] {
            let outcome = check(&directory.path().join(path)).map_err(|error| error.to_string());
            match error {
                None => assert_eq!(outcome, Ok(()), "{path}"),
                Some(part) => assert!(outcome.unwrap_err().contains(part), "{path}"),
            }
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "content");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
