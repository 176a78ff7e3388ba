//! How the writer opens the file again, and gets targets and the file to know the same.
//!
//! A target that is added may be in the file already. Its changes wait until its store continues from there, because its
//! totals are those of this process alone until then.

use std::{fs, time::Duration};

use super::{
    super::file::{FileError, HistoryFile, OpenError, set_aside},
    TargetPhase, Writer,
};

impl Writer {
    /// Opens the file again, or a new one with everything that the stores have.
    pub(super) fn reopen(&mut self) -> Result<HistoryFile, OpenError> {
        if self.lost {
            self.set_aside()?;
        }
        // All targets are read, because this finds invalid rows.
        let targets: Vec<_> = self.targets.values().map(|it| &it.target).collect();
        let (file, _) = self.location.open(&targets)?;
        if self.lost || file.is_new {
            self.report_all();
        }
        self.lost = false;
        Ok(file)
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

    /// Has the stores report everything, because the file is a new one.
    fn report_all(&mut self) {
        let read = self.targets.iter().filter(|(_, target)| target.is_read());
        for store in read.filter_map(|(id, _)| self.queue.lookup(*id)) {
            store.report_all();
        }
        self.add_queued();
    }

    /// Has the stores of added targets continue from what the file has of them.
    ///
    /// Removed targets are written before: one of the same name may have been removed, and then added.
    pub(super) fn read_added(&mut self, file: &HistoryFile) -> Result<(), FileError> {
        self.write_removed(file)?;
        while self.adopt(file)? {
            self.add_queued();
            self.write_removed(file)?;
        }
        Ok(())
    }

    /// Returns whether there was any such target.
    fn adopt(&mut self, file: &HistoryFile) -> Result<bool, FileError> {
        let mut any = false;
        for (id, target) in &mut self.targets {
            if !target.is_read()
                && let Some(store) = self.queue.lookup(*id)
            {
                let (row, restored) = file.read(&target.target)?;
                target.target.row = row;
                target.phase = TargetPhase::Reading;
                store.adopt(restored);
                any = true;
            }
        }
        Ok(any)
    }

    fn add_queued(&mut self) {
        let (batches, _) = self.queue.take_changes(Duration::ZERO);
        self.add(batches);
    }

    /// Writes what removed targets still have, and forgets them.
    fn write_removed(&mut self, file: &HistoryFile) -> Result<(), FileError> {
        let removed = self.targets.values().filter(|target| target.removed);
        let writes: Vec<_> = removed.map(|target| target.writes()).collect();
        if writes.is_empty() {
            return Ok(());
        }
        file.write(&writes)?;
        for (_, mut target) in self.targets.extract_if(.., |_, target| target.removed) {
            let runs = target.written(&*self.queue.events);
            self.queue.status.runs_written(runs);
        }
        Ok(())
    }
}
