//! The parameters of a probe: its query, and the header with the timeout of the scrape.
//!
//! In contrast to `/metrics`, any other parameter is an error: `/probe` is called with parameters that somebody wrote for it.

use std::{borrow::Cow, time::Duration};

use http::{HeaderMap, Request};
use percent_encoding::percent_decode_str;

use crate::config::{InvalidJob, JobReference};

/// The header in which Prometheus says how long it waits.
const TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";

/// The part of the scrape's timeout that is left for the way back, in seconds. The blackbox exporter leaves as much.
const MARGIN: f64 = 0.5;

/// What a client wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeRequest {
    /// The name of the target; `None` for the single unnamed one.
    pub target: Option<String>,
    /// The Job.
    pub job: JobReference,
    /// How long the client waits for the page, less a margin. `None` if it does not say so.
    pub timeout: Option<Duration>,
}

/// What is wrong with a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParameterError {
    #[error("parameter `{0}` is missing")]
    Missing(&'static str),
    #[error("parameter `{0}` is there twice")]
    Repeated(&'static str),
    #[error("parameter `{0}` is empty")]
    Empty(&'static str),
    #[error("parameter `{0}` is unknown")]
    Unknown(String),
    #[error("parameter `{0}` is not UTF-8")]
    NotText(&'static str),
    #[error(transparent)]
    Job(#[from] InvalidJob),
    #[error("the header X-Prometheus-Scrape-Timeout-Seconds is not a positive number of seconds")]
    Timeout,
}

impl ProbeRequest {
    pub(super) fn parse(request: &Request<()>) -> Result<Self, ParameterError> {
        let [target, namespace, job] = values(request.uri().query().unwrap_or_default())?;
        let namespace = namespace.ok_or(ParameterError::Missing("namespace"))?;
        let job = job.ok_or(ParameterError::Missing("job"))?;
        Ok(Self {
            target: target.map(Cow::into_owned),
            job: JobReference::parse(&namespace, &job)?,
            timeout: timeout(request.headers())?,
        })
    }
}

/// The values of `target`, `namespace` and `job`.
fn values(query: &str) -> Result<[Option<Cow<'_, str>>; 3], ParameterError> {
    const NAMES: [&str; 3] = ["target", "namespace", "job"];
    let mut values = [const { None }; 3];
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let key = percent_decode_str(key).decode_utf8_lossy();
        let Some(place) = NAMES.iter().position(|name| *name == key) else {
            return Err(ParameterError::Unknown(key.escape_debug().to_string()));
        };
        let name = NAMES[place];
        let value = percent_decode_str(value).decode_utf8();
        let value = value.map_err(|_| ParameterError::NotText(name))?;
        if value.is_empty() {
            return Err(ParameterError::Empty(name));
        }
        if values[place].replace(value).is_some() {
            return Err(ParameterError::Repeated(name));
        }
    }
    Ok(values)
}

/// How long the client waits, less the margin. A client that waits for less than two margins gets an answer after half the time.
fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, ParameterError> {
    let mut headers = headers.get_all(TIMEOUT).into_iter();
    let Some(header) = headers.next() else {
        return Ok(None);
    };
    let text = header.to_str().map_err(|_| ParameterError::Timeout)?;
    let seconds: f64 = text.trim().parse().map_err(|_| ParameterError::Timeout)?;
    if headers.next().is_some() || !seconds.is_finite() || seconds <= 0.0 {
        return Err(ParameterError::Timeout);
    }
    let seconds = (seconds - MARGIN).max(seconds / 2.0);
    // A time that is too long for a duration is none that ends.
    let timeout = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    Ok(Some(timeout))
}

#[cfg(test)]
mod tests;
