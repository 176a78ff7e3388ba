//! Key files that change or are missing, and key pairs of an agency.

use std::{
    fs::File,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use futures_util::future::{BoxFuture, ready};

use super::{
    super::cache::{IssueError, Issued, Issuer},
    *,
};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("ak", "AK1\n", 60);
        folder.write("sk", "SK1\n", 60);
        folder.write("sts", "T1", 60);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file with a modification time `age` seconds ago.
    fn write(&self, name: &str, text: &str, age: i64) {
        fs::write(self.path(name), text).unwrap();
        let then = u64::try_from(model::now().as_second() - age).unwrap();
        let file = File::options().write(true).open(self.path(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(then))
            .unwrap();
    }

    fn keys(&self) -> KeyFiles {
        KeyFiles::new(&KeyAuth {
            access_key: AccessKey::File(self.path("ak")),
            secret_key_file: self.path("sk"),
            project_id: "p".to_owned(),
            security_token_file: Some(self.path("sts")),
        })
    }
}

fn text(keys: &KeyFiles) -> String {
    let pair = keys.current().unwrap();
    let secret = pair.secret_key.expose_secret();
    format!("{} {secret} {}", pair.access_key, pair.token().unwrap())
}

#[test]
fn a_new_set_of_files_is_used_only_when_complete() {
    let folder = Folder::new();
    let keys = folder.keys();
    assert_eq!(text(&keys), "AK1 SK1 T1");
    // One after the other, as a tool writes them.
    folder.write("ak", "AK2", 0);
    assert_eq!(text(&keys), "AK1 SK1 T1");
    folder.write("sk", "SK2", 0);
    fs::remove_file(folder.path("sts")).unwrap();
    assert_eq!(text(&keys), "AK1 SK1 T1");
    folder.write("sts", "T2", 0);
    for name in ["ak", "sk", "sts"] {
        let text = fs::read_to_string(folder.path(name)).unwrap();
        folder.write(name, &text, 3);
    }
    assert_eq!(text(&keys), "AK2 SK2 T2");
}

#[test]
fn a_file_from_the_future_and_the_first_files_are_used_at_once() {
    let folder = Folder::new();
    folder.write("sk", "SK1", 0);
    let keys = folder.keys();
    assert_eq!(text(&keys), "AK1 SK1 T1");
    folder.write("sk", "SK2", -3600);
    assert_eq!(text(&keys), "AK1 SK2 T1");
}

#[test]
fn errors_name_the_file_without_its_content() {
    let folder = Folder::new();
    let keys = folder.keys();
    folder.write("sk", " \n", 60);
    let error = keys.current().err().unwrap();
    assert!(
        error.starts_with("the secret key file ") && error.ends_with("/sk is empty"),
        "{error}"
    );
    fs::remove_file(folder.path("sk")).unwrap();
    let error = keys.current().err().unwrap();
    assert!(error.contains("cannot read the secret key file"), "{error}");
}

/// Issues a new pair each time.
struct Server(Mutex<usize>);

impl Issuer for Server {
    type Item = KeyPair;

    fn issue(&self) -> BoxFuture<'_, Result<Issued<KeyPair>, IssueError>> {
        let mut issued = self.0.lock();
        *issued += 1;
        let item = KeyPair {
            access_key: format!("AK{issued}"),
            secret_key: "SK".into(),
            security_token: Some("T".into()),
        };
        Box::pin(ready(Ok(Issued {
            item,
            lifetime: Duration::from_hours(24),
            expires_at: model::now(),
        })))
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_key_pair_is_not_used_again() {
    let server = Arc::new(Server(Mutex::new(0)));
    let keys = KeySource::Agency(AgencyKeys::new(Arc::new(CredentialCache::new(server))));
    let Ok(first) = keys.current().await else {
        panic!()
    };
    assert_eq!(first.access_key, "AK1");
    assert!(keys.expires_at().is_some());
    let cooldown = Cooldown::new(Duration::from_mins(5), "rejected");
    keys.record_rejection(&first, &cooldown);
    assert!(keys.current().await.is_err());
    tokio::time::advance(Duration::from_mins(5)).await;
    let Ok(second) = keys.current().await else {
        panic!()
    };
    assert_eq!(second.access_key, "AK2");
}
