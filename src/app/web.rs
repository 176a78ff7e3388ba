//! The web configuration file, ready to be served: its settings, and TLS from the files that it names.

use jiff::Timestamp;

use super::StartProblem;
use crate::{
    config::{WebConfig, WebFile},
    server::PreparedTls,
};

/// What the server applies of the web configuration file. Without a file: plain HTTP for everybody.
#[derive(Debug, Default)]
pub(super) struct PreparedWeb {
    /// The file.
    pub(super) file: WebFile,
    /// TLS, if the file asks for it.
    pub(super) tls: Option<PreparedTls>,
    /// What is probably a mistake in the file or a certificate.
    pub(super) warnings: Vec<String>,
}

impl PreparedWeb {
    /// Reads the file that the configuration names, and the files that it names.
    pub(super) fn load(web: &WebConfig) -> Result<Self, StartProblem> {
        let Some(path) = &web.config_file else {
            return Ok(Self::default());
        };
        let file = WebFile::load(path).map_err(|error| StartProblem::new(&error, None))?;
        let tls = file.tls.as_ref();
        let tls = tls.map(|tls| PreparedTls::new(tls, file.http2, Timestamp::now()));
        let tls = tls
            .transpose()
            .map_err(|error| StartProblem::new(&error, error.hint()))?;
        let of_file = file.warnings.iter().map(ToString::to_string);
        let of_tls = tls.iter().flat_map(PreparedTls::warnings).cloned();
        Ok(Self {
            warnings: of_file.chain(of_tls).collect(),
            file,
            tls,
        })
    }
}
