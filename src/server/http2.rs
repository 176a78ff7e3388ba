//! HTTP/2: its limits, and the tasks of its requests.
//!
//! A connection holds at most [`MAX_STREAMS`] heads, and of each response the chunk that is being sent and the next one: hyper
//! makes that before the client has room for it. The tasks of the requests end with their connection.

use std::sync::{Arc, Weak};

use hyper::{rt::Executor, server::conn::http2::Builder};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tracing::error;

use super::connection::BUFFER_BYTES;

/// Maximum of requests at once on one connection. A client with more opens another connection or waits. It is small, because
/// each can hold memory that a client of HTTP/1 needs a connection for.
const MAX_STREAMS: u32 = 4;

/// What a client may send of a request body before it has to wait. Bodies are not read. The window of the connection cannot
/// be smaller than 65,535 bytes.
const STREAM_WINDOW: u32 = 16 * 1024;
const CONNECTION_WINDOW: u32 = 65_535;

/// The tasks of the requests of one connection. Dropping it aborts them.
#[derive(Default)]
pub(super) struct StreamTasks {
    tasks: Arc<Mutex<JoinSet<()>>>,
}

/// Starts the tasks. It does not keep them alive, because the tasks can own it.
#[derive(Clone)]
pub(super) struct StreamExecutor {
    tasks: Weak<Mutex<JoinSet<()>>>,
}

impl StreamTasks {
    pub(super) fn executor(&self) -> StreamExecutor {
        StreamExecutor {
            tasks: Arc::downgrade(&self.tasks),
        }
    }
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let Some(tasks) = self.tasks.upgrade() else {
            return;
        };
        let mut tasks = tasks.lock();
        while let Some(ended) = tasks.try_join_next() {
            if let Err(error) = ended {
                error!(%error, "a request panicked");
            }
        }
        tasks.spawn(stream);
    }
}

/// hyper's server with the limits of this one.
pub(super) fn builder(executor: StreamExecutor) -> Builder<StreamExecutor> {
    let mut builder = Builder::new(executor);
    builder
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(HEAD_BYTES)
        .max_send_buf_size(BUFFER_BYTES)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

/// Maximum size of a request head, as for HTTP/1.
#[allow(clippy::cast_possible_truncation, reason = "it is small")]
const HEAD_BYTES: u32 = BUFFER_BYTES as u32;
