//! Key pairs to sign with: from files, which may change at any time, or from the metadata service of the server.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    cache::{Cache, Credential},
    suppressed::Suppressed,
};
use crate::{
    config::{AccessKey, KeyAuth},
    model,
};

/// Files written less long ago than this may be half of a new set: a set of temporary keys is two or three files.
const SETTLING: SignedDuration = SignedDuration::from_secs(2);

/// A key pair; a temporary one has a token as well.
pub(super) struct KeyPair {
    pub(super) access_key: String,
    pub(super) secret_key: SecretString,
    pub(super) security_token: Option<SecretString>,
}

/// Where key pairs come from.
pub(super) enum Keys {
    Files(KeyFiles),
    Agency(Agency),
}

/// Key pairs in files.
pub(super) struct KeyFiles {
    access_key: AccessKey,
    secret_key: PathBuf,
    security_token: Option<PathBuf>,
    /// What was read last. Never held across an await.
    held: Mutex<Option<Arc<KeyPair>>>,
}

/// Key pairs that are issued to the server.
pub(super) struct Agency {
    cache: Arc<Cache<KeyPair>>,
    /// The number of the pair that was refused last. Never held across an await.
    refused: Mutex<Option<u64>>,
}

/// The key pair for one request.
#[derive(Clone)]
pub(super) enum Pair {
    Read(Arc<KeyPair>),
    Issued(Arc<Credential<KeyPair>>),
}

// === impl Keys ===

impl Keys {
    /// The key pair to use now.
    pub(super) async fn current(&self) -> Result<Pair, Suppressed> {
        match self {
            Self::Files(files) => files.current().map(Pair::Read).map_err(Suppressed::because),
            Self::Agency(agency) => {
                let refused = *lock(&agency.refused);
                agency.cache.get(refused).await.map(Pair::Issued)
            }
        }
    }

    /// Whether the files can be read, where there are any.
    pub(super) fn check_files(&self) -> Result<(), String> {
        match self {
            Self::Files(files) => files.read().map(drop),
            Self::Agency(_) => Ok(()),
        }
    }

    /// This pair was refused.
    pub(super) fn refuse(&self, pair: &Pair) {
        if let (Self::Agency(agency), Pair::Issued(issued)) = (self, pair) {
            *lock(&agency.refused) = Some(issued.number);
        }
    }

    /// When the current pair ends, where that is known.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Files(_) => None,
            Self::Agency(agency) => agency.cache.expires_at(),
        }
    }
}

// === impl Agency ===

impl Agency {
    pub(super) fn new(cache: Arc<Cache<KeyPair>>) -> Self {
        Self {
            cache,
            refused: Mutex::default(),
        }
    }
}

// === impl KeyFiles ===

impl KeyFiles {
    pub(super) fn new(auth: &KeyAuth) -> Self {
        Self {
            access_key: auth.access_key.clone(),
            secret_key: auth.secret_key_file.clone(),
            security_token: auth.security_token_file.clone(),
            held: Mutex::default(),
        }
    }

    /// What the files say, or what they said before while somebody writes them.
    pub(super) fn current(&self) -> Result<Arc<KeyPair>, String> {
        let read = self.read();
        let mut held = lock(&self.held);
        match (read, &*held) {
            (Ok(read), Some(held)) if read == **held => Ok(held.clone()),
            (_, Some(held)) if self.is_settling() => Ok(held.clone()),
            (read, _) => {
                let read = Arc::new(read?);
                if held.is_some() {
                    tracing::info!("the access key files have changed");
                }
                *held = Some(read.clone());
                Ok(read)
            }
        }
    }

    fn read(&self) -> Result<KeyPair, String> {
        Ok(KeyPair {
            access_key: match &self.access_key {
                AccessKey::Given(key) => key.clone(),
                AccessKey::File(path) => read_word("access key", path)?,
            },
            secret_key: read_word("secret key", &self.secret_key)?.into(),
            security_token: match &self.security_token {
                Some(path) => Some(read_word("security token", path)?.into()),
                None => None,
            },
        })
    }

    fn is_settling(&self) -> bool {
        let access_key = match &self.access_key {
            AccessKey::Given(_) => None,
            AccessKey::File(path) => Some(path),
        };
        let files = [
            access_key,
            Some(&self.secret_key),
            self.security_token.as_ref(),
        ];
        files.into_iter().flatten().any(|path| {
            modified(path).is_ok_and(|modified| {
                let age = model::now().duration_since(modified);
                // A file from the future says nothing.
                age >= SignedDuration::ZERO && age < SETTLING
            })
        })
    }
}

fn modified(path: &Path) -> io::Result<Timestamp> {
    Timestamp::try_from(fs::metadata(path)?.modified()?).map_err(io::Error::other)
}

fn read_word(what: &str, path: &Path) -> Result<String, String> {
    let path_shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read the {what} file {path_shown}: {error}"))?;
    match text.trim() {
        "" => Err(format!("the {what} file {path_shown} is empty")),
        word => Ok(word.to_owned()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> parking_lot::MutexGuard<'_, T> {
    mutex.lock()
}

// === impl KeyPair ===

impl KeyPair {
    pub(super) fn new(
        access_key: String,
        secret_key: SecretString,
        security_token: Option<SecretString>,
    ) -> Self {
        Self {
            access_key,
            secret_key,
            security_token,
        }
    }

    fn token(&self) -> Option<&str> {
        self.security_token
            .as_ref()
            .map(SecretString::expose_secret)
    }
}

impl PartialEq for KeyPair {
    fn eq(&self, other: &Self) -> bool {
        self.access_key == other.access_key
            && self.secret_key.expose_secret() == other.secret_key.expose_secret()
            && self.token() == other.token()
    }
}

// === impl Pair ===

impl std::ops::Deref for Pair {
    type Target = KeyPair;

    fn deref(&self) -> &KeyPair {
        match self {
            Self::Read(keys) => keys,
            Self::Issued(credential) => &credential.item,
        }
    }
}

#[cfg(test)]
mod tests;
