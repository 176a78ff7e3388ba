//! The simulated gateway over TLS, with a client that knows only its address and its authority.
//!
//! The signed requests are the signing vectors, with the gateway's clock set to their date. No code here signs requests.

use std::time::Duration;

use batch_simulator::gateway::{AccessKey, ErrorBody, Gateway, GatewayOptions, Service};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::task::JoinSet;

mod faults;
mod iam;
mod metadata;
mod objects;
mod signing;

use crate::{
    client::{Answer, Client},
    cloud,
};

const STATUS: &str = "/apis/batch/v1/namespaces/namespace-test/jobs/pi/status";

/// A gateway with its three services.
struct Cloud {
    gateway: Gateway,
    iam: Client,
    cci: Client,
    metadata: Client,
    _served: JoinSet<()>,
}

impl Cloud {
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

    /// Sends a login request.
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
    /// Asserts that this is exactly that error.
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

/// The body of a login.
fn password(password: &str) -> Value {
    json!({"auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": "exporter", "password": password, "domain": {"name": "acme"}}},
        },
        "scope": {"project": {"name": "cn-north-4"}},
    }})
}

/// Advances the time.
async fn advance(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
