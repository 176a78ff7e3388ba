//! The request that a connection is responding to.

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
}

impl ActiveRequest {
    /// Starts the response timeout of the connection.
    pub(super) fn start<B>(state: ConnectionState, request: &Request<B>) -> Self {
        state.start_response();
        Self {
            state,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            status: None,
            bytes: 0,
            started: Instant::now(),
        }
    }

    /// Records the status of the response.
    pub(super) fn set_status(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Counts bytes of the response body.
    pub(super) fn add_bytes(&mut self, count: usize) {
        self.bytes += count as u64;
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.state.finish_response();
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
