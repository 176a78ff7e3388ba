//! Authentication at the simulated gateway over TLS. The gateway verifies credentials with its own implementation.

use std::{fs, sync::Arc, time::Duration};

use batch_simulator::gateway::{AccessKey, Gateway, GatewayOptions, GatewayRequest, Service};
use job_status_exporter::{
    client::{Api, Endpoint, Listing, Scope, SharedCredentials},
    config::{self, Inputs},
    model::{ClientEvent, EventCounter},
};
use tokio::task::JoinSet;

use crate::cloud;

const TIMEOUT: Duration = Duration::from_secs(20);

struct Cloud {
    gateway: Gateway,
    folder: tempfile::TempDir,
    iam: String,
    cci: String,
    _served: JoinSet<()>,
}

/// Drops everything.
struct NoCounter;

impl EventCounter for NoCounter {
    fn count(&self, _: ClientEvent) {}
}

impl Cloud {
    async fn start(options: GatewayOptions) -> Self {
        let gateway = cloud::gateway(options);
        let mut served = JoinSet::new();
        let iam = cloud::serve(&gateway, Service::Iam, &mut served).await;
        let cci = cloud::serve(&gateway, Service::Cci, &mut served).await;
        let folder = tempfile::tempdir().unwrap();
        let cloud = Self {
            iam: format!("https://{iam}"),
            cci: format!("https://{cci}"),
            folder,
            gateway: gateway.clone(),
            _served: served,
        };
        cloud.write("ca.pem", gateway.ca_pem());
        cloud.write("password", "correct\n");
        cloud
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// The API of a target with this `auth` in its configuration.
    fn api(&self, auth: &str) -> Api {
        let file = self.folder.path().join("exporter.yaml");
        let yaml = format!(
            "targets: [{{cci: {{endpoint: '{}', ca_file: ca.pem, auth: {auth}}}}}]",
            self.cci
        );
        fs::write(&file, yaml).unwrap();
        let settings = config::load(&Inputs {
            file: Some(file),
            ..Inputs::default()
        });
        let settings = settings.unwrap_or_else(|error| panic!("{error}"));
        let mut shared = SharedCredentials::default();
        let endpoint = Endpoint::new(&settings.targets[0].endpoint, &mut shared);
        Api::new(endpoint, Arc::new(NoCounter), None)
    }

    fn token(&self, more: &str) -> Api {
        self.api(&format!(
            "{{token: {{iam_endpoint: '{}', domain: acme, username: exporter, password_file: password, {more}}}}}",
            self.iam
        ))
    }

    fn requests(&self, service: Service) -> usize {
        let to_service = |request: &GatewayRequest| request.service == service;
        self.gateway.count_requests(to_service)
    }
}

/// Reads a list, with a selector whose characters have more than one common encoding.
async fn list(api: &Api) -> Result<(), String> {
    let listing = Listing {
        resource: job_status_exporter::model::Resource::Jobs,
        scope: Scope::Namespace("namespace-test".to_owned()),
        label_selector: Some("app in (a,b),tier!=x,team/name=q-1".to_owned()),
        field_selector: None,
        shard_selector: None,
    };
    let page = api.page(&listing, 500, None, TIMEOUT).await;
    page.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn tokens_are_issued_used_and_replaced() {
    let cloud = Cloud::start(GatewayOptions::default()).await;
    for (more, logins) in [
        ("project: cn-north-4", 1),
        ("project_id: 0123456789abcdef0123456789abcdef", 1),
        ("project: cn-north-4, token_header: Authorization", 1),
        (
            "project: cn-north-4, agency: {domain: partner, name: readers}",
            2,
        ),
    ] {
        cloud.gateway.clear_requests();
        let api = cloud.token(more);
        for _ in 0..3 {
            assert_eq!(list(&api).await, Ok(()), "{more}");
        }
        assert_eq!(cloud.requests(Service::Iam), logins, "{more}");
        cloud.gateway.revoke_all();
        assert_eq!(list(&api).await, Ok(()), "{more}");
        assert_eq!(cloud.requests(Service::Iam), 2 * logins, "{more}");
        assert_eq!(cloud.requests(Service::Cci), 5, "{more}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_reported_and_not_retried_until_it_changes() {
    let cloud = Cloud::start(GatewayOptions::default()).await;
    cloud.write("password", "wr0ng");
    let api = cloud.token("project: cn-north-4");
    for _ in 0..5 {
        let error = list(&api).await.unwrap_err();
        assert!(
            error.contains("401 Unauthorized: The username or password is wrong")
                && error.contains("the next attempt is made after 2")
                && !error.contains("wr0ng"),
            "{error}"
        );
    }
    assert_eq!(
        (cloud.requests(Service::Iam), cloud.requests(Service::Cci)),
        (1, 0)
    );
    cloud.write("password", "correct");
    assert_eq!(list(&api).await, Ok(()));
}

#[tokio::test]
async fn the_gateway_accepts_the_signatures() {
    let cloud = Cloud::start(GatewayOptions {
        sub_project: true,
        ..GatewayOptions::default()
    })
    .await;
    for (access, token) in [
        ("PERMANENT", None),
        ("TEMPORARY", Some("sts/+=".to_owned())),
    ] {
        cloud.gateway.add_access_key(AccessKey {
            access: access.to_owned(),
            secret: "secret".to_owned(),
            security_token: token,
        });
    }
    cloud.write("ak", "TEMPORARY");
    cloud.write("sk", "secret\n");
    cloud.write("sts", "sts/+=\n");
    let project = "project_id: 0123456789abcdef0123456789abcdef";
    for keys in [
        "access_key: PERMANENT, secret_key_file: sk",
        "access_key_file: ak, secret_key_file: sk, security_token_file: sts",
    ] {
        let api = cloud.api(&format!("{{aksk: {{{keys}, {project}}}}}"));
        for _ in 0..3 {
            assert_eq!(list(&api).await, Ok(()), "{keys}");
        }
    }
}

#[tokio::test]
async fn a_wrong_secret_key_does_not_lock_the_access_key() {
    let cloud = Cloud::start(GatewayOptions::default()).await;
    cloud.gateway.add_access_key(AccessKey {
        access: "AK".to_owned(),
        secret: "secret".to_owned(),
        security_token: None,
    });
    cloud.write("sk", "another");
    let api = cloud.api("{aksk: {access_key: AK, secret_key_file: sk, project_id: '0123456789abcdef0123456789abcdef'}}");
    let outcomes = futures_util::future::join_all((0..20).map(|_| list(&api))).await;
    assert!(outcomes.iter().all(Result::is_err));
    let error = list(&api).await.unwrap_err();
    assert!(
        error.contains("the API rejected the signature of a request with this access key (401)"),
        "{error}"
    );
    assert_eq!(cloud.requests(Service::Cci), 1);
    assert!(!cloud.gateway.is_locked("AK"));
}

#[tokio::test]
async fn an_untrusted_certificate_authority_is_reported() {
    let cloud = Cloud::start(GatewayOptions::default()).await;
    let other = Gateway::new(GatewayOptions::default()).unwrap();
    cloud.write("ca.pem", other.ca_pem());
    let error = list(&cloud.token("project: cn-north-4")).await.unwrap_err();
    assert!(
        error.contains("IAM at https://127.0.0.1:") && error.contains("certificate"),
        "{error}"
    );
}
