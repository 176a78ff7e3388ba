//! The request that a connection is responding to.

use std::mem;

use http::{Method, Request, StatusCode};
use tokio::time::Instant;
use tracing::debug;

use super::connection_state::ConnectionState;

/// A request, from its head until its response is sent or abandoned.
///
/// Dropping it writes the log line of the request and starts the idle timeout of the connection.
pub(super) struct ActiveRequest {
    state: ConnectionState,
    method: Method,
    /// Without the query, which can contain anything and is not logged.
    path: String,
    status: Option<StatusCode>,
    bytes: u64,
    started: Instant,
    /// Whether a chunk of the response is made and not sent.
    has_unsent_chunk: bool,
}

impl ActiveRequest {
    /// Starts the response timeout of the connection.
    pub(super) fn start<B>(state: ConnectionState, request: &Request<B>) -> Self {
        let started = state.start_response();
        Self {
            state,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            status: None,
            bytes: 0,
            started,
            has_unsent_chunk: false,
        }
    }

    /// Records the status of the response.
    pub(super) fn set_status(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Counts a chunk of the response body, which is to be sent.
    pub(super) fn start_chunk(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.finish_chunk();
        self.state.start_chunk();
        self.has_unsent_chunk = true;
    }

    /// The last chunk was sent.
    pub(super) fn finish_chunk(&mut self) {
        if mem::take(&mut self.has_unsent_chunk) {
            self.state.finish_chunk();
        }
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.finish_chunk();
        self.state.finish_response(self.started);
        debug!(
            method = %self.method,
            path = self.path,
            status = self.status.map(|status| status.as_u16()),
            bytes = self.bytes,
            seconds = self.started.elapsed().as_secs_f64(),
            "request"
        );
    }
}
