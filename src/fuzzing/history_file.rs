//! History files that another program has altered: the input says which bytes of a valid file change.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::{Arc, LazyLock},
    thread,
    time::Duration,
};

use tokio::runtime::Runtime;

use crate::{
    config::HistoryStorage,
    history::{self, History, HistorySettings, TargetHistory},
    model::NoopSink,
};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// A small valid file.
static VALID: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let path = path("valid");
    let _ = fs::remove_file(&path);
    let (history, target) = open(&path);
    history::fuzzing::fill(&*target.journal);
    close(history);
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    bytes
});

/// The file is either read or set aside, never an error and never lost; and what was opened can be opened again.
pub(super) fn check(input: &[u8]) {
    let mut bytes = VALID.clone();
    // Each four bytes are an offset, a length and a value.
    for change in input.chunks_exact(4) {
        let offset = usize::from(u16::from_le_bytes([change[0], change[1]]));
        // All parts of the file are within reach, the header twice.
        let offset = if offset < 512 {
            offset
        } else {
            (offset * bytes.len()) >> 16
        };
        let end = (offset + usize::from(change[2] >> 4) + 1).min(bytes.len());
        bytes[offset..end].fill(change[3]);
    }
    if input.len() % 4 == 1 {
        bytes.truncate(bytes.len() * usize::from(input[input.len() - 1]) / 256);
    }
    let directory = path("directory");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).unwrap();
    let file = directory.join("history.redb");
    fs::write(&file, &bytes).unwrap();
    let (history, target) = open(&file);
    close(history);
    let restored = target.restored.workloads.len();
    let files = fs::read_dir(&directory).unwrap().count();
    assert!(
        restored <= 2 && (files == 1 || restored == 0),
        "{files} files, {restored} workloads"
    );
    let (history, again) = open(&file);
    close(history);
    assert_eq!(again.restored.workloads.len(), restored);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), files);
    fs::remove_dir_all(&directory).unwrap();
}

/// Opens a history with one target.
fn open(path: &Path) -> (History, TargetHistory) {
    let settings = HistorySettings {
        storage: HistoryStorage::File(path.to_owned()),
        runs_per_workload: 50,
        gone_workloads: 1_000,
        max_age: Duration::from_hours(24 * 90),
        run_duration_buckets: [60.0].into(),
        label_names: [].into(),
    };
    let (history, mut targets) = History::open(&settings, &[None], Arc::new(NoopSink)).unwrap();
    (history, targets.remove(0))
}

fn close(history: History) {
    RUNTIME.block_on(history.close(Duration::from_secs(10)));
}

fn path(name: &str) -> PathBuf {
    let name = format!(
        "history-{name}-{}-{:?}",
        process::id(),
        thread::current().id()
    );
    env::temp_dir().join(name)
}
