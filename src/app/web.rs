//! Who may look, over which connections: the web configuration file with TLS, and the API that checks bearer tokens.
//!
//! [`PreparedWeb`] is read and checked as a whole. [`ServedWeb`] puts it in force, at the start and whenever it changes.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;

use super::{StartProblem, access, file_watch::WatchedFile};
use crate::{
    client::AccessReviewer,
    config::{Config, WebConfig, WebFile},
    server::{Access, AccessError, AccessHandle, AccessSettings, PreparedTls, TlsHandle},
};

/// What needs a restart in the web configuration file.
const TLS_SWITCH: &str = "web.config_file: with or without tls_server_config";

/// What the server applies of the web configuration file. Without a file: plain HTTP for everybody.
#[derive(Debug, Default)]
pub(super) struct PreparedWeb {
    /// The file.
    pub(super) file: WebFile,
    /// TLS, if the file asks for it.
    pub(super) tls: Option<PreparedTls>,
    /// What is probably a mistake in the file or a certificate.
    pub(super) warnings: Vec<String>,
    /// The file and those that it names, as they were when they were read.
    pub(super) files: Vec<WatchedFile>,
}

/// A web configuration that cannot be used.
#[derive(Debug)]
pub(super) struct UnusableWeb {
    pub(super) problem: StartProblem,
    /// The files of which one has to change.
    pub(super) files: Vec<WatchedFile>,
}

/// What the server has in force.
pub(super) struct ServedWeb {
    pub(super) access: AccessHandle,
    pub(super) tls: Option<TlsHandle>,
    /// Checks bearer tokens.
    pub(super) reviewer: Option<Arc<dyn AccessReviewer>>,
    /// The files that are in force.
    files: Vec<PathBuf>,
}

// === impl PreparedWeb ===

impl PreparedWeb {
    /// Reads the file that the configuration names, and the files that it names.
    pub(super) fn load(web: &WebConfig) -> Result<Self, UnusableWeb> {
        let Some(path) = &web.config_file else {
            return Ok(Self::default());
        };
        let mut files = vec![WatchedFile::now(path)];
        match Self::read(path, &mut files) {
            Ok(web) => Ok(Self { files, ..web }),
            Err(problem) => Err(UnusableWeb { problem, files }),
        }
    }

    /// Reads the file at `path`. Adds to `files` those that it names, before it reads them.
    fn read(path: &Path, files: &mut Vec<WatchedFile>) -> Result<Self, StartProblem> {
        let file = WebFile::load(path).map_err(|error| StartProblem::new(&error, None))?;
        files.extend(file.files().map(WatchedFile::now));
        let tls = file.tls.as_ref();
        let tls = tls.map(|tls| PreparedTls::new(tls, file.http2, Timestamp::now()));
        let tls = tls
            .transpose()
            .map_err(|error| StartProblem::new(&error, error.hint()))?;
        // So that nothing of it can fail when it comes into force.
        let settings = AccessSettings {
            users: file.users.clone(),
            headers: file.headers.clone(),
            ..AccessSettings::default()
        };
        Access::new(&settings).map_err(|error| StartProblem::new(&error, error.hint()))?;
        let of_file = file.warnings.iter().map(ToString::to_string);
        let of_tls = tls.iter().flat_map(PreparedTls::warnings).cloned();
        Ok(Self {
            warnings: of_file.chain(of_tls).collect(),
            file,
            tls,
            files: Vec::new(),
        })
    }
}

// === impl ServedWeb ===

impl ServedWeb {
    /// Puts `web` in force for a server that starts.
    pub(super) fn new(
        config: &Config,
        web: PreparedWeb,
        reviewer: Option<Arc<dyn AccessReviewer>>,
    ) -> Result<Self, AccessError> {
        let settings = access::settings(config, &web.file, reviewer.clone());
        Ok(Self {
            access: AccessHandle::new(Access::new(&settings)?),
            tls: web.tls.map(TlsHandle::new),
            reviewer,
            files: paths(&web.files),
        })
    }

    /// Puts `web` in force for requests and connections that begin from now on, with the present `reviewer`. Returns what only
    /// a restart applies.
    pub(super) fn update(
        &mut self,
        config: &Config,
        web: PreparedWeb,
    ) -> Result<Option<&'static str>, AccessError> {
        let settings = access::settings(config, &web.file, self.reviewer.clone());
        let access = match self.access.current() {
            Some(access) => access.updated(&settings)?,
            None => Access::new(&settings)?,
        };
        self.access.replace(access);
        self.files = paths(&web.files);
        match (&self.tls, web.tls) {
            (Some(handle), Some(tls)) => handle.replace(tls),
            (None, None) => {}
            _ => return Ok(Some(TLS_SWITCH)),
        }
        Ok(None)
    }

    /// `files`, and those in force that are not among them.
    pub(super) fn with_files_in_force(&self, mut files: Vec<WatchedFile>) -> Vec<WatchedFile> {
        for path in &self.files {
            if files.iter().all(|file| file.path() != path) {
                files.push(WatchedFile::now(path));
            }
        }
        files
    }
}

fn paths(files: &[WatchedFile]) -> Vec<PathBuf> {
    files.iter().map(|file| file.path().to_owned()).collect()
}
