//! The wire format of protobuf: fields of a message, each with its tag.
//!
//! Only what the exposition format needs: numbers of fields up to 15, so that a tag is one byte.

use bytes::BytesMut;

/// A varint: whole numbers, enums.
#[derive(Clone, Copy, Debug)]
pub(in crate::metrics) struct Varint(u8);

/// Eight bytes: a double.
#[derive(Clone, Copy, Debug)]
pub(in crate::metrics) struct Double(u8);

/// Bytes after their length: text, a message, or packed numbers.
#[derive(Clone, Copy, Debug)]
pub(in crate::metrics) struct Delimited(u8);

// === impl Varint ===

impl Varint {
    /// The field with this number.
    pub(in crate::metrics) const fn field(number: u8) -> Self {
        Self(tag(number, 0))
    }

    pub(in crate::metrics) fn put(self, value: u64, buffer: &mut BytesMut) {
        buffer.extend_from_slice(&[self.0]);
        put_varint(value, buffer);
    }

    /// A number that may be negative, of type `sint32` or `sint64`.
    pub(in crate::metrics) fn put_signed(self, value: i64, buffer: &mut BytesMut) {
        self.put(zigzag(value), buffer);
    }
}

// === impl Double ===

impl Double {
    /// The field with this number.
    pub(in crate::metrics) const fn field(number: u8) -> Self {
        Self(tag(number, 1))
    }

    pub(in crate::metrics) fn put(self, value: f64, buffer: &mut BytesMut) {
        buffer.extend_from_slice(&[self.0]);
        buffer.extend_from_slice(&value.to_le_bytes());
    }
}

// === impl Delimited ===

impl Delimited {
    /// The field with this number.
    pub(in crate::metrics) const fn field(number: u8) -> Self {
        Self(tag(number, 2))
    }

    pub(in crate::metrics) fn put(self, value: &[u8], buffer: &mut BytesMut) {
        buffer.extend_from_slice(&[self.0]);
        put_varint(value.len() as u64, buffer);
        buffer.extend_from_slice(value);
    }

    /// The field with what `write` appends.
    pub(in crate::metrics) fn put_with(
        self,
        buffer: &mut BytesMut,
        write: impl FnOnce(&mut BytesMut),
    ) {
        buffer.extend_from_slice(&[self.0]);
        put_delimited(buffer, write);
    }
}

/// Appends what `write` appends, after its length.
///
/// The length is known last. Its first byte is reserved, and what was written moves if the length takes more.
pub(in crate::metrics) fn put_delimited(buffer: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0]);
    write(buffer);
    let end = buffer.len();
    let length = (end - start - 1) as u64;
    let (bytes, used) = varint(length);
    if used > 1 {
        buffer.extend_from_slice(&bytes[..used - 1]);
        buffer.copy_within(start + 1..end, start + used);
    }
    buffer[start..start + used].copy_from_slice(&bytes[..used]);
}

/// Appends a number that may be negative, as an element of packed numbers.
pub(in crate::metrics) fn put_packed_signed(value: i64, buffer: &mut BytesMut) {
    put_varint(zigzag(value), buffer);
}

const fn tag(number: u8, kind: u8) -> u8 {
    assert!(number < 16, "the tag takes more than one byte");
    number << 3 | kind
}

fn put_varint(value: u64, buffer: &mut BytesMut) {
    let (bytes, used) = varint(value);
    buffer.extend_from_slice(&bytes[..used]);
}

/// Groups of seven bits, the lowest first. All but the last have the highest bit set.
fn varint(mut value: u64) -> ([u8; 10], usize) {
    let mut bytes = [0; 10];
    let mut used = 0;
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        bytes[used] = if value == 0 { low } else { low | 0x80 };
        used += 1;
        if value == 0 {
            return (bytes, used);
        }
    }
}

/// Numbers near 0 become small ones: 0, -1, 1, -2, ...
fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
        let mut buffer = BytesMut::new();
        write(&mut buffer);
        buffer.to_vec()
    }

    /// Examples of the protobuf documentation, and borders.
    #[test]
    fn numbers_are_varints() {
        for (value, bytes) in [
            (0, &[0][..]),
            (1, &[1]),
            (127, &[0x7f]),
            (128, &[0x80, 1]),
            (150, &[0x96, 1]),
            (16_383, &[0xff, 0x7f]),
            (16_384, &[0x80, 0x80, 1]),
            (u64::MAX, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
        ] {
            assert_eq!(
                written(|buffer| put_varint(value, buffer)),
                bytes,
                "{value}"
            );
        }
    }

    #[test]
    fn signed_numbers_near_zero_are_short() {
        for (value, encoded) in [
            (0, 0),
            (-1, 1),
            (1, 2),
            (-2, 3),
            (i64::MAX, u64::MAX - 1),
            (i64::MIN, u64::MAX),
        ] {
            assert_eq!(zigzag(value), encoded, "{value}");
        }
    }

    #[test]
    fn a_length_takes_as_many_bytes_as_it_needs() {
        for length in [0_u32, 1, 127, 128, 129, 16_383, 16_384, 2_097_152] {
            let content: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0]).collect();
            let field = Delimited::field(4);
            let nested = written(|buffer| {
                buffer.extend_from_slice(b"before");
                field.put_with(buffer, |buffer| buffer.extend_from_slice(&content));
                buffer.extend_from_slice(b"after");
            });
            let whole = written(|buffer| {
                buffer.extend_from_slice(b"before");
                field.put(&content, buffer);
                buffer.extend_from_slice(b"after");
            });
            assert!(nested == whole, "{length}");
        }
    }
}
