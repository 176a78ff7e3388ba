//! Tells whether the file on the disk is still the one that is open.

use std::{
    fs::{File, Metadata},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// The header of redb is within these bytes. It changes with every commit.
const HEADER: usize = 512;

/// What identifies the file at a path, and its content after a commit.
///
/// A process keeps reading and writing a deleted or replaced file without any error, and the next process does not find it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
    size: u64,
    header: [u8; HEADER],
}

impl FileIdentity {
    /// Reads the identity of the file at `path`; `None` if there is no such file, or if it has less than a header.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        match Self::of(path) {
            Ok(identity) => Ok(Some(identity)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether `found` is about the same file.
    pub(super) fn is_file(&self, found: &Metadata) -> bool {
        (self.device, self.inode) == (found.dev(), found.ino())
    }

    fn of(path: &Path) -> io::Result<Self> {
        // A pipe would block.
        if !path.metadata()?.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut file = File::open(path)?;
        let found = file.metadata()?;
        let mut header = [0; HEADER];
        file.read_exact(&mut header)?;
        Ok(Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            header,
        })
    }
}
