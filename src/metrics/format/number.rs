//! Sample values.

use std::fmt::Write as _;

use bytes::BytesMut;
use jiff::Timestamp;

use crate::model::{self, SmallOption};

/// A number in the form in which it is written: integers have no fraction.
#[derive(Clone, Copy, Debug)]
pub(in crate::metrics) enum Number {
    /// An integer.
    Signed(i64),
    /// A count.
    Unsigned(u64),
    /// Any other number.
    Float(f64),
}

/// A type that can be the value of a sample.
pub(in crate::metrics) trait Value {
    /// The number, or `None` if it is unknown.
    fn number(self) -> Option<Number>;
}

// === impl Number ===

impl Number {
    /// The nearest double.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a client parses the text of a number to the nearest double, too"
    )]
    pub(in crate::metrics) fn to_f64(self) -> f64 {
        match self {
            Self::Signed(number) => number as f64,
            Self::Unsigned(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    /// Writes the number in a form that is valid in both text formats.
    #[inline]
    pub(in crate::metrics) fn write(self, buffer: &mut BytesMut) {
        match self {
            Self::Signed(number) => {
                buffer.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            Self::Unsigned(number) => {
                buffer.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            Self::Float(number) => write_float(number, buffer),
        }
    }
}

fn write_float(number: f64, buffer: &mut BytesMut) {
    if number.is_infinite() {
        let infinity: &[u8] = if number > 0.0 { b"+Inf" } else { b"-Inf" };
        buffer.extend_from_slice(infinity);
    } else {
        // `NaN`, or the shortest decimal that parses to the same number. Writing to memory does not fail.
        let _ = write!(buffer, "{number}");
    }
}

// === impl Value ===

impl<V: Value> Value for Option<V> {
    #[inline]
    fn number(self) -> Option<Number> {
        self.and_then(Value::number)
    }
}

impl<N: Value + model::Integer> Value for SmallOption<N> {
    #[inline]
    fn number(self) -> Option<Number> {
        self.get().number()
    }
}

/// Seconds since the epoch.
impl Value for Timestamp {
    fn number(self) -> Option<Number> {
        self.as_duration().as_secs_f64().number()
    }
}

impl Value for usize {
    #[inline]
    fn number(self) -> Option<Number> {
        Some(Number::Unsigned(self as u64))
    }
}

macro_rules! numbers {
    ($($type:ty => $variant:ident($target:ty),)+) => {
        $(impl Value for $type {
            #[inline]
            fn number(self) -> Option<Number> {
                Some(Number::$variant(<$target>::from(self)))
            }
        })+
    };
}

numbers! {
    i32 => Signed(i64),
    i64 => Signed(i64),
    bool => Unsigned(u64),
    u32 => Unsigned(u64),
    u64 => Unsigned(u64),
    f64 => Float(f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: impl Value) -> String {
        let mut buffer = BytesMut::new();
        if let Some(number) = value.number() {
            number.write(&mut buffer);
        }
        String::from_utf8(buffer.to_vec()).unwrap()
    }

    #[test]
    fn numbers_are_valid_in_both_formats() {
        assert_eq!(written(i64::MIN), "-9223372036854775808");
        assert_eq!(written(u64::MAX), "18446744073709551615");
        assert_eq!(written(true), "1");
        assert_eq!(written(0.1 + 0.2), "0.30000000000000004");
        assert_eq!(written(3.0), "3");
        assert_eq!(written(1e21), "1000000000000000000000");
        assert_eq!(written(f64::NAN), "NaN");
        assert_eq!(written(f64::INFINITY), "+Inf");
        assert_eq!(written(f64::NEG_INFINITY), "-Inf");
        let time = Timestamp::from_millisecond(1_795_445_700_250).unwrap();
        assert_eq!(written(time), "1795445700.25");
    }

    #[test]
    fn an_unknown_value_has_no_number() {
        assert_eq!(written(None::<i64>), "");
        assert_eq!(written(Some(0_i32)), "0");
    }
}
