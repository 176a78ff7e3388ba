//! Plain HTTP to those who issue credentials: IAM and the metadata service of a virtual machine.
//!
//! A client per exchange: there are a few a day, and each sees the certificates of its time. Nothing here quotes a request.

use std::{path::Path, time::Duration};

use http::{HeaderMap, StatusCode};
use jiff::{Timestamp, fmt::rfc2822};
use kube::{Config, client::ConfigExt as _};
use reqwest::{Client, RequestBuilder, redirect::Policy};
use serde::Deserialize;

use super::{
    super::super::{
        endpoint::AGENT,
        error::{Failure, describe, excerpt},
    },
    cache::NotIssued,
};

const CONNECT: Duration = Duration::from_secs(5);

/// For everything, to the end of the body.
const PATIENCE: Duration = Duration::from_secs(15);

/// An answer with the whole catalog of services is some 100 KB.
const LARGEST: usize = 1024 * 1024;

/// An answer, whatever it is.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// A client that trusts what `config` trusts.
pub(super) fn client(config: &Config) -> Result<Client, Failure> {
    let tls = config
        .rustls_client_config()
        .map_err(|error| Failure::Client(describe(&error)))?;
    Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(AGENT)
        .connect_timeout(CONNECT)
        .timeout(PATIENCE)
        // A password goes to the configured address and to no other.
        .redirect(Policy::none())
        .no_proxy()
        .retry(reqwest::retry::never())
        .build()
        .map_err(|error| Failure::Client(describe(&error)))
}

/// What is trusted at `address`: the authorities in `ca_file`, which may change, or those of the system.
pub(super) fn trust(address: http::Uri, ca_file: Option<&Path>) -> Config {
    let mut config = Config::new(address);
    if let Some(path) = ca_file {
        // None but those in the file; kube reads it, and reads it again now and then.
        config.root_cert = Some(Vec::new());
        config.root_cert_file = Some(path.to_owned());
    }
    config
}

/// Makes one request. What goes wrong is told without the URL: the caller knows better what it is.
pub(super) async fn send(request: RequestBuilder) -> Result<Answer, String> {
    let told = |error: reqwest::Error| describe(&error.without_url());
    let mut response = request.send().await.map_err(told)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(format!("the answer is larger than {LARGEST} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: response.status(),
        headers: std::mem::take(response.headers_mut()),
        body,
    })
}

/// A time in an answer.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Time(pub(super) Timestamp);

impl TryFrom<String> for Time {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

/// The server's clock.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(http::header::DATE)?.to_str().ok()?;
    rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}

// === impl Answer ===

impl Answer {
    /// This answer as a refusal.
    pub(super) fn refusal(&self, who: &str) -> NotIssued {
        #[derive(Deserialize)]
        struct Body {
            error: Error,
        }
        #[derive(Deserialize)]
        struct Error {
            message: String,
        }
        let Self { status, body, .. } = self;
        // Of another shape it could be anything, an echo of the request included.
        let message = match serde_json::from_slice(body) {
            Ok(Body { error }) => format!(": {}", excerpt(&error.message)),
            Err(_) => String::new(),
        };
        let passing = status.is_server_error()
            || matches!(
                *status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
            );
        NotIssued {
            why: format!("{who} answers {status}{message}"),
            refused: !passing,
        }
    }
}
