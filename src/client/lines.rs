//! Reads the response body of a watch line by line.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::time::{Instant, timeout_at};

use super::error::{Failure, describe};

/// The longest line that is kept. etcd stores objects of up to 1.5 MiB; their JSON is a few times larger.
const MAX_LINE: usize = 16 * 1024 * 1024;

/// A response body, line by line.
#[derive(Debug)]
pub struct Lines<B = Body> {
    body: B,
    buffer: BytesMut,
    /// The bytes of the body so far.
    received: u64,
    /// The length of the part of `buffer` that has no line feed.
    searched: usize,
    /// Whether the rest of a line that is too long is being skipped.
    skipping: bool,
}

/// One line, without its line feed.
#[derive(Debug)]
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
    pub(crate) fn new(body: B) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            received: 0,
            searched: 0,
            skipping: false,
        }
    }

    /// The bytes that were received so far, line feeds included.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Whether a part of the next line was received.
    pub(crate) fn has_partial_line(&self) -> bool {
        self.skipping || !self.buffer.is_empty()
    }

    /// The next line; `None` at the end of the body. An incomplete last line is dropped. Fails if the line is not complete
    /// within `timeout`: a server may send single bytes for ever. A line that was not complete in time can be read on.
    pub async fn next(&mut self, timeout: Duration) -> Result<Option<Line>, Failure> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
                let line = self.buffer.split_to(self.searched + end + 1);
                self.searched = 0;
                if std::mem::take(&mut self.skipping) {
                    return Ok(Some(Line::TooLong));
                }
                if line.len() > 1 {
                    let length = line.len() - 1;
                    return Ok(Some(Line::Whole(line.freeze().slice(..length))));
                }
                continue;
            }
            if self.skipping || self.buffer.len() > MAX_LINE {
                self.skipping = true;
                self.buffer = BytesMut::new(); // frees the memory
            }
            self.searched = self.buffer.len();
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

    /// All lines of a body that arrives in chunks of `size` bytes. A line that is too long is `None`.
    async fn lines(text: &[u8], size: usize) -> Vec<Option<String>> {
        let frames: Vec<_> = text
            .chunks(size)
            .map(|chunk| Ok(http_body::Frame::data(Bytes::copy_from_slice(chunk))))
            .collect();
        let frames: Vec<Result<_, std::convert::Infallible>> = frames;
        let stream = futures_util::stream::iter(frames);
        let mut lines = Lines::new(http_body_util::StreamBody::new(stream));
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
}
