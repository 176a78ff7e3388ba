//! Notices that files changed on disk.
//!
//! It compares what the system says about each file, through symbolic links: a volume of Kubernetes is swapped by one. That works
//! on every file system, and costs some microseconds per look.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

/// How often the files are looked at. A change counts once two looks in a row find the same: to replace a certificate and its
/// key, or to write a file in several steps, takes some time.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// A file as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WatchedFile {
    path: PathBuf,
    stamp: Option<Stamp>,
}

/// What the system says about a file. A new content changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// The same of the last change of its metadata, such as its permissions.
    changed: (i64, i64),
}

/// Files that are in force, or that could not be used.
#[derive(Debug, Default)]
pub(super) struct FileWatch {
    files: Vec<WatchedFile>,
    /// What the last look found, if it differs from `files`.
    unsettled: Option<Vec<WatchedFile>>,
}

// === impl WatchedFile ===

impl WatchedFile {
    /// The file as it is now. The caller reads it afterwards, so that no change is overlooked.
    pub(super) fn now(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            stamp: fs::metadata(path).ok().map(|file| Stamp {
                device: file.dev(),
                inode: file.ino(),
                size: file.size(),
                modified: (file.mtime(), file.mtime_nsec()),
                changed: (file.ctime(), file.ctime_nsec()),
            }),
        }
    }

    /// Whether it exists and has no content.
    pub(super) fn is_empty(&self) -> bool {
        self.stamp.is_some_and(|stamp| stamp.size == 0)
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

// === impl FileWatch ===

impl FileWatch {
    /// Watches for changes since `files` were read.
    pub(super) fn new(files: Vec<WatchedFile>) -> Self {
        Self {
            files,
            unsettled: None,
        }
    }

    /// Whether it watches any file.
    pub(super) fn is_idle(&self) -> bool {
        self.files.is_empty()
    }

    /// Looks at the files. True once for each change, when the files are settled.
    pub(super) fn look(&mut self) -> bool {
        let now: Vec<_> = self
            .files
            .iter()
            .map(|file| WatchedFile::now(&file.path))
            .collect();
        if now == self.files {
            self.unsettled = None;
            return false;
        }
        if self.unsettled.as_ref() == Some(&now) {
            self.files = now;
            self.unsettled = None;
            return true;
        }
        self.unsettled = Some(now);
        false
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn watch(paths: &[&Path]) -> FileWatch {
        FileWatch::new(paths.iter().map(|path| WatchedFile::now(path)).collect())
    }

    #[test]
    fn a_change_counts_when_two_looks_agree() {
        let directory = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| directory.path().join(name));
        fs::write(&one, "a").unwrap();
        let mut watch = watch(&[&one, &other]);
        assert!(!watch.look());
        fs::write(&one, "ab").unwrap();
        assert!(!watch.look(), "not settled");
        fs::write(&other, "new").unwrap();
        assert!(!watch.look(), "changed in between");
        assert!(watch.look());
        assert!(!watch.look(), "known already");
    }

    #[test]
    fn a_volume_that_is_swapped_by_its_symbolic_link_changes_its_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for version in ["v1", "v2"] {
            fs::create_dir(path(version)).unwrap();
            fs::write(path(version).join("web.yaml"), "same").unwrap();
        }
        symlink("v1", path("..data")).unwrap();
        symlink("..data/web.yaml", path("web.yaml")).unwrap();
        let mut watch = watch(&[&path("web.yaml")]);
        symlink("v2", path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
        assert!(!watch.look());
        assert!(watch.look());
    }

    #[test]
    fn a_file_that_is_deleted_is_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(WatchedFile::now(&file).is_empty());
        let mut watch = watch(&[&file]);
        fs::remove_file(&file).unwrap();
        assert!(!watch.look());
        assert!(watch.look());
        assert!(!WatchedFile::now(&file).is_empty());
    }
}
