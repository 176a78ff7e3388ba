//! How the writer gets targets and the storage to know the same.
//!
//! A target that is added may be in the storage already. Its changes wait until its store continues from there, because its
//! totals are those of this process alone until then.

use std::time::Duration;

use super::{
    super::storage::{Storage, StorageError},
    TargetPhase, Writer,
};

impl<S: Storage> Writer<S> {
    /// Has the stores report everything, because the storage may lack it.
    pub(super) fn report_all(&mut self) {
        let read = self.targets.iter().filter(|(_, target)| target.is_read());
        for store in read.filter_map(|(id, _)| self.queue.lookup(*id)) {
            store.report_all();
        }
        self.add_queued();
    }

    /// Has the stores of added targets continue from what the storage has of them.
    ///
    /// Removed targets are written before: one of the same name may have been removed, and then added.
    pub(super) fn read_added(&mut self) -> Result<(), StorageError> {
        self.write_removed()?;
        while self.adopt()? {
            self.add_queued();
            self.write_removed()?;
        }
        Ok(())
    }

    /// Returns whether there was any such target.
    fn adopt(&mut self) -> Result<bool, StorageError> {
        let mut any = false;
        for (id, target) in &mut self.targets {
            if !target.is_read()
                && let Some(store) = self.queue.lookup(*id)
            {
                let (row, restored) = self.storage.read(&target.target)?;
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
    fn write_removed(&mut self) -> Result<(), StorageError> {
        let removed = self.targets.values().filter(|target| target.removed);
        let writes: Vec<_> = removed.map(|target| target.writes()).collect();
        if writes.is_empty() {
            return Ok(());
        }
        self.storage.write(&writes)?;
        for (_, mut target) in self.targets.extract_if(.., |_, target| target.removed) {
            let runs = target.written(&*self.queue.events);
            self.queue.status.runs_written(runs);
        }
        Ok(())
    }
}
