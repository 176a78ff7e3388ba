//! What is sent after the headers, and the record of the request it answers.
//!
//! Invariant: a chunk is made when hyper asks for it, which it does when the socket took the one before. So a client that
//! reads slowly holds one chunk, and not the scrape.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tracing::debug;

use super::timeouts::Phase;

/// The bytes of a response.
pub(super) enum Content {
    /// All there, possibly nothing.
    Whole(Bytes),
    /// Made while it is sent.
    Streamed(Box<dyn Iterator<Item = io::Result<Bytes>> + Send>),
}

/// [`Content`] on its way to the client.
pub(super) struct Body {
    content: Content,
    exchange: Exchange,
}

/// One request and its answer, logged when the answer is handed over or given up.
pub(super) struct Exchange {
    phase: Phase,
    method: Method,
    /// Without the query: whatever a client puts there does not belong in a log.
    path: String,
    status: Option<StatusCode>,
    bytes: u64,
    began: Instant,
}

// === impl Content ===

impl Content {
    pub(super) const EMPTY: Self = Self::Whole(Bytes::new());

    fn next(&mut self) -> Option<io::Result<Bytes>> {
        match self {
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                (!bytes.is_empty()).then_some(Ok(bytes))
            }
            Self::Streamed(chunks) => chunks.next(),
        }
    }
}

impl From<&'static str> for Content {
    fn from(text: &'static str) -> Self {
        Self::Whole(Bytes::from_static(text.as_bytes()))
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Whole(text.into())
    }
}

// === impl Body ===

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = self.content.next();
        if let Some(Ok(chunk)) = &next {
            self.exchange.bytes += chunk.len() as u64;
        }
        Poll::Ready(next.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Streamed(_) => SizeHint::default(),
        }
    }
}

// === impl Exchange ===

impl Exchange {
    pub(super) fn begin<B>(phase: Phase, request: &http::Request<B>) -> Self {
        phase.answer();
        Self {
            phase,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            status: None,
            bytes: 0,
            began: Instant::now(),
        }
    }

    /// The answer is known; the exchange ends with its body.
    pub(super) fn answer(mut self, response: http::Response<Content>) -> http::Response<Body> {
        self.status = Some(response.status());
        response.map(|content| Body {
            content,
            exchange: self,
        })
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.phase.idle();
        debug!(
            method = %self.method,
            path = self.path,
            status = self.status.map(|status| status.as_u16()),
            bytes = self.bytes,
            seconds = self.began.elapsed().as_secs_f64(),
            "request"
        );
    }
}
