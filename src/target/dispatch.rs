//! One request and its answer: what is sent, and what a refusal is made of.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use jiff::fmt::rfc2822;
use kube::client::Body;

use super::{
    cci::{Note, Withheld},
    error::{Failure, Status, describe},
};
use crate::model;

/// A refusal's body is read up to here.
const LARGEST_REFUSAL: usize = 64 * 1024;

/// Asks for `path`: the body of a successful answer.
pub(super) async fn dispatch(client: &kube::Client, path: &str) -> Result<Body, Failure> {
    let request = http::Request::get(path)
        .header(http::header::ACCEPT, "application/json")
        .body(Body::empty());
    let request = request.map_err(|error| Failure::Client(describe(&error)))?;
    let mut response = client.send(request).await.map_err(not_sent)?;
    let code = response.status().as_u16();
    if code == 200 {
        return Ok(response.into_body());
    }
    let note = response.extensions_mut().remove::<Note>();
    let retry_after = response
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| read_retry_after(value.to_str().ok()?));
    // What a refusal says is welcome, but not needed.
    let body = collect(response.into_body(), LARGEST_REFUSAL)
        .await
        .unwrap_or_default();
    Err(Failure::Status(Box::new(Status {
        note: note.map(|Note(note)| note),
        ..Status::read(Some(code), &body, retry_after)
    })))
}

/// A whole body, unless it is larger than `limit`.
pub(super) async fn collect(body: Body, limit: usize) -> Result<Bytes, Failure> {
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
        kube::Error::Service(error) => match error.downcast::<Withheld>() {
            Ok(withheld) => Failure::Withheld(*withheld),
            Err(error) => Failure::Transport(describe(&*error)),
        },
        error => Failure::Transport(describe(&error)),
    }
}

/// `Retry-After` as seconds or as a date.
fn read_retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::DateTimeParser::new()
        .parse_timestamp(value.trim())
        .ok()?;
    Some(Duration::from_secs(
        u64::try_from(date.as_second() - model::now().as_second()).unwrap_or(0),
    ))
}
