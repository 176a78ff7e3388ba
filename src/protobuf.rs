//! Protocol Buffers as Kubernetes API servers write them: the fields of a message, one by one, without a copy.
//!
//! A reader picks the fields that it needs by their numbers and leaves the others: the length before a field
//! says where the next one is. Nothing is allocated, and no length is trusted beyond the bytes that are there.
//!
//! The numbers are those of `generated.proto` in `k8s.io/api` and `k8s.io/apimachinery`. They never change.
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding>

use std::str;

/// What an encoded object begins with. JSON never does.
const MAGIC: &[u8] = b"k8s\0";

/// The content type of an encoded object. Servers leave it out.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// The bytes are not the message that they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("the protobuf message is cut off")]
    CutOff,
    #[error("the protobuf message has a number that is too long")]
    LongNumber,
    #[error("the protobuf message has a field {number} of the wire type {wire_type}")]
    WireType { number: u64, wire_type: u8 },
    #[error("the protobuf message has a field of an unexpected wire type")]
    UnexpectedType,
    #[error("the protobuf message has a number that is out of range")]
    OutOfRange,
    #[error("the protobuf message has a text that is not UTF-8")]
    NotUtf8,
    #[error("it does not begin like a protobuf object of Kubernetes")]
    NoMagic,
    #[error("the content of the protobuf object has an unknown encoding")]
    ContentEncoding,
}

/// The fields of a message in the order of its bytes. Ends after the first error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) number: u64,
    pub(crate) value: Value<'a>,
}

/// The value of a field: what it means depends on the field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// An integer or a Boolean.
    Number(u64),
    /// A text, bytes or a message.
    Bytes(&'a [u8]),
    /// A number of 4 or 8 bytes. No field that is read here has one.
    Fixed,
}

/// An object with its type: `runtime.Unknown`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Envelope<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    /// The message of the object.
    pub(crate) message: &'a [u8],
}

/// Whether `bytes` begin like an encoded object.
pub(crate) fn is_envelope(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

// === impl Fields ===

impl<'a> Fields<'a> {
    /// The fields of `message`.
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The bytes of the fields that are left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn read(&mut self) -> Result<Field<'a>, Malformed> {
        let tag = self.varint()?;
        let (number, wire_type) = (tag >> 3, (tag & 7) as u8);
        let value = match wire_type {
            _ if number == 0 => return Err(Malformed::WireType { number, wire_type }),
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed::CutOff)?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            // 3 and 4 are groups, which no Kubernetes API has; 6 and 7 do not exist.
            _ => return Err(Malformed::WireType { number, wire_type }),
        };
        Ok(Field { number, value })
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Malformed::CutOff)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Seven bits a byte, the lowest first; the highest bit of a byte says that another one follows.
    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for (position, &byte) in self.rest.iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if position == 9 && bits > 1 {
                return Err(Malformed::LongNumber);
            }
            number |= bits << (7 * position);
            if byte < 0x80 {
                self.rest = &self.rest[position + 1..];
                return Ok(number);
            }
        }
        Err(match self.rest.len() {
            ..10 => Malformed::CutOff,
            _ => Malformed::LongNumber,
        })
    }
}

#[allow(
    clippy::copy_iterator,
    reason = "a copy remembers where the fields of a map begin"
)]
impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

// === impl Value ===

impl<'a> Value<'a> {
    pub(crate) fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) | Self::Fixed => Err(Malformed::UnexpectedType),
        }
    }

    pub(crate) fn text(self) -> Result<&'a str, Malformed> {
        str::from_utf8(self.bytes()?).map_err(|_| Malformed::NotUtf8)
    }

    /// The fields of a message in this field.
    pub(crate) fn fields(self) -> Result<Fields<'a>, Malformed> {
        self.bytes().map(Fields::new)
    }

    pub(crate) fn int64(self) -> Result<i64, Malformed> {
        match self {
            Self::Number(number) => Ok(number.cast_signed()),
            Self::Bytes(_) | Self::Fixed => Err(Malformed::UnexpectedType),
        }
    }

    pub(crate) fn int32(self) -> Result<i32, Malformed> {
        i32::try_from(self.int64()?).map_err(|_| Malformed::OutOfRange)
    }

    pub(crate) fn boolean(self) -> Result<bool, Malformed> {
        self.int64().map(|number| number != 0)
    }
}

// === impl Envelope ===

impl<'a> Envelope<'a> {
    /// Reads an object with the magic number before it.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let unknown = bytes.strip_prefix(MAGIC).ok_or(Malformed::NoMagic)?;
        let mut envelope = Self::default();
        for field in Fields::new(unknown) {
            let Field { number, value } = field?;
            match number {
                1 => envelope.read_type(value.fields()?)?,
                2 => envelope.message = value.bytes()?,
                3 if !value.bytes()?.is_empty() => return Err(Malformed::ContentEncoding),
                4 if !["", CONTENT_TYPE].contains(&value.text()?) => {
                    return Err(Malformed::ContentEncoding);
                }
                _ => {}
            }
        }
        Ok(envelope)
    }

    fn read_type(&mut self, type_meta: Fields<'a>) -> Result<(), Malformed> {
        for field in type_meta {
            let Field { number, value } = field?;
            match number {
                1 => self.api_version = value.text()?,
                2 => self.kind = value.text()?,
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
