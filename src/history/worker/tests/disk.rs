//! A disk between redb and its file that fails on demand.

use std::{
    io,
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use redb::{BackendError, StorageBackend, backends::FileBackend};

/// A disk that fails on demand.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) full: AtomicBool,
    /// Number of writes before it fails for ever.
    pub(super) writes_left: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Backend {
    pub(super) file: FileBackend,
    pub(super) disk: Arc<Disk>,
}

impl Backend {
    fn check(&self) -> io::Result<()> {
        let left = &self.disk.writes_left;
        let spent = left.try_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        if spent.is_err() || self.disk.full.load(Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}
