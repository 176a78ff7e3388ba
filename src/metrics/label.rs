//! Values of labels.

use std::fmt::Write as _;

use bytes::BytesMut;

use super::writer;
use crate::model::{
    Code, CompletionMode, ConcurrencyPolicy, EventKind, FailureReason, JobState, Name, NotStarted,
    Resource, RestartReason, RunResult, Uid, Verb,
};

/// What a row may give as the value of a label.
pub(super) trait Label {
    /// Writes it, escaped.
    fn write(&self, page: &mut BytesMut);
}

/// The upper bound of a histogram's bucket.
///
/// Written as `OpenMetrics` wants it in both formats, so that the series are the same whichever one is scraped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound(pub(super) f64);

impl Label for Bound {
    fn write(&self, page: &mut BytesMut) {
        if self.0 == f64::INFINITY {
            page.extend_from_slice(b"+Inf");
        } else {
            // Debug has a fraction in whole numbers: `1.0`. Writing to memory does not fail.
            let _ = write!(page, "{:?}", self.0);
        }
    }
}

impl Label for &str {
    fn write(&self, page: &mut BytesMut) {
        writer::escape(self, page);
    }
}

impl Label for Name {
    fn write(&self, page: &mut BytesMut) {
        writer::escape(self, page);
    }
}

/// What is absent is an empty value, which is the same to Prometheus as no label at all.
impl<L: Label> Label for Option<L> {
    fn write(&self, page: &mut BytesMut) {
        if let Some(label) = self {
            label.write(page);
        }
    }
}

impl Label for Uid {
    fn write(&self, page: &mut BytesMut) {
        match self {
            Self::Uuid(bytes) => page.extend_from_slice(&uuid(bytes)),
            Self::Other(text) => writer::escape(text, page),
        }
    }
}

/// The usual form of a UUID. There is one per Job in every scrape, which formatting machinery would be felt in.
fn uuid(bytes: &[u8; 16]) -> [u8; 36] {
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 0xf)];
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = digit(byte >> 4);
        text[at + 1] = digit(*byte);
        at += 2;
    }
    text
}

macro_rules! closed_sets {
    ($($type:ty),+ $(,)?) => {
        $(impl Label for $type {
            fn write(&self, page: &mut BytesMut) {
                writer::escape(self.as_str(), page);
            }
        })+
    };
}

closed_sets!(
    Code,
    CompletionMode,
    ConcurrencyPolicy,
    EventKind,
    FailureReason,
    JobState,
    NotStarted,
    Resource,
    RestartReason,
    RunResult,
    Verb,
);
