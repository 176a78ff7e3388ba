//! Signed requests: the vectors over HTTPS, locked keys, clock skew, temporary keys.

use batch_simulator::gateway::Credential;
use jiff::{SignedDuration, civil::DateTime, tz::TimeZone};

use super::*;

const ACCESS: &str = "EXAMPLEAK00000000000";
const SECRET: &str = "example-secret-key-for-tests-only-0001";

/// A signed request.
struct Signed {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
}

impl Signed {
    fn vector(name: &str) -> Self {
        let vectors = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/cci/signing-vectors.json"
        ));
        let vectors: Vec<Value> = serde_json::from_str(vectors).unwrap();
        let vector = vectors
            .iter()
            .find(|vector| vector["name"] == name)
            .unwrap();
        let text = |field: &str| vector[field].as_str().unwrap().to_owned();
        let url = text("url");
        let pair =
            |(name, value): (&String, &Value)| (name.clone(), value.as_str().unwrap().to_owned());
        let mut headers: Vec<_> = vector["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(pair)
            .collect();
        headers.push(("authorization".to_owned(), text("authorization")));
        Self {
            method: text("method").parse().unwrap(),
            path: url.split_once("myhuaweicloud.com").unwrap().1.to_owned(),
            headers,
        }
    }

    /// A request with an invalid signature.
    fn invalid() -> Self {
        let mut signed = Self::vector("cci-job-status-no-query");
        signed.path.push_str("?pretty=true");
        signed
    }

    async fn send(&self, cloud: &Cloud) -> Answer {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        cloud
            .cci
            .send(self.method.clone(), &self.path, &headers, "")
            .await
    }
}

fn key(security_token: Option<&str>) -> AccessKey {
    AccessKey {
        access: ACCESS.to_owned(),
        secret: SECRET.to_owned(),
        security_token: security_token.map(str::to_owned),
    }
}

/// Sets the gateway's clock to this many seconds after the date of most vectors.
fn set_clock(cloud: &Cloud, seconds: i64) {
    let date = DateTime::constant(2026, 1, 2, 3, 4, 5, 0);
    set_clock_to(cloud, date + SignedDuration::from_secs(seconds));
}

fn set_clock_to(cloud: &Cloud, date: DateTime) {
    cloud.gateway.set_clock_offset(SignedDuration::ZERO);
    let date = TimeZone::UTC.to_timestamp(date).unwrap();
    let ahead = date.duration_since(cloud.gateway.now());
    cloud.gateway.set_clock_offset(ahead);
}

async fn cloud_with_key(options: GatewayOptions) -> Cloud {
    let cloud = Cloud::start(options).await;
    cloud.gateway.add_access_key(key(None));
    set_clock(&cloud, 0);
    cloud
}

#[tokio::test]
async fn the_documented_response_is_served_byte_for_byte() {
    let documented = include_bytes!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/cci/job-status.json"
    ));
    let cloud = cloud_with_key(GatewayOptions::default()).await;
    cloud.gateway.set_document(STATUS, &documented[..]);
    for name in ["cci-job-status-no-query", "cci-job-status-pretty"] {
        let answer = Signed::vector(name).send(&cloud).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.text.as_bytes(), documented);
        assert_eq!(answer.header("content-type"), "application/json");
    }
    let signer = Credential::AccessKey(ACCESS.to_owned());
    assert_eq!(
        cloud
            .gateway
            .count_requests(|request| request.credential == signer),
        2
    );
}

#[tokio::test]
async fn selectors_arrive_as_they_were_signed() {
    let cloud = cloud_with_key(GatewayOptions::default()).await;
    let answer = Signed::vector("cci-list-label-selector-specials")
        .send(&cloud)
        .await;
    // The simulated API supports fewer fields than a real one. Its error shows that it got the request.
    let complaint = "field label \"status.successful\" not supported for Job";
    assert_eq!(answer.json()["message"], complaint);
    let requests = cloud.gateway.api().requests();
    let query = Signed::vector("cci-list-label-selector-specials").path;
    assert_eq!(requests[0].query, query.split_once('?').unwrap().1);
    let answer = Signed::vector("path-already-trailing-slash")
        .send(&cloud)
        .await;
    assert_eq!(answer.json()["kind"], "APIResourceList");
}

