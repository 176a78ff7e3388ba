//! Key pairs for signatures: from files, which may change at any time, or from the metadata service of the server.

use std::{
    fs, io, ops,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    cache::{Credential, CredentialCache},
    secret_file,
};
use crate::{
    client::auth::suppressed::{Cooldown, Suppressed},
    config::{AccessKey, KeyAuth},
    model,
};

/// Temporary keys have two or three files. Files that were written more recently than this may be an incomplete set.
const SETTLE_TIME: SignedDuration = SignedDuration::from_secs(2);

/// An access key and its secret key. Temporary key pairs also have a security token.
pub(super) struct KeyPair {
    pub(super) access_key: String,
    pub(super) secret_key: SecretString,
    pub(super) security_token: Option<SecretString>,
}

/// Where key pairs come from.
pub(super) enum KeySource {
    Files(KeyFiles),
    Agency(AgencyKeys),
}

/// Key pairs in files.
pub(super) struct KeyFiles {
    access_key: AccessKey,
    secret_key: PathBuf,
    security_token: Option<PathBuf>,
    /// Never held across an await.
    last_read: Mutex<Option<Arc<KeyPair>>>,
}

/// Key pairs that the metadata service issues for the agency of the server.
pub(super) struct AgencyKeys {
    cache: Arc<CredentialCache<KeyPair>>,
    /// The number of the last rejected key pair, and the time until another one is requested. Never held across an await.
    rejected: Mutex<Option<(u64, Cooldown)>>,
}

/// The key pair for one request.
#[derive(Clone)]
pub(super) enum CurrentKeyPair {
    FromFiles(Arc<KeyPair>),
    Issued(Arc<Credential<KeyPair>>),
}

// === impl KeySource ===

impl KeySource {
    /// The current key pair.
    pub(super) async fn current(&self) -> Result<CurrentKeyPair, Suppressed> {
        match self {
            Self::Files(files) => files
                .current()
                .map(CurrentKeyPair::FromFiles)
                .map_err(Suppressed::because),
            Self::Agency(agency) => {
                let rejected = {
                    let rejected = agency.rejected.lock();
                    Cooldown::check(rejected.as_ref().map(|(_, cooldown)| cooldown))?;
                    rejected.as_ref().map(|(number, _)| *number)
                };
                let issued = agency.cache.get(rejected).await;
                issued.map(CurrentKeyPair::Issued)
            }
        }
    }

    /// Checks that the files, if there are any, can be read.
    pub(super) fn check_files(&self) -> Result<(), String> {
        match self {
            Self::Files(files) => files.read().map(drop),
            Self::Agency(_) => Ok(()),
        }
    }

    /// Records that the API rejected a key pair.
    pub(super) fn record_rejection(&self, keys: &CurrentKeyPair, cooldown: &Cooldown) {
        if let (Self::Agency(agency), CurrentKeyPair::Issued(issued)) = (self, keys) {
            *agency.rejected.lock() = Some((issued.number, cooldown.clone()));
        }
    }

    /// When the current key pair expires, if known.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Files(_) => None,
            Self::Agency(agency) => agency.cache.expires_at(),
        }
    }
}

// === impl AgencyKeys ===

impl AgencyKeys {
    pub(super) fn new(cache: Arc<CredentialCache<KeyPair>>) -> Self {
        Self {
            cache,
            rejected: Mutex::default(),
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
            last_read: Mutex::default(),
        }
    }

    /// The key pair in the files; the last one while the files are being written.
    pub(super) fn current(&self) -> Result<Arc<KeyPair>, String> {
        let read = self.read();
        let mut last_read = self.last_read.lock();
        match (read, &*last_read) {
            (Ok(read), Some(last)) if read == **last => Ok(last.clone()),
            (_, Some(last)) if self.is_being_written() => Ok(last.clone()),
            (read, _) => {
                let read = Arc::new(read?);
                if last_read.is_some() {
                    tracing::info!("the access key files have changed");
                }
                *last_read = Some(read.clone());
                Ok(read)
            }
        }
    }

    fn read(&self) -> Result<KeyPair, String> {
        let read = |what, path| secret_file::read(what, path, str::trim);
        Ok(KeyPair {
            access_key: match &self.access_key {
                AccessKey::Given(key) => key.clone(),
                AccessKey::File(path) => read("access key", path)?,
            },
            secret_key: read("secret key", &self.secret_key)?.into(),
            security_token: match &self.security_token {
                Some(path) => Some(read("security token", path)?.into()),
                None => None,
            },
        })
    }

    fn is_being_written(&self) -> bool {
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
                // The age of a file with a time in the future is unknown.
                age >= SignedDuration::ZERO && age < SETTLE_TIME
            })
        })
    }
}

fn modified(path: &Path) -> io::Result<Timestamp> {
    Timestamp::try_from(fs::metadata(path)?.modified()?).map_err(io::Error::other)
}

// === impl KeyPair ===

impl KeyPair {
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

// === impl CurrentKeyPair ===

impl PartialEq for CurrentKeyPair {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl ops::Deref for CurrentKeyPair {
    type Target = KeyPair;

    fn deref(&self) -> &KeyPair {
        match self {
            Self::FromFiles(keys) => keys,
            Self::Issued(credential) => &credential.item,
        }
    }
}

#[cfg(test)]
mod tests;
