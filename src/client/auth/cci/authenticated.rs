//! The last layer before the wire: what leaves here is what is sent.
//!
//! Below it is the HTTP client, above it the one that completes addresses. It is the only place that knows both a credential
//! and what the API made of it, so refusals (401) are dealt with here: [`RefusalNote`] tells the layers above whether to try again.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use kube::client::Body;
use tower::{BoxError, Service, ServiceExt as _};

use super::{issuer_http, signing::Signing, token::Tokens};
use crate::model;

/// How requests are authenticated.
pub(super) enum Authentication {
    Token(Tokens),
    Signature(Signing),
}

/// Why a refusal is final; an extension of the response. A refusal without it is worth another try.
#[derive(Clone, Debug)]
pub(in crate::client) struct RefusalNote(pub(in crate::client) String);

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
            if !request.body().is_end_stream() {
                return Err("a request to CCI with a body is neither signed nor sent".into());
            }
            match &*authentication {
                Authentication::Token(tokens) => with_token(tokens, client, request).await,
                Authentication::Signature(signing) => {
                    with_signature(signing, client, request).await
                }
            }
        })
    }
}

async fn with_token<S, B>(
    tokens: &Tokens,
    client: S,
    mut request: Request<Body>,
) -> Result<Response<B>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Into<BoxError>,
{
    let token = tokens.token().await?;
    tokens.insert(&token, request.headers_mut())?;
    let mut response = client.oneshot(request).await.map_err(Into::into)?;
    if response.status() != StatusCode::UNAUTHORIZED {
        tokens.accept();
    } else if let Some(note) = tokens.refuse(&token) {
        response.extensions_mut().insert(RefusalNote(note));
    }
    Ok(response)
}

async fn with_signature<S, B>(
    signing: &Signing,
    client: S,
    request: Request<Body>,
) -> Result<Response<B>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Into<BoxError>,
{
    let turn = signing.turn().await?;
    let (mut parts, body) = request.into_parts();
    signing.sign(&turn, &mut parts, model::now())?;
    let request = Request::from_parts(parts, body);
    let mut response = client.oneshot(request).await.map_err(Into::into)?;
    let date = issuer_http::date(response.headers());
    if let Some(note) = signing.judge(&turn, response.status(), date) {
        response.extensions_mut().insert(RefusalNote(note));
    }
    Ok(response)
}

#[cfg(test)]
mod tests;
