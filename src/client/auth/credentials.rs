//! The credentials that a client was built with: whether they are still the current ones, and when they expire.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::model::{self, Credential, CredentialExpiries, CredentialExpiry, Renewable};

/// What a plugin returned is renewed this long before it expires, or earlier if it is short-lived.
const PLUGIN_MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// A plugin whose credentials have expired already is not run for every request.
const PLUGIN_INTERVAL: SignedDuration = SignedDuration::from_secs(10);

/// The credentials of a client, as far as they can change while it is in use.
#[derive(Default)]
pub(in crate::client) struct LoadedCredentials {
    token: Option<TokenFile>,
    /// Certificates and keys.
    files: Vec<FileVersion>,
    /// When the exec plugin has to run again.
    renew_at: Option<Timestamp>,
    expiries: CredentialExpiries,
}

/// A token file and its content when it was read.
pub(super) struct TokenFile {
    path: PathBuf,
    token: SecretString,
}

/// A file as it was when it was read.
struct FileVersion {
    path: PathBuf,
    version: Option<Version>,
}

/// Changes when a file is written or replaced, also through a symbolic link, as Kubernetes replaces Secrets in volumes.
type Version = (u64, u64, Option<SystemTime>);

impl LoadedCredentials {
    /// Whether no file has changed, and no plugin has to run again.
    pub(in crate::client) fn is_current(&self) -> bool {
        self.token.as_ref().is_none_or(TokenFile::is_current)
            && self.files.iter().all(FileVersion::is_current)
            && self.renew_at.is_none_or(|at| model::now() < at)
    }

    /// The files that were read.
    pub(in crate::client) fn files(&self) -> impl Iterator<Item = &Path> {
        let token = self.token.iter().map(|token| token.path.as_path());
        token.chain(self.files.iter().map(|file| file.path.as_path()))
    }

    /// Whether one of the credentials is known to have expired.
    pub(in crate::client) fn has_expired(&self) -> bool {
        let now = model::now();
        self.expiries.iter().any(|(_, expiry)| expiry.at <= now)
    }

    /// When the credentials expire, as far as they say.
    pub(in crate::client) fn expiries(&self) -> CredentialExpiries {
        self.expiries
    }

    /// A change of this file needs a new client. Call it before the file is read.
    pub(super) fn watch(&mut self, path: &Path) {
        self.files.push(FileVersion {
            path: path.to_owned(),
            version: version(path),
        });
    }

    /// The token was read from this file.
    pub(super) fn set_token_file(&mut self, file: TokenFile) {
        self.set_token_expiry(&file.token, Renewable::Yes);
        self.token = Some(file);
    }

    /// Records when a bearer token expires, if it says so.
    pub(super) fn set_token_expiry(&mut self, token: &SecretString, renewable: Renewable) {
        let expiry = jwt_expiry(token).map(|at| CredentialExpiry { at, renewable });
        self.expiries.set(Credential::Token, expiry);
    }

    /// Records when a client certificate expires.
    pub(super) fn set_certificate_expiry(&mut self, at: Timestamp, renewable: Renewable) {
        let expiry = Some(CredentialExpiry { at, renewable });
        self.expiries.set(Credential::Certificate, expiry);
    }

    /// Records when what the plugin returned at `now` expires. The plugin runs again before.
    pub(super) fn set_plugin_expiry(&mut self, at: Timestamp, now: Timestamp) {
        let renewable = Renewable::Yes;
        let expiry = Some(CredentialExpiry { at, renewable });
        self.expiries.set(Credential::Plugin, expiry);
        let margin = PLUGIN_MARGIN.min(at.duration_since(now) / 5);
        let earliest = now.saturating_add(PLUGIN_INTERVAL).unwrap_or(now);
        let renew_at = at.saturating_sub(margin).unwrap_or(at);
        self.renew_at = Some(renew_at.max(earliest));
    }

    /// The plugin does not run again before the end of `wait`.
    pub(in crate::client) fn delay_renewal(&mut self, wait: Duration) {
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        let earliest = model::now().saturating_add(wait).ok();
        self.renew_at = self.renew_at.max(self.renew_at.and(earliest));
    }
}

impl TokenFile {
    /// Reads a token. The error has no path.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let token = read_trimmed(path)?;
        if token.expose_secret().is_empty() {
            return Err(io::Error::other("it is empty"));
        }
        let token = clean_token(token.expose_secret());
        let token = token.map_err(|problem| io::Error::other(format!("its token {problem}")))?;
        Ok(Self {
            path: path.to_owned(),
            token,
        })
    }

    pub(super) fn token(&self) -> &SecretString {
        &self.token
    }

    /// A file that cannot be read keeps its last token valid: some set-ups delete the file after it was read.
    fn is_current(&self) -> bool {
        read_trimmed(&self.path).map_or(true, |now| {
            now.expose_secret() == self.token.expose_secret()
        })
    }
}

impl FileVersion {
    /// A file that is gone counts as unchanged, like a token file.
    fn is_current(&self) -> bool {
        version(&self.path).is_none_or(|now| self.version == Some(now))
    }
}

fn version(path: &Path) -> Option<Version> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.modified().ok()))
}

fn read_trimmed(path: &Path) -> io::Result<SecretString> {
    Ok(fs::read_to_string(path)?.trim().into())
}

/// The token without blanks around it. It is an error if a header cannot carry it: kube-client 5.0 would panic.
pub(super) fn clean_token(token: &str) -> Result<SecretString, &'static str> {
    match HeaderValue::from_str(token.trim()) {
        Ok(_) => Ok(token.trim().into()),
        Err(_) => Err("contains control characters, such as a line break"),
    }
}

/// When a JSON web token expires (`exp`, RFC 7519). It is only read, not verified. Other tokens do not say.
pub(super) fn jwt_expiry(token: &SecretString) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }
    let mut parts = token.expose_secret().split('.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let Claims { exp } = serde_json::from_slice(&claims).ok()?;
    let since_epoch = Duration::try_from_secs_f64(exp).ok()?;
    Timestamp::from_second(i64::try_from(since_epoch.as_secs()).ok()?).ok()
}

#[cfg(test)]
mod tests;
