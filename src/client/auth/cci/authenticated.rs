//! The layer directly before the HTTP client: adds a credential to each request, and handles 401 responses.
//!
//! It is the only place that sees both a credential and the response to it. It marks a 401 response that must not be retried
//! with [`NoRetry`].

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use kube::client::Body;
use tower::{BoxError, Service, ServiceExt as _};

use super::{headers, signing::SignatureAuthentication, token::TokenAuthentication};
use crate::{client::auth::suppressed::NoRetry, model};

/// How requests are authenticated.
pub(super) enum Authentication {
    Token(TokenAuthentication),
    Signature(SignatureAuthentication),
}

/// A client that authenticates its requests.
#[derive(Clone)]
pub(super) struct AuthenticatedClient<S> {
    pub(super) authentication: Arc<Authentication>,
    pub(super) client: S,
}

impl<S, B> Service<Request<Body>> for AuthenticatedClient<S>
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
        // `call` waits until its clone of the inner client is ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self {
            authentication,
            client,
        } = self.clone();
        Box::pin(async move {
            if !request.body().is_end_stream() {
                return Err("requests to CCI cannot have a body: it is not signed".into());
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
    tokens: &TokenAuthentication,
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
        tokens.record_success(&token);
    } else if let Some(reason) = tokens.record_rejection(&token) {
        response.extensions_mut().insert(NoRetry(reason));
    }
    Ok(response)
}

async fn with_signature<S, B>(
    signing: &SignatureAuthentication,
    client: S,
    request: Request<Body>,
) -> Result<Response<B>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Into<BoxError>,
{
    let permit = signing.acquire().await?;
    let (mut parts, body) = request.into_parts();
    signing.sign(&permit, &mut parts, model::now())?;
    let request = Request::from_parts(parts, body);
    let mut response = client.oneshot(request).await.map_err(Into::into)?;
    let date = headers::date(response.headers());
    if let Some(reason) = signing.record_response(&permit, response.status(), date) {
        response.extensions_mut().insert(NoRetry(reason));
    }
    Ok(response)
}

#[cfg(test)]
mod tests;
