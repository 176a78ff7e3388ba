//! Lists and watches as Protocol Buffers messages.

use super::watch_lines::check_event;
use crate::{
    client::{BodyFormat, Status},
    decode::{Body, Decoder, name},
};

/// Reads the bytes as a list, and as the lines of a watch with their length before each. Each object is decoded the same way
/// twice and has one name, and an error names it in at most the length of two names.
pub(super) fn check(input: &[u8]) {
    let body = Body::new(BodyFormat::Protobuf, input);
    if let Ok(page) = body.page() {
        let mut decoder = Decoder::default();
        for item in page.items() {
            match decoder.job(item) {
                Ok(job) => {
                    assert_eq!(&*name(item).unwrap(), &*job.name);
                    assert_eq!(decoder.job(item).unwrap(), job);
                }
                Err(error) => assert!(error.to_string().chars().count() < 600, "{error}"),
            }
            if let Ok(cronjob) = decoder.cronjob(item) {
                assert_eq!(&*name(item).unwrap(), &*cronjob.name);
                assert_eq!(decoder.cronjob(item).unwrap(), cronjob);
            }
            if let Ok(Some(pod)) = decoder.pod(item) {
                assert_eq!(&*name(item).unwrap(), &*pod.name);
                assert_eq!(decoder.pod(item).unwrap(), Some(pod));
            }
        }
    }
    for line in lines(input) {
        let line = Body::new(BodyFormat::Protobuf, line);
        if let Ok(event) = line.event() {
            check_event(&event);
            let message = Status::of_event(event.bytes).to_string();
            assert!(!message.chars().any(char::is_control), "{message:?}");
        }
    }
}

/// The lines of a watch. The last one ends with the input, whatever its length says.
fn lines(mut input: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    while let Some((length, rest)) = input.split_first_chunk() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (line, rest) = rest.split_at(length.min(rest.len()));
        lines.push(line);
        input = rest;
    }
    lines
}
