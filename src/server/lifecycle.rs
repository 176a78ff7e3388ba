//! `/-/reload`: asks for the configuration to be loaded again, and answers with the outcome.
//!
//! The server only passes the request on. The receiver of the [`ReloadRequests`] loads and applies the configuration.

use http::{Method, Request, Response, StatusCode, header::ALLOW};
use tokio::sync::{mpsc, oneshot};

use super::{
    body::Content,
    response::{text, with_header},
};

/// The path. It is no page: it changes something.
pub(super) const PATH: &str = "/-/reload";

/// Requests that wait for the one before. Each answers its client, so none is dropped.
const QUEUE: usize = 16;

/// The outcome of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadOutcome {
    /// Whether the new configuration is in force.
    pub succeeded: bool,
    /// What changed, or every problem. Ends with a line break.
    pub text: String,
}

/// A request for a reload. The sender takes the outcome.
pub type ReloadRequest = oneshot::Sender<ReloadOutcome>;

/// The requests for reloads, in order.
pub type ReloadRequests = mpsc::Receiver<ReloadRequest>;

/// Requests reloads. Clones request them from the same receiver.
#[derive(Clone, Debug)]
pub struct ReloadHandle(mpsc::Sender<ReloadRequest>);

impl ReloadHandle {
    /// A handle, and the requests that are made with it.
    #[must_use]
    pub fn new() -> (Self, ReloadRequests) {
        let (sender, requests) = mpsc::channel(QUEUE);
        (Self(sender), requests)
    }

    /// Requests a reload and waits for its outcome. `None` if nobody takes requests any more.
    async fn reload(&self) -> Option<ReloadOutcome> {
        let (sender, outcome) = oneshot::channel();
        self.0.send(sender).await.ok()?;
        outcome.await.ok()
    }
}

/// Responds to requests for [`PATH`]. Without a handle, reloads are not enabled.
#[derive(Clone, Debug)]
pub(super) struct Lifecycle(pub(super) Option<ReloadHandle>);

impl Lifecycle {
    pub(super) async fn respond(&self, request: &Request<()>) -> Response<Content> {
        if !matches!(*request.method(), Method::POST | Method::PUT) {
            let message = "method not allowed: use POST or PUT to reload the configuration\n";
            let response = text(StatusCode::METHOD_NOT_ALLOWED, message);
            return with_header(response, ALLOW, "POST, PUT");
        }
        let Some(handle) = &self.0 else {
            return text(
                StatusCode::FORBIDDEN,
                "reloads by HTTP are not enabled: start with --web.enable-lifecycle, or send SIGHUP\n",
            );
        };
        match handle.reload().await {
            Some(outcome) if outcome.succeeded => text(StatusCode::OK, outcome.text),
            Some(outcome) => text(StatusCode::INTERNAL_SERVER_ERROR, outcome.text),
            None => text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n"),
        }
    }
}

#[cfg(test)]
mod tests;
