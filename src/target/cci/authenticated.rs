//! The last layer before the wire: what leaves here is what is sent.
//!
//! Below it is the HTTP client, above it the one that completes addresses. It is the only place that knows both a credential
//! and what the API made of it, so refusals (401) are dealt with here: [`Note`] tells the layers above what was done.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use kube::client::Body;
use tower::{BoxError, Service, ServiceExt as _};

use super::{exchange, signing::Signing, token::Tokens};
use crate::model;

/// How requests are authenticated.
pub(super) enum Authentication {
    Token(Tokens),
    Signature(Signing),
}

/// What became of a refusal; an extension of the response.
#[derive(Clone, Debug)]
pub(in super::super) struct Note(pub(in super::super) String);

/// A client whose requests are authenticated.
#[derive(Clone)]
pub(super) struct Authenticated<S> {
    pub(super) authentication: Arc<Authentication>,
    pub(super) client: S,
}

impl<S, B> Service<Request<Body>> for Authenticated<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Send,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Whether the client is ready is asked for each request: there may be two.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self {
            authentication,
            client,
        } = self.clone();
        Box::pin(async move {
            let plain = Plain::new(request)?;
            match &*authentication {
                Authentication::Token(tokens) => with_token(tokens, client, &plain).await,
                Authentication::Signature(signing) => with_signature(signing, client, &plain).await,
            }
        })
    }
}

async fn with_token<S, B>(
    tokens: &Tokens,
    client: S,
    plain: &Plain,
) -> Result<Response<B>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone,
    S::Error: Into<BoxError>,
{
    let first = tokens.token().await?;
    let request = tokens.add(&first, plain.request())?;
    let answer = client.clone().oneshot(request).await;
    let mut response = answer.map_err(Into::into)?;
    if response.status() != StatusCode::UNAUTHORIZED {
        tokens.accept();
        return Ok(response);
    }
    let second = match tokens.replace(&first).await {
        Ok(second) => second,
        Err(note) => {
            response.extensions_mut().insert(Note(note));
            return Ok(response);
        }
    };
    let request = tokens.add(&second, plain.request())?;
    let mut response = client.oneshot(request).await.map_err(Into::into)?;
    if response.status() == StatusCode::UNAUTHORIZED {
        let note = tokens.give_up(&second);
        response.extensions_mut().insert(Note(note));
    } else {
        tokens.accept();
    }
    Ok(response)
}

async fn with_signature<S, B>(
    signing: &Signing,
    client: S,
    plain: &Plain,
) -> Result<Response<B>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Into<BoxError>,
{
    let turn = signing.turn().await?;
    let (mut parts, body) = plain.request().into_parts();
    signing.sign(&turn, &mut parts, model::now())?;
    let request = Request::from_parts(parts, body);
    let mut response = client.oneshot(request).await.map_err(Into::into)?;
    let date = exchange::date(response.headers());
    if let Some(note) = signing.judge(&turn, response.status(), date) {
        response.extensions_mut().insert(Note(note));
    }
    Ok(response)
}

/// A request that can be sent again: it has no body.
struct Plain {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Plain {
    fn new(request: Request<Body>) -> Result<Self, BoxError> {
        let (parts, body) = request.into_parts();
        if !body.is_end_stream() {
            return Err("a request to CCI with a body is neither signed nor sent".into());
        }
        Ok(Self {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
        })
    }

    fn request(&self) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        request.method_mut().clone_from(&self.method);
        request.uri_mut().clone_from(&self.uri);
        request.headers_mut().clone_from(&self.headers);
        request
    }
}

#[cfg(test)]
mod tests;
