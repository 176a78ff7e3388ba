//! Reads certificates and keys in PEM.
//!
//! As in Go, other sections of a text are skipped, so that one file can hold certificates and their key. Errors of the PEM
//! parser quote the text and are dropped, since it can be a key.

use std::fs;

use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{Error, PemObject},
};
use secrecy::{ExposeSecret as _, SecretSlice};

use super::error::{Found, PemItem, PemName, TlsError};
use crate::config::PemSource;

/// The text of one setting.
pub(super) struct Pem {
    pub(super) name: PemName,
    text: SecretSlice<u8>,
}

impl Pem {
    /// Reads the file, if it is one.
    pub(super) fn read(item: PemItem, source: &PemSource) -> Result<Self, TlsError> {
        let (path, text) = match source {
            PemSource::Inline(text) => (None, text.expose_secret().as_bytes().to_vec()),
            PemSource::File(path) => {
                let name = || PemName {
                    item,
                    path: Some(path.clone()),
                };
                let text = fs::read(path);
                let text = text.map_err(|source| TlsError::Read {
                    name: name(),
                    source,
                })?;
                (Some(path.clone()), text)
            }
        };
        Ok(Self {
            name: PemName { item, path },
            text: text.into(),
        })
    }

    /// All certificates, at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let all: Result<Vec<_>, Error> =
            CertificateDer::pem_slice_iter(self.text.expose_secret()).collect();
        match all {
            Err(_) => Err(TlsError::MalformedPem(self.name.clone())),
            Ok(all) if all.is_empty() => Err(TlsError::NoCertificate {
                name: self.name.clone(),
                found: self.found(),
            }),
            Ok(all) => Ok(all),
        }
    }

    /// The first private key: PKCS #1, PKCS #8 or SEC 1.
    pub(super) fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let name = || self.name.clone();
        if self.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
            || self.contains("Proc-Type: 4,ENCRYPTED")
        {
            return Err(TlsError::EncryptedKey(name()));
        }
        match PrivateKeyDer::from_pem_slice(self.text.expose_secret()) {
            Ok(key) => Ok(key),
            Err(Error::NoItemsFound) => Err(TlsError::NoKey {
                name: name(),
                found: self.found(),
            }),
            Err(_) => Err(TlsError::MalformedPem(name())),
        }
    }

    /// What is there, as far as a hint can use it.
    fn found(&self) -> Found {
        /// The tag of a sequence, with which DER of certificates and keys begins.
        const SEQUENCE: u8 = 0x30;
        let text = self.text.expose_secret();
        if text.iter().all(u8::is_ascii_whitespace) {
            Found::Nothing
        } else if self.contains("PRIVATE KEY-----") {
            Found::Key
        } else if self.contains("-----BEGIN CERTIFICATE-----") {
            Found::Certificate
        } else if text[0] == SEQUENCE && !text.is_ascii() {
            Found::Binary
        } else {
            Found::Other
        }
    }

    fn contains(&self, words: &str) -> bool {
        memchr::memmem::find(self.text.expose_secret(), words.as_bytes()).is_some()
    }
}
