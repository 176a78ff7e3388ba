//! A Kubernetes Status as a Protocol Buffers message → the same as JSON.

use serde_json::{Map, Value, json};

use crate::protobuf::{Envelope, Field, Fields, Malformed, is_envelope};

/// The fields of the Status in `body` that matter here; `None` if it is none.
pub(super) fn status(body: &[u8]) -> Option<Value> {
    if !is_envelope(body) {
        return None;
    }
    let Envelope { kind, message, .. } = Envelope::read(body).ok()?;
    let mut status = Map::from_iter([("kind".to_owned(), kind.into())]);
    read(message, &mut status).ok()?;
    Some(Value::Object(status))
}

/// `meta.v1.Status`.
fn read(message: &[u8], status: &mut Map<String, Value>) -> Result<(), Malformed> {
    for field in Fields::new(message) {
        let Field { number, value } = field?;
        let (name, value) = match number {
            3 => ("message", value.text()?.into()),
            4 => ("reason", value.text()?.into()),
            5 => ("details", details(value.fields()?)?),
            6 => ("code", value.int32()?.into()),
            _ => continue,
        };
        status.insert(name.to_owned(), value);
    }
    Ok(())
}

/// `meta.v1.StatusDetails`.
fn details(fields: Fields<'_>) -> Result<Value, Malformed> {
    let (mut kind, mut retry_after) = ("", None);
    for field in fields {
        let Field { number, value } = field?;
        match number {
            3 => kind = value.text()?,
            // JSON leaves a 0 out, and does not mean "at once" by it.
            5 => retry_after = Some(value.int32()?).filter(|seconds| *seconds != 0),
            _ => {}
        }
    }
    Ok(json!({"kind": kind, "retryAfterSeconds": retry_after}))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use crate::client::Status;

    fn read(code: u16, body: &[u8]) -> Status {
        Status::of_response(code, &HeaderMap::new(), body)
    }

    #[test]
    fn recorded_errors_say_the_same_as_in_json() {
        let found = read(
            403,
            include_bytes!(
                "../../../../tests/fixtures/kubernetes-1.36/protobuf/errors/403-list-all.pb"
            ),
        );
        let json = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"jobs.batch is forbidden: User \"nobody\" cannot list resource \"jobs\" in API group \"batch\" at the cluster scope","reason":"Forbidden","details":{"group":"batch","kind":"jobs"},"code":403}"#;
        assert_eq!(found, read(403, json.as_bytes()));
        let unauthorized = read(
            401,
            include_bytes!(
                "../../../../tests/fixtures/kubernetes-1.36/protobuf/errors/401-bad-token.pb"
            ),
        );
        assert_eq!(unauthorized.to_string(), "401 Unauthorized: Unauthorized");
        let missing = read(
            404,
            include_bytes!("../../../../tests/fixtures/kubernetes-1.36/protobuf/errors/404-job.pb"),
        );
        assert!(missing.is_kubernetes && missing.reason == "NotFound");
        assert_eq!(missing.kind.as_deref(), Some("jobs"));
        let invalid = read(
            400,
            include_bytes!(
                "../../../../tests/fixtures/kubernetes-1.36/protobuf/errors/400-continue-invalid.pb"
            ),
        );
        assert!(
            invalid.message.contains("continue key is not valid"),
            "{invalid}"
        );
    }

    #[test]
    fn the_code_and_the_pause_are_read() {
        // code 429, retryAfterSeconds 7
        let body = b"k8s\0\x0a\x08\x12\x06Status\x12\x07\x2a\x02\x28\x07\x30\xad\x03";
        let status = Status::of_event(body);
        assert_eq!(status.code, 429);
        assert_eq!(status.retry_after.map(|pause| pause.as_secs()), Some(7));
    }

    #[test]
    fn what_is_broken_is_text() {
        for body in [
            &b"k8s\0"[..],
            b"k8s\0\x12\x7f",
            b"k8s\0\x0a\x08\x12\x06Status\x12\x02\x18\x01",
        ] {
            assert_eq!(read(500, body).code, 500);
            assert!(read(500, body).reason.is_empty());
        }
    }
}
