//! Response bodies.
//!
//! A streamed body makes a chunk when hyper asks for it, and hyper asks when the socket has taken the chunk before. So a slow
//! client holds one chunk, or two with HTTP/2, and not the whole scrape. Between two chunks, other tasks run, so a scrape delays
//! no probe.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};

use super::{
    active_request::ActiveRequest, data::Chunks, gzip::Gzip, negotiation::Encoding,
    scrape_limit::ScrapeSlot,
};

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
    /// Whether other tasks had a turn since the last chunk.
    yielded: bool,
}

// === impl Content ===

impl Content {
    pub(super) const EMPTY: Self = Self::Full(Bytes::new());

    /// The chunks as they are.
    pub(super) fn plain(chunks: Chunks) -> Self {
        Self::Stream(Box::new(chunks.map(Ok)))
    }

    /// The chunks with this compression.
    pub(super) fn encoded(chunks: Chunks, encoding: Encoding) -> Self {
        match encoding {
            Encoding::Identity => Self::plain(chunks),
            Encoding::Gzip => Self::Stream(Box::new(Gzip::new(chunks))),
        }
    }

    /// Holds `slot` until a streamed content is dropped.
    pub(super) fn holding(self, slot: ScrapeSlot) -> Self {
        match self {
            Self::Full(_) => self,
            Self::Stream(chunks) => Self::Stream(Box::new(chunks.inspect(move |_| {
                let _held = &slot;
            }))),
        }
    }

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
        response.map(|content| Self {
            content,
            request,
            yielded: true,
        })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        // hyper asks for more when the last chunk is sent; with HTTP/2, when the one before it is.
        self.request.finish_chunk();
        if !self.yielded {
            self.yielded = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = self.content.next();
        self.yielded = matches!(self.content, Content::Full(_));
        if let Some(Ok(chunk)) = &next {
            self.request.start_chunk(chunk.len());
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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http::Request;
    use http_body::Body as _;

    use super::*;
    use crate::server::connection_state::ConnectionState;

    #[tokio::test]
    async fn other_tasks_have_a_turn_between_two_chunks() {
        let chunks = ["a", "b"].map(|chunk| Ok(Bytes::from(chunk)));
        let content = Content::Stream(Box::new(chunks.into_iter()));
        let request = ActiveRequest::start(ConnectionState::new(), &Request::new(()));
        let mut body = Body::wrap(request, Response::new(content)).into_body();
        let mut waiting = Context::from_waker(Waker::noop());
        let mut polled = Vec::new();
        for _ in 0..5 {
            polled.push(match Pin::new(&mut body).poll_frame(&mut waiting) {
                Poll::Pending => "pending",
                Poll::Ready(Some(_)) => "chunk",
                Poll::Ready(None) => "end",
            });
        }
        assert_eq!(polled, ["chunk", "pending", "chunk", "pending", "end"]);
    }
}
