//! The simulated gateway, spoken to over TLS by a client that knows nothing of it but its address and its authority.
//!
//! Signed requests are those of the signing vectors: the gateway's clock is set to their date, and no code here can sign.

use std::time::Duration;

use batch_simulator::gateway::{AccessKey, ErrorBody, Gateway, GatewayOptions, Service};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::task::JoinSet;

mod client;
mod faults;
mod iam;
mod metadata;
mod objects;
mod signing;

use client::Client;

use crate::cloud;

const STATUS: &str = "/apis/batch/v1/namespaces/namespace-test/jobs/pi/status";

/// A gateway whose three services are served.
struct Cloud {
    gateway: Gateway,
    iam: Client,
    cci: Client,
    metadata: Client,
    _served: JoinSet<()>,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Cloud {
    /// With a user, `exporter` of `acme`, whose password is `correct`.
    async fn start(options: GatewayOptions) -> Self {
        let gateway = cloud::gateway(options);
        let mut served = JoinSet::new();
        let mut serve = async |service| cloud::serve(&gateway, service, &mut served).await;
        let ca = gateway.ca_pem();
        Self {
            iam: Client::tls(serve(Service::Iam).await, ca),
            cci: Client::tls(serve(Service::Cci).await, ca),
            metadata: Client::plain(serve(Service::Metadata).await),
            gateway: gateway.clone(),
            _served: served,
        }
    }

    async fn default() -> Self {
        Self::start(GatewayOptions::default()).await
    }

    /// Logs in, as the documents say it.
    async fn log_in(&self, body: &Value) -> Answer {
        self.iam
            .post("/v3/auth/tokens?nocatalog=true", &[], &body.to_string())
            .await
    }

    /// A token for the project.
    async fn token(&self) -> String {
        let answer = self.log_in(&password("correct")).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        answer.header("x-subject-token").to_owned()
    }

    async fn get_with_token(&self, path: &str, token: &str) -> Answer {
        self.cci.get(path, &[("x-auth-token", token)]).await
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
            .to_str()
            .unwrap()
    }

    /// Whether this is that error, word for word, under the id of this answer.
    #[track_caller]
    fn assert_is(&self, error: &ErrorBody) {
        assert_eq!(self.status.as_u16(), error.status, "{}", self.text);
        assert_eq!(self.text, error.text(self.header("x-request-id")));
    }

    #[track_caller]
    fn assert_unauthenticated(&self, why: &str) {
        let message = format!("Incorrect IAM authentication information: {why}");
        self.assert_is(&ErrorBody::gateway(401, "APIGW.0301", message));
    }
}

/// The body of a log-in.
fn password(password: &str) -> Value {
    json!({"auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": "exporter", "password": password, "domain": {"name": "acme"}}},
        },
        "scope": {"project": {"name": "cn-north-4"}},
    }})
}

/// Lets that much time pass at once.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
