//! Messages byte by byte.

use super::*;

fn numbers(message: &[u8]) -> Vec<Result<(u64, Option<u64>), Malformed>> {
    let number = |value: Value<'_>| value.int64().ok().map(i64::cast_unsigned);
    Fields::new(message)
        .map(|field| field.map(|Field { number: n, value }| (n, number(value))))
        .collect()
}

#[test]
fn numbers_have_up_to_64_bits() {
    let largest = [&[8][..], &[0xff; 9], &[1]].concat();
    assert_eq!(numbers(&largest), [Ok((1, Some(u64::MAX)))]);
    let negative = Fields::new(&largest).next().unwrap().unwrap().value;
    assert_eq!((negative.int64(), negative.int32()), (Ok(-1), Ok(-1)));
    let larger = [&[8][..], &[0xff; 9], &[2]].concat();
    let longer = [&[8][..], &[0x80; 10], &[0]].concat();
    for message in [larger, longer] {
        assert_eq!(numbers(&message), [Err(Malformed::LongNumber)]);
    }
    let too_large = [8, 0x80, 0x80, 0x80, 0x80, 0x08]; // 2^31
    let value = Fields::new(&too_large).next().unwrap().unwrap().value;
    assert_eq!(value.int64(), Ok(1 << 31));
    assert_eq!(value.int32(), Err(Malformed::OutOfRange));
}

#[test]
fn fields_that_nobody_needs_are_passed() {
    let message = [
        &[0x09, 1, 2, 3, 4, 5, 6, 7, 8][..], // 8 bytes
        &[0x15, 1, 2, 3, 4],                 // 4 bytes
        &[0x1a, 3, 0xff, 0xff, 0xff],        // a text
        &[0x20, 7],
    ];
    let found = numbers(&message.concat());
    assert_eq!(
        found,
        [
            Ok((1, None)),
            Ok((2, None)),
            Ok((3, None)),
            Ok((4, Some(7)))
        ]
    );
}

#[test]
fn a_message_that_is_cut_off_ends_with_an_error() {
    let message = [0x0a, 2, b'a', b'b', 0x12, 1, b'c', 0x18, 0x80, 1];
    let ends = [0, 4, 7, 10];
    for length in 0..=message.len() {
        let found = numbers(&message[..length]);
        let complete = found.iter().all(Result::is_ok);
        assert_eq!(
            complete,
            ends.contains(&length),
            "{length} bytes: {found:?}"
        );
        assert!(complete || found.last() == Some(&Err(Malformed::CutOff)));
    }
}

#[test]
fn no_length_is_trusted() {
    for length in [
        &[0x7f][..],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
    ] {
        let message = [&[0x0a], length, b"short"].concat();
        assert_eq!(numbers(&message), [Err(Malformed::CutOff)]);
    }
}

#[test]
fn groups_and_unknown_wire_types_are_errors() {
    for wire_type in [3, 4, 6, 7] {
        let found = numbers(&[0x08 | wire_type, 0, 0]);
        assert_eq!(
            found,
            [Err(Malformed::WireType {
                number: 1,
                wire_type
            })]
        );
    }
    let found = numbers(&[0x02, 0]);
    assert_eq!(
        found,
        [Err(Malformed::WireType {
            number: 0,
            wire_type: 2
        })]
    );
}

#[test]
fn the_content_of_an_object_must_be_plain_protobuf() {
    let object = b"k8s\0\x0a\x0f\x0a\x08batch/v1\x12\x03Job\x12\x02hi".to_vec();
    let Envelope {
        api_version,
        kind,
        message,
    } = Envelope::read(&object).unwrap();
    assert_eq!(
        (api_version, kind, message),
        ("batch/v1", "Job", &b"hi"[..])
    );
    let compressed = [&object[..], b"\x1a\x04gzip"].concat();
    let json = [&object[..], b"\x22\x10application/json"].concat();
    for object in [compressed, json] {
        let error = Envelope::read(&object).unwrap_err();
        assert_eq!(error, Malformed::ContentEncoding);
    }
    let plain = [&object[..], b"\x1a\x00\x22\x00"].concat();
    assert!(Envelope::read(&plain).is_ok());
    assert_eq!(Envelope::read(b"{}").unwrap_err(), Malformed::NoMagic);
}