#[tokio::test]
async fn an_invalid_signature_gets_the_canonical_request_of_the_gateway() {
    let cloud = cloud_with_key(GatewayOptions::default()).await;
    let answer = Signed::invalid().send(&cloud).await;
    answer.assert_unauthenticated(
        "verify aksk signature fail, canonicalRequest:\
         GET|/apis/batch/v1/namespaces/namespace-test/jobs/pi/status/|pretty=true|host:cci.cn-north-4.myhuaweicloud.com|\
         x-project-id:0123456789abcdef0123456789abcdef|x-sdk-date:20260102T030405Z||host;x-project-id;x-sdk-date|\
         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
    let answer = cloud.cci.get(STATUS, &[]).await;
    answer.assert_unauthenticated("x-auth-token not found");
    cloud.gateway.remove_access_key(ACCESS);
    let answer = Signed::vector("cci-job-status-no-query").send(&cloud).await;
    answer.assert_unauthenticated(&format!(
        "Get secretKey failed,ak:{ACCESS},err:ak not exist"
    ));
}

#[tokio::test]
async fn the_sixth_failure_in_a_row_locks_a_key_for_five_minutes() {
    let cloud = cloud_with_key(GatewayOptions::default()).await;
    let (good, bad) = (
        Signed::vector("path-already-trailing-slash"),
        Signed::invalid(),
    );
    for _ in 0..5 {
        assert_eq!(bad.send(&cloud).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(
        good.send(&cloud).await.status,
        StatusCode::OK,
        "five are tolerated"
    );
    for _ in 0..6 {
        assert!(!cloud.gateway.is_locked(ACCESS));
        assert_eq!(bad.send(&cloud).await.status, StatusCode::UNAUTHORIZED);
    }
    assert!(cloud.gateway.is_locked(ACCESS));
    let locked = "AK access failed to reach the limit,forbidden";
    good.send(&cloud).await.assert_unauthenticated(locked);
    advance(Duration::from_mins(4)).await;
    set_clock(&cloud, 0);
    good.send(&cloud).await.assert_unauthenticated(locked);
    advance(Duration::from_mins(1)).await;
    set_clock(&cloud, 0);
    assert_eq!(good.send(&cloud).await.status, StatusCode::OK);
}

#[tokio::test]
async fn clock_skew_shows_in_the_date_of_the_error() {
    let cloud = cloud_with_key(GatewayOptions::default()).await;
    let signed = Signed::vector("path-already-trailing-slash");
    for seconds in [-800, 800] {
        set_clock(&cloud, seconds);
        assert_eq!(
            signed.send(&cloud).await.status,
            StatusCode::OK,
            "{seconds}"
        );
    }
    set_clock(&cloud, 3600);
    let answer = signed.send(&cloud).await;
    let text = &answer.json()["error_msg"];
    let expected = "Incorrect IAM authentication information: calc aksk signature fail:signature expired, \
                    signature time:20260102T030405Z,server time:20260102T0404";
    assert!(text.as_str().unwrap().starts_with(expected), "{text}");
    let date = answer.header("date");
    assert!(
        date.starts_with("Fri, 02 Jan 2026 04:04:") && date.ends_with(" GMT"),
        "{date}"
    );
}

#[tokio::test]
async fn temporary_keys_need_their_security_token() {
    let token = "gQpjbi1ub3J0aC00-example-security-token==";
    let cloud = cloud_with_key(GatewayOptions::default()).await;
    cloud.gateway.set_document(STATUS, "{}");
    let plain = Signed::vector("cci-job-status-no-query");
    let with_token = Signed::vector("temporary-credentials-security-token");
    assert_eq!(plain.send(&cloud).await.status, StatusCode::OK);
    assert_eq!(
        with_token.send(&cloud).await.status,
        StatusCode::UNAUTHORIZED
    );
    cloud.gateway.add_access_key(key(Some(token)));
    assert_eq!(plain.send(&cloud).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(with_token.send(&cloud).await.status, StatusCode::OK);
    cloud.gateway.add_access_key(key(Some("another")));
    assert_eq!(
        with_token.send(&cloud).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_sub_project_must_be_named() {
    let signed = Signed::vector("published-python-get");
    for (sub_project, expected) in [(false, "APIGW.0101"), (true, "APIGW.0310")] {
        let cloud = Cloud::start(GatewayOptions {
            sub_project,
            ..GatewayOptions::default()
        })
        .await;
        cloud.gateway.add_access_key(AccessKey {
            access: "AccessKey".to_owned(),
            secret: "SecretKey".to_owned(),
            security_token: None,
        });
        set_clock_to(&cloud, DateTime::constant(2020, 6, 8, 2, 39, 0, 0));
        let answer = signed.send(&cloud).await;
        answer.assert_is(&ErrorBody::documented(expected).unwrap());
    }
}

#[tokio::test]
async fn a_named_project_must_be_the_right_one() {
    let mut options = GatewayOptions::default();
    options.project.id = "fedcba9876543210fedcba9876543210".to_owned();
    let cloud = cloud_with_key(options).await;
    let answer = Signed::vector("cci-job-status-no-query").send(&cloud).await;
    answer.assert_is(&ErrorBody::documented("APIGW.0310").unwrap());
}
