//! `/probe`: polls one Job while the client waits, in the manner of the blackbox exporter.
//!
//! A probe that fails is a page with `probe_success 0`. Only a request that is wrong gets another status than 200. Probes do not
//! take the slots of scrapes, so that a slow API delays no scrape; their own limit leaves connections to others.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header::ALLOW};
use tokio::sync::Semaphore;

use super::{
    body::Content,
    data::Chunks,
    negotiation,
    response::{metrics, text, unavailable, with_header},
};
use crate::{metrics::Format, source::ProbeRefusal};

mod parameters;
mod targets;

pub use parameters::ProbeRequest;
pub use targets::{ProbeTarget, TargetProber};

/// The path.
pub(super) const PATH: &str = "/probe";

/// How many targets a text names.
const MAX_NAMED: usize = 50;

/// Polls Jobs on demand.
pub trait Prober: fmt::Debug + Send + Sync + 'static {
    /// The names of the targets. The single unnamed target is `None`.
    fn targets(&self) -> Vec<Option<String>>;

    /// Whether this Job of this target can be probed.
    fn check(&self, request: &ProbeRequest) -> Result<(), ProbeError>;

    /// Polls the Job, and returns the page about it. It ends by the timeout of the request.
    fn probe(
        &self,
        request: ProbeRequest,
        format: Format,
    ) -> BoxFuture<'_, Result<Chunks, ProbeError>>;
}

/// Why there is no probe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The targets have names, and the request has none.
    #[error("parameter `target` is missing")]
    NoTarget,
    /// There is no target of this name.
    #[error("there is no target `{0}`")]
    UnknownTarget(String),
    /// The configuration does not allow to probe the Job.
    #[error(transparent)]
    Refused(#[from] ProbeRefusal),
}

/// Responds to requests for [`PATH`].
#[derive(Clone, Debug)]
pub(super) struct JobProbe {
    prober: Arc<dyn Prober>,
    /// A permit for each probe that may run now.
    slots: Arc<Semaphore>,
}

impl JobProbe {
    /// Probes may take half of the connections.
    pub(super) fn new(prober: Arc<dyn Prober>, max_connections: usize) -> Self {
        let slots = (max_connections / 2).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            prober,
            slots: Arc::new(Semaphore::new(slots)),
        }
    }

    /// A HEAD request gets the headers without a probe.
    pub(super) async fn respond(&self, request: &Request<()>) -> Response<Content> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            return with_header(response, ALLOW, "GET, HEAD");
        }
        let format = negotiation::format(request.headers());
        let encoding = negotiation::encoding(request.headers());
        let probe = match ProbeRequest::parse(request) {
            Ok(probe) => probe,
            Err(error) => return self.bad_request(&error),
        };
        if let Err(error) = self.prober.check(&probe) {
            return self.refusal(&error);
        }
        if request.method() == Method::HEAD {
            return metrics(format, encoding, Content::EMPTY);
        }
        let Ok(_slot) = self.slots.try_acquire() else {
            return unavailable("too many probes at once, try again later\n");
        };
        match self.prober.probe(probe, format).await {
            Ok(page) => metrics(format, encoding, Content::encoded(page, encoding)),
            Err(error) => self.refusal(&error),
        }
    }

    fn refusal(&self, error: &ProbeError) -> Response<Content> {
        match error {
            ProbeError::NoTarget | ProbeError::UnknownTarget(_) => self.bad_request(error),
            ProbeError::Refused(refusal) => {
                let body = format!("{refusal}: {}\n", refusal.hint());
                text(StatusCode::FORBIDDEN, body)
            }
        }
    }

    /// 400 with what is wrong, and what would be right.
    fn bad_request(&self, error: &dyn fmt::Display) -> Response<Content> {
        let targets = self.prober.targets();
        let names: Vec<&str> = targets.iter().flatten().map(String::as_str).collect();
        let usage = if names.is_empty() {
            "usage: /probe?namespace=NAMESPACE&job=JOB\nthe only target has no name\n".to_owned()
        } else {
            let shown = names[..names.len().min(MAX_NAMED)].join(", ");
            let more = match names.len().saturating_sub(MAX_NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!(
                "usage: /probe?target=TARGET&namespace=NAMESPACE&job=JOB\ntargets: {shown}{more}\n"
            )
        };
        text(StatusCode::BAD_REQUEST, format!("{error}\n{usage}"))
    }
}

#[cfg(test)]
mod tests;
