//! Files that are damaged, or that belong to another program or version.

use redb::{Database, TableDefinition};

use super::*;

async fn written(path: &Path, runs: u32) {
    let (history, target) = open(path);
    let mut counter = RunCounter::default();
    for number in 0..runs {
        target
            .journal
            .append(counter.finish("nightly", run(number)));
    }
    close(history).await;
}

#[tokio::test]
async fn an_invalid_file_is_renamed_and_not_changed() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    written(&path, 1_000).await;
    let whole = fs::read(&path).unwrap();
    let mut contents = vec![b"x".to_vec(), vec![0; 4096], b"runs: []\n".repeat(1000)];
    let noise = |length| {
        let mut noise = vec![0; length];
        fastrand::Rng::with_seed(7).fill(&mut noise);
        noise
    };
    contents.extend([noise(320), noise(100_000)]);
    contents.extend(
        [9, 64, 320, 4096, 5000, whole.len() / 2, whole.len() - 1]
            .map(|length| whole[..length].to_vec()),
    );
    for (number, content) in contents.iter().enumerate() {
        fs::write(&path, content).unwrap();
        let (history, target) = open(&path);
        assert!(target.restored.runs.is_empty());
        assert!(history.status().snapshot().up);
        close(history).await;
        // All names have the time of this second or the next: none replaced another.
        let aside = set_aside(directory.path());
        assert_eq!(aside.len(), number + 1, "content {number}");
        assert!(aside.contains(content), "content {number}");
    }
    fs::write(&path, b"").unwrap();
    close(open(&path).0).await;
    assert_eq!(
        set_aside(directory.path()).len(),
        contents.len(),
        "an empty file is not kept"
    );
}

/// An altered file is either intact or renamed. It is never read in part.
#[tokio::test]
async fn a_file_with_flipped_bits_is_read_in_full_or_not_at_all() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    written(&path, 300).await;
    let whole = fs::read(&path).unwrap();
    let mut rng = fastrand::Rng::with_seed(11);
    for _ in 0..80 {
        let mut content = whole.clone();
        // The header is more sensitive than the rest.
        let end = if rng.bool() { 400 } else { content.len() };
        let position = rng.usize(..end);
        content[position] ^= 1 << rng.u8(..8);
        fs::write(&path, &content).unwrap();
        let (history, target) = open(&path);
        let runs = target.restored.runs.len();
        assert!(runs == 300 || runs == 0, "byte {position}: {runs} runs");
        assert_eq!(
            runs == 0,
            !set_aside(directory.path()).is_empty(),
            "byte {position}"
        );
        close(history).await;
        for entry in fs::read_dir(directory.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_of_another_program_or_version_is_renamed() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let words = TableDefinition::<&str, u64>::new("words");
    let meta = TableDefinition::<&str, &str>::new("meta");
    let foreign: [&dyn Fn(&redb::WriteTransaction); 3] = [
        &|transaction| {
            transaction
                .open_table(words)
                .unwrap()
                .insert("a", 1)
                .unwrap();
        },
        &|transaction| {
            let other = TableDefinition::<u64, u64>::new("meta");
            transaction.open_table(other).unwrap().insert(1, 1).unwrap();
        },
        &|transaction| {
            let mut meta = transaction.open_table(meta).unwrap();
            meta.insert("format", "3").unwrap();
        },
    ];
    for (number, fill) in foreign.into_iter().enumerate() {
        let _ = fs::remove_file(&path);
        let database = Database::create(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        fill(&transaction);
        transaction.commit().unwrap();
        drop(database);
        close(open(&path).0).await;
        assert_eq!(set_aside(directory.path()).len(), number + 1);
    }
}
