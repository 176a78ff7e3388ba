//! One request and its answer: what is sent, and what a refusal is made of.

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;

use super::{
    auth::cci::{RefusalNote, Suppressed},
    error::{Failure, Status, describe},
};

/// A refusal's body is read up to here.
const LARGEST_REFUSAL: usize = 64 * 1024;

/// Asks for `path`: the body of a successful answer.
pub(super) async fn dispatch(client: &kube::Client, path: &str) -> Result<Body, Failure> {
    let request = http::Request::get(path)
        .header(http::header::ACCEPT, "application/json")
        .body(Body::empty());
    let request = request.map_err(|error| Failure::Client(describe(&error)))?;
    let mut response = client.send(request).await.map_err(not_sent)?;
    if response.status() == http::StatusCode::OK {
        return Ok(response.into_body());
    }
    let note = response.extensions_mut().remove::<RefusalNote>();
    let (head, body) = response.into_parts();
    // What a refusal says is welcome, but not needed.
    let body = collect(body, LARGEST_REFUSAL).await.unwrap_or_default();
    let status = Status::of_answer(head.status.as_u16(), &head.headers, &body);
    Err(Failure::Status(Box::new(Status {
        note: note.map(|RefusalNote(note)| note),
        ..status
    })))
}

/// A whole body, unless it is larger than `limit`.
pub(super) async fn collect(body: Body, limit: usize) -> Result<Bytes, Failure> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Failure::TooLarge(limit));
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Failure::TooLarge(limit))
        }
        Err(error) => Err(Failure::Transport(describe(&*error))),
    }
}

/// There was no answer.
fn not_sent(error: kube::Error) -> Failure {
    match error {
        kube::Error::Service(error) => match error.downcast::<Suppressed>() {
            Ok(suppressed) => Failure::Suppressed(*suppressed),
            Err(error) => Failure::Transport(describe(&*error)),
        },
        error => Failure::Transport(describe(&error)),
    }
}
