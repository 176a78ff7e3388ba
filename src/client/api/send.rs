//! Sends one HTTP request, and turns a response other than success into a [`Failure`].

use std::{error::Error as StdError, io, iter};

use bytes::Bytes;
use http::{
    HeaderValue, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::client::Body;

use crate::client::{
    BodyFormat, Failure, Status, Suppressed,
    auth::suppressed::NoRetry,
    error::{MAX_ERROR_BODY, describe},
};

/// Gets `path`, or creates the JSON object `object` there, and returns the response: 200 to GET, 201 to POST. The body is in
/// the format `wanted`, or JSON.
pub(super) async fn send(
    client: &kube::Client,
    path: &str,
    object: Option<&Bytes>,
    wanted: BodyFormat,
) -> Result<http::Response<Body>, Failure> {
    let request = match object {
        None => http::Request::get(path).body(Body::empty()),
        Some(object) => http::Request::post(path)
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(object.clone())),
    };
    let mut request = request.map_err(|error| Failure::NoClient(describe(&error)))?;
    let accept = HeaderValue::from_static(wanted.accept());
    request.headers_mut().insert(ACCEPT, accept);
    let mut response = client.send(request).await.map_err(no_response)?;
    let success = match object {
        None => StatusCode::OK,
        Some(_) => StatusCode::CREATED,
    };
    if response.status() == success {
        return Ok(response);
    }
    let no_retry = response.extensions_mut().remove::<NoRetry>();
    let (head, body) = response.into_parts();
    // The status is reported even if its body cannot be read.
    let body = collect(body, MAX_ERROR_BODY).await.unwrap_or_default();
    let status = Status::of_response(head.status.as_u16(), &head.headers, &body);
    Err(Failure::Status(Box::new(Status {
        no_retry_reason: no_retry.map(|NoRetry(reason)| reason),
        ..status
    })))
}

/// Reads a whole body; fails if it is larger than `limit`.
pub(super) async fn collect(body: Body, limit: usize) -> Result<Bytes, Failure> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Failure::TooLarge(limit));
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Failure::TooLarge(limit)),
        Err(error) => Err(Failure::Transport(describe(&*error))),
    }
}

/// Converts an error of the client, which got no response.
fn no_response(error: kube::Error) -> Failure {
    match error {
        kube::Error::Service(error) => match error.downcast::<Suppressed>() {
            Ok(suppressed) => Failure::Suppressed(*suppressed),
            Err(error) => of_transport(&*error),
        },
        error => Failure::Transport(describe(&error)),
    }
}

/// Converts an error of a connection.
fn of_transport(error: &(dyn StdError + 'static)) -> Failure {
    let text = describe(error);
    let mut causes = iter::successors(Some(error), |error| (*error).source());
    if causes.any(is_tls_alert) {
        Failure::TlsAlert(text)
    } else {
        Failure::Transport(text)
    }
}

/// The server sent a TLS alert. An I/O error contains the error of rustls, and does not name it as its source.
fn is_tls_alert(error: &(dyn StdError + 'static)) -> bool {
    let inner = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
        .and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(rustls::Error::AlertReceived(_)))
}
