//! Reads the response body of a watch event by event.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::time::{Instant, timeout_at};

use super::{
    BodyFormat,
    error::{Failure, describe},
};

mod framing;

use framing::Framing;

/// The longest line that is kept. etcd stores objects of up to 1.5 MiB; their JSON is a few times larger.
const MAX_LINE: usize = 16 * 1024 * 1024;

/// A response body, line by line: with a line feed after each in JSON, with its length before each in Protocol Buffers.
#[derive(Debug)]
pub struct Lines<B = Body> {
    body: B,
    format: BodyFormat,
    framing: Framing,
    buffer: BytesMut,
    /// The bytes of the body so far.
    received: u64,
}

/// One line, without its line feed or length.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A complete line.
    Whole(Bytes),
    /// A line that was too long, and was skipped.
    TooLong,
}

impl<B> Lines<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    pub(crate) fn new(format: BodyFormat, body: B) -> Self {
        Self {
            body,
            format,
            framing: Framing::new(format),
            buffer: BytesMut::new(),
            received: 0,
        }
    }

    /// How each line is written.
    pub(crate) fn format(&self) -> BodyFormat {
        self.format
    }

    /// The bytes that were received so far, line feeds and lengths included.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Whether a part of the next line was received.
    pub(crate) fn has_partial_line(&self) -> bool {
        self.framing.is_skipping() || !self.buffer.is_empty()
    }

    /// The next line; `None` at the end of the body. An incomplete last line is dropped. Fails if the line is not complete
    /// within `timeout`: a server may send single bytes for ever. A line that was not complete in time can be read on.
    pub async fn next(&mut self, timeout: Duration) -> Result<Option<Line>, Failure> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(line) = self.framing.next(&mut self.buffer) {
                return Ok(Some(line));
            }
            match timeout_at(deadline, self.body.frame()).await {
                Err(_) => return Err(Failure::Timeout(timeout)),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return Err(Failure::Transport(describe(&error))),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.received += data.len() as u64;
                        self.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(text: &[u8], size: usize) -> Vec<Option<String>> {
        lines_of(BodyFormat::Json, text, size).await
    }

    /// All lines of a body that arrives in chunks of `size` bytes. A line that is too long is `None`.
    async fn lines_of(format: BodyFormat, text: &[u8], size: usize) -> Vec<Option<String>> {
        let frames: Vec<_> = text
            .chunks(size)
            .map(|chunk| Ok(http_body::Frame::data(Bytes::copy_from_slice(chunk))))
            .collect();
        let frames: Vec<Result<_, std::convert::Infallible>> = frames;
        let stream = futures_util::stream::iter(frames);
        let mut lines = Lines::new(format, http_body_util::StreamBody::new(stream));
        let mut all = Vec::new();
        while let Some(line) = lines.next(Duration::from_secs(1)).await.unwrap() {
            all.push(match line {
                Line::Whole(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
                Line::TooLong => None,
            });
        }
        all
    }

    #[tokio::test]
    async fn lines_are_found_in_chunks_of_any_size() {
        let text = b"one\n\ntwo\nthree\nbroken off";
        for size in 1..text.len() {
            let found = lines(text, size).await;
            assert_eq!(
                found,
                [Some("one".into()), Some("two".into()), Some("three".into())],
                "chunks of {size}"
            );
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_skipped_and_the_next_is_read() {
        let mut text = vec![b'x'; MAX_LINE + 100_000];
        text.extend_from_slice(b"\nnext\n");
        assert_eq!(lines(&text, 65_536).await, [None, Some("next".into())]);
    }

    /// Messages with their length before them.
    fn messages(messages: &[&[u8]]) -> Vec<u8> {
        let message = |message: &&[u8]| {
            let length = u32::try_from(message.len()).unwrap();
            [&length.to_be_bytes()[..], message].concat()
        };
        messages.iter().flat_map(message).collect()
    }

    #[tokio::test]
    async fn messages_are_found_in_chunks_of_any_size() {
        let mut body = messages(&[b"one", b"", b"line\nfeed"]);
        body.extend_from_slice(&messages(&[b"broken off"])[..9]);
        for size in 1..body.len() {
            let found = lines_of(BodyFormat::Protobuf, &body, size).await;
            let expected = ["one", "", "line\nfeed"].map(|text| Some(text.to_owned()));
            assert_eq!(found, expected, "chunks of {size}");
        }
    }

    #[tokio::test]
    async fn a_message_that_is_too_long_is_skipped_and_the_next_is_read() {
        let longest = vec![b'x'; MAX_LINE];
        let longer = vec![b'x'; MAX_LINE + 1];
        let body = messages(&[&longer, b"next", &longest]);
        let longest = String::from_utf8(longest).unwrap();
        let found = lines_of(BodyFormat::Protobuf, &body, 65_536).await;
        assert!(found == [None, Some("next".into()), Some(longest)]);
    }

    #[tokio::test]
    async fn a_length_that_is_a_lie_costs_no_memory() {
        let mut lines = Lines::new(
            BodyFormat::Protobuf,
            http_body_util::Full::new(Bytes::from_static(b"\xff\xff\xff\xffshort")),
        );
        assert!(lines.next(Duration::from_secs(1)).await.unwrap().is_none());
        assert!(lines.has_partial_line());
        assert!(lines.buffer.capacity() < 1_000);
    }
}
