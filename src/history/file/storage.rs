//! The file as the storage of the writer.
//!
//! After a failure redb requires that the file is closed and opened again.

use std::{collections::HashSet, fs};

use super::{
    super::{
        Error,
        storage::{
            HistoryTarget, Limits, Restored, StartError, Storage, StorageError, TargetWrites,
        },
    },
    HistoryFile, Location, OpenError, set_aside,
};
use crate::model::{Seconds, StoreLookup};

/// The file, while it is open and while it is not.
#[derive(Debug)]
pub(in crate::history) struct FileStorage {
    pub(in crate::history) location: Location,
    pub(in crate::history) file: Option<HistoryFile>,
    /// Whether the file that was open was deleted, replaced or changed: what was committed is lost.
    lost: bool,
}

impl FileStorage {
    pub(in crate::history) fn new(location: Location) -> Self {
        Self {
            location,
            file: None,
            lost: false,
        }
    }

    /// Renames what is in the place of the file that was open.
    fn set_aside(&self) -> Result<(), OpenError> {
        let path = &self.location.path;
        let aside = match fs::symlink_metadata(path) {
            Ok(_) => Some(set_aside(path)?),
            Err(_) => None,
        };
        tracing::error!(
            path = %path.display(),
            set_aside = aside.map(|aside| aside.display().to_string()),
            "history file was deleted, replaced or changed while it was in use: writing a new one from memory, finished runs whose Jobs are gone are not in it"
        );
        Ok(())
    }

    fn file(&self) -> Result<&HistoryFile, StorageError> {
        self.file
            .as_ref()
            .ok_or_else(|| "the file is closed".into())
    }

    fn start_error(&self, error: OpenError) -> StartError {
        let path = self.location.path.clone();
        StartError::Final(match error {
            OpenError::Disk(error) => return StartError::Passing(error.to_string()),
            OpenError::Content(problem) => return StartError::Passing(problem),
            OpenError::InUse => Error::InUse { path },
            OpenError::Path(source) => Error::Path { path, source },
            OpenError::SetAside { aside, source } => Error::SetAside {
                path,
                aside,
                source,
            },
        })
    }
}

impl Storage for FileStorage {
    fn location(&self) -> String {
        self.location.path.display().to_string()
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn is_open(&self) -> bool {
        self.file.is_some()
    }

    fn start(&mut self, targets: &[&HistoryTarget]) -> Result<Vec<Restored>, StartError> {
        let opened = self.location.open(targets);
        let (file, restored) = opened.map_err(|error| self.start_error(error))?;
        self.file = Some(file);
        Ok(restored)
    }

    fn ensure_open(&mut self, targets: &[&HistoryTarget]) -> Result<bool, StorageError> {
        if let Some(file) = self.file.take() {
            if file.is_in_place().map_err(OpenError::Path)? {
                self.file = Some(file);
                return Ok(false);
            }
            file.abandon();
            self.lost = true;
        }
        if self.lost {
            self.set_aside()?;
        }
        // All targets are read, because this finds invalid rows.
        let (file, _) = self.location.open(targets)?;
        let is_new = self.lost || file.is_new;
        self.lost = false;
        self.file = Some(file);
        Ok(is_new)
    }

    fn read(&mut self, target: &HistoryTarget) -> Result<Restored, StorageError> {
        Ok(self.file()?.read(target)?)
    }

    fn write(&mut self, targets: &[TargetWrites<'_>]) -> Result<u64, StorageError> {
        Ok(self.file()?.write(targets)?)
    }

    fn mark_gone(
        &mut self,
        target: &str,
        last_seen: Seconds,
        lookup: &dyn StoreLookup,
    ) -> Result<(), StorageError> {
        Ok(self.file()?.mark_gone(target, last_seen, lookup)?)
    }

    fn prune(
        &mut self,
        target: &str,
        limits: Limits,
        lookup: &dyn StoreLookup,
    ) -> Result<u64, StorageError> {
        Ok(self.file()?.prune(target, limits, lookup)?)
    }

    fn prune_targets(
        &mut self,
        configured: &HashSet<&str>,
        oldest: Seconds,
    ) -> Result<(), StorageError> {
        Ok(self.file()?.prune_targets(configured, oldest)?)
    }

    fn finish(&mut self) -> Result<(), StorageError> {
        if let Some(file) = &mut self.file {
            file.committed()?;
        }
        Ok(())
    }

    fn runs(&self) -> u64 {
        self.file.as_ref().map_or(0, |file| file.runs)
    }

    fn size(&self) -> u64 {
        self.file.as_ref().map_or(0, HistoryFile::size)
    }

    fn close(&mut self) {
        self.file = None;
    }
}
