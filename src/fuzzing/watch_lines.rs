//! Lines of a watch.

use crate::decode::{self, Bookmark, Decoder, Event};

/// Whatever is read from a line is read from it again after it was written as a line.
pub(super) fn check(input: &[u8]) {
    for line in input.split(|byte| *byte == b'\n') {
        let Ok(event) = serde_json::from_slice::<Event<'_>>(line) else {
            continue;
        };
        let object = event.object.get();
        let kind = serde_json::to_string(&event.kind).unwrap();
        let again = format!(r#"{{"type":{kind},"object":{object}}}"#);
        let again: Event<'_> = serde_json::from_str(&again).unwrap();
        assert_eq!((&again.kind, again.object.get()), (&event.kind, object));
        if let Ok(bookmark) = serde_json::from_str::<Bookmark>(object) {
            let version = decode::version(object);
            assert_eq!(version, Some(bookmark.metadata.resource_version.clone()));
            let _ = bookmark.ends_initial_list();
        }
        let mut decoder = Decoder::default();
        if let Ok(job) = decoder.job(object) {
            assert_eq!(&*decode::name(object).unwrap(), &*job.name);
        }
        if let Ok(cronjob) = decoder.cronjob(object) {
            assert_eq!(&*decode::name(object).unwrap(), &*cronjob.name);
        }
    }
}
