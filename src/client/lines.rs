//! The lines of a watch, read as they come.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::time::timeout;

use super::error::{Failure, describe};

/// Longest line that is kept. The largest object that etcd takes is 1.5 MiB; its JSON is a few times that.
const LONGEST: usize = 16 * 1024 * 1024;

/// A response body, line by line.
#[derive(Debug)]
pub struct Lines<B = Body> {
    body: B,
    buffer: BytesMut,
    /// How much of `buffer` is known to hold no line feed.
    searched: usize,
    /// Within a line that is too long: skips to its end.
    skipping: bool,
}

/// One line, without its line feed.
#[derive(Debug)]
pub enum Line {
    /// A line as it came.
    Whole(Bytes),
    /// A line that was too long to keep, and is skipped.
    TooLong,
}

impl<B> Lines<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    pub(super) fn new(body: B) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            searched: 0,
            skipping: false,
        }
    }

    /// The next line; `None` at the end. What comes after the last line feed is a broken line, and is dropped.
    /// An error when no byte arrives for `patience`.
    pub async fn next(&mut self, patience: Duration) -> Result<Option<Line>, Failure> {
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
            if self.skipping || self.buffer.len() > LONGEST {
                self.skipping = true;
                self.buffer = BytesMut::new(); // gives the memory back
            }
            self.searched = self.buffer.len();
            match timeout(patience, self.body.frame()).await {
                Err(_) => return Err(Failure::Timeout(patience)),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return Err(Failure::Transport(describe(&error))),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
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

    /// All lines of a body that arrives in pieces of `size`, too long ones as `None`.
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
    async fn lines_are_found_however_they_are_cut() {
        let text = b"one\n\ntwo\nthree\nbroken off";
        for size in 1..text.len() {
            let found = lines(text, size).await;
            assert_eq!(
                found,
                [Some("one".into()), Some("two".into()), Some("three".into())],
                "pieces of {size}"
            );
        }
    }

    #[tokio::test]
    async fn a_line_without_end_is_skipped_and_the_next_is_read() {
        let mut text = vec![b'x'; LONGEST + 100_000];
        text.extend_from_slice(b"\nnext\n");
        assert_eq!(lines(&text, 65_536).await, [None, Some("next".into())]);
    }
}
