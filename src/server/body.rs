//! Response bodies.
//!
//! A streamed body makes a chunk when hyper asks for it, and hyper asks when the socket has taken the chunk before. So a slow
//! client holds one chunk and not the whole scrape.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};

use super::active_request::ActiveRequest;

/// The content of a response.
pub(super) enum Content {
    /// Complete and possibly empty.
    Full(Bytes),
    /// Made while it is sent.
    Stream(Box<dyn Iterator<Item = io::Result<Bytes>> + Send>),
}

/// [`Content`] as hyper sends it. It keeps its request active until it is dropped.
pub(super) struct Body {
    content: Content,
    request: ActiveRequest,
}

// === impl Content ===

impl Content {
    pub(super) const EMPTY: Self = Self::Full(Bytes::new());

    fn next(&mut self) -> Option<io::Result<Bytes>> {
        match self {
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                (!bytes.is_empty()).then_some(Ok(bytes))
            }
            Self::Stream(chunks) => chunks.next(),
        }
    }
}

impl From<&'static str> for Content {
    fn from(text: &'static str) -> Self {
        Self::Full(Bytes::from_static(text.as_bytes()))
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Full(text.into())
    }
}

// === impl Body ===

impl Body {
    /// Turns the response to `request` into one that hyper can send.
    pub(super) fn wrap(mut request: ActiveRequest, response: Response<Content>) -> Response<Self> {
        request.set_status(response.status());
        response.map(|content| Self { content, request })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = self.content.next();
        if let Some(Ok(chunk)) = &next {
            self.request.add_bytes(chunk.len());
        }
        Poll::Ready(next.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Stream(_) => SizeHint::default(),
        }
    }
}
