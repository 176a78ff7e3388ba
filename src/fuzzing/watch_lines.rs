//! Lines of a watch.

use crate::{
    client::BodyFormat,
    decode::{Body, Bookmark, Decoder, Event, Object, name, version},
};

/// Whatever is read from a line is read from it again after it was written as a line.
pub(super) fn check(input: &[u8]) {
    for line in input.split(|byte| *byte == b'\n') {
        let line = Body::new(BodyFormat::Json, line);
        let Ok(event) = line.event() else {
            continue;
        };
        let Object::Json(object) = event.object else {
            panic!("JSON is read as something else");
        };
        let kind = serde_json::to_string(&event.kind).unwrap();
        let again = format!(r#"{{"type":{kind},"object":{object}}}"#);
        let again = Body::new(BodyFormat::Json, again.as_bytes());
        let again = again.event().unwrap();
        assert_eq!((&again.kind, again.bytes), (&event.kind, object.as_bytes()));
        check_event(&event);
    }
}

/// The parts of an object are the same however they are read.
pub(super) fn check_event(event: &Event<'_>) {
    let object = event.object;
    if let Ok(bookmark) = Bookmark::read(object) {
        let version = version(object);
        assert_eq!(version, Some(bookmark.metadata.resource_version.clone()));
        let _ = bookmark.ends_initial_list();
    }
    let mut decoder = Decoder::default();
    if let Ok(job) = decoder.job(object) {
        assert_eq!(&*name(object).unwrap(), &*job.name);
    }
    if let Ok(cronjob) = decoder.cronjob(object) {
        assert_eq!(&*name(object).unwrap(), &*cronjob.name);
    }
    if let Ok(Some(pod)) = decoder.pod(object) {
        assert_eq!(&*name(object).unwrap(), &*pod.name);
    }
}
