//! Values of samples.

use std::fmt::Write as _;

use bytes::BytesMut;
use jiff::Timestamp;

/// A number as it is written: integers without a fraction, whatever their size.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    /// An integer.
    Signed(i64),
    /// A count.
    Unsigned(u64),
    /// Anything else.
    Float(f64),
}

/// What a row may give as a value.
pub(super) trait Value {
    /// The number, unless it is not known.
    fn number(self) -> Option<Number>;
}

// === impl Number ===

impl Number {
    /// Writes it in a form that both formats have.
    #[inline]
    pub(super) fn write(self, page: &mut BytesMut) {
        match self {
            Self::Signed(number) => {
                page.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            Self::Unsigned(number) => {
                page.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            Self::Float(number) => write_float(number, page),
        }
    }
}

fn write_float(number: f64, page: &mut BytesMut) {
    if number.is_infinite() {
        let infinity: &[u8] = if number > 0.0 { b"+Inf" } else { b"-Inf" };
        page.extend_from_slice(infinity);
    } else {
        // `NaN`, or a decimal that reads back as the same number. Writing to memory does not fail.
        let _ = write!(page, "{number}");
    }
}

// === impl Value ===

impl<V: Value> Value for Option<V> {
    #[inline]
    fn number(self) -> Option<Number> {
        self.and_then(Value::number)
    }
}

/// In seconds since the epoch.
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
        let mut page = BytesMut::new();
        if let Some(number) = value.number() {
            number.write(&mut page);
        }
        String::from_utf8(page.to_vec()).unwrap()
    }

    #[test]
    fn numbers_are_written_as_both_formats_read_them() {
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
    fn what_is_not_known_has_no_number() {
        assert_eq!(written(None::<i64>), "");
        assert_eq!(written(Some(0_i32)), "0");
    }
}
