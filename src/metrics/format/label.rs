//! Label values.

use std::fmt::Write as _;

use bytes::BytesMut;

use super::escape::Notation;
use crate::model::{
    CauseGroup, Code, CompletionMode, ConcurrencyPolicy, Credential, EventKind, FailureCause,
    FailureReason, JobState, Name, NotStarted, Renewable, Resource, RestartReason, RunResult, Uid,
    Verb, WaitReason,
};

/// A type that can be the value of a label.
pub(in crate::metrics) trait LabelValue {
    /// Writes the value.
    fn write(&self, notation: Notation, buffer: &mut BytesMut);
}

/// The upper bound of a histogram bucket.
///
/// Both formats use the form that `OpenMetrics` requires, so the series do not depend on the format.
#[derive(Clone, Copy, Debug)]
pub(in crate::metrics) struct Bound(pub(in crate::metrics) f64);

impl LabelValue for Bound {
    fn write(&self, _: Notation, buffer: &mut BytesMut) {
        if self.0 == f64::INFINITY {
            buffer.extend_from_slice(b"+Inf");
        } else {
            // Debug writes whole numbers with a fraction: `1.0`. Writing to memory does not fail.
            let _ = write!(buffer, "{:?}", self.0);
        }
    }
}

impl LabelValue for &str {
    fn write(&self, notation: Notation, buffer: &mut BytesMut) {
        notation.put(self, buffer);
    }
}

impl LabelValue for Name {
    fn write(&self, notation: Notation, buffer: &mut BytesMut) {
        notation.put(self, buffer);
    }
}

/// `None` is an empty value. Prometheus treats it like a missing label.
impl<L: LabelValue> LabelValue for Option<L> {
    fn write(&self, notation: Notation, buffer: &mut BytesMut) {
        if let Some(label) = self {
            label.write(notation, buffer);
        }
    }
}

impl LabelValue for Uid {
    fn write(&self, notation: Notation, buffer: &mut BytesMut) {
        match self {
            Self::Uuid(bytes) => buffer.extend_from_slice(&uuid(bytes)),
            Self::Other(text) => notation.put(text, buffer),
        }
    }
}

/// The usual form of a UUID. Each scrape has one per Job, so this does not use the slower `core::fmt`.
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
        $(impl LabelValue for $type {
            fn write(&self, notation: Notation, buffer: &mut BytesMut) {
                notation.put(self.as_str(), buffer);
            }
        })+
    };
}

closed_sets!(
    CauseGroup,
    Code,
    CompletionMode,
    ConcurrencyPolicy,
    Credential,
    EventKind,
    FailureCause,
    FailureReason,
    JobState,
    NotStarted,
    Renewable,
    Resource,
    RestartReason,
    RunResult,
    Verb,
    WaitReason,
);
