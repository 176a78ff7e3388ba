//! Cuts lines out of the bytes that have arrived. One that is too long is skipped, whatever its length says.

use bytes::{Buf as _, BytesMut};

use super::{Line, MAX_LINE};
use crate::client::BodyFormat;

/// The bytes of the length before an event: big-endian.
const LENGTH: usize = 4;

/// How lines are told apart, and what is known about the next one.
#[derive(Debug)]
pub(super) enum Framing {
    LineFeeds {
        /// The length of the part of the buffer that has no line feed.
        searched: usize,
        /// Whether the rest of a line that is too long is being skipped.
        skipping: bool,
    },
    Lengths {
        /// The length of the rest of a line that is too long, and is being skipped.
        skipped: usize,
    },
}

impl Framing {
    pub(super) fn new(format: BodyFormat) -> Self {
        match format {
            BodyFormat::Json => Self::LineFeeds {
                searched: 0,
                skipping: false,
            },
            BodyFormat::Protobuf => Self::Lengths { skipped: 0 },
        }
    }

    pub(super) fn is_skipping(&self) -> bool {
        match self {
            Self::LineFeeds { skipping, .. } => *skipping,
            Self::Lengths { skipped } => *skipped > 0,
        }
    }

    /// Takes the next line out of `buffer`. `None` until more bytes arrive.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Option<Line> {
        match self {
            Self::LineFeeds { searched, skipping } => by_line_feed(searched, skipping, buffer),
            Self::Lengths { skipped } => by_length(skipped, buffer),
        }
    }
}

fn by_line_feed(searched: &mut usize, skipping: &mut bool, buffer: &mut BytesMut) -> Option<Line> {
    while let Some(end) = memchr::memchr(b'\n', &buffer[*searched..]) {
        let line = buffer.split_to(*searched + end + 1);
        *searched = 0;
        if std::mem::take(skipping) {
            return Some(Line::TooLong);
        }
        if line.len() > 1 {
            let length = line.len() - 1;
            return Some(Line::Whole(line.freeze().slice(..length)));
        }
    }
    if *skipping || buffer.len() > MAX_LINE {
        *skipping = true;
        *buffer = BytesMut::new(); // frees the memory
    }
    *searched = buffer.len();
    None
}

fn by_length(skipped: &mut usize, buffer: &mut BytesMut) -> Option<Line> {
    if *skipped == 0 {
        let length = u32::from_be_bytes(*buffer.first_chunk::<LENGTH>()?);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length <= MAX_LINE {
            if buffer.len() < LENGTH + length {
                return None;
            }
            let line = buffer.split_to(LENGTH + length).freeze();
            return Some(Line::Whole(line.slice(LENGTH..)));
        }
        buffer.advance(LENGTH);
        *skipped = length;
    }
    let arrived = buffer.len().min(*skipped);
    buffer.advance(arrived);
    *skipped -= arrived;
    (*skipped == 0).then_some(Line::TooLong)
}
