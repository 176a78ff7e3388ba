//! The metadata service. The gateway accepts its keys.

use batch_simulator::gateway::MetadataStyle;

use super::*;

const KEY: &str = "/openstack/latest/securitykey";
const SESSION: &str = "/meta-data/latest/api/token";
const TTL: (&str, &str) = ("x-metadata-token-ttl-seconds", "21600");

#[tokio::test]
async fn keys_are_shown_for_half_of_their_lifetime() {
    let cloud = Cloud::default().await;
    assert_eq!(
        cloud.metadata.get(KEY, &[]).await.status,
        StatusCode::NOT_FOUND,
        "no agency"
    );
    cloud
        .gateway
        .set_metadata(MetadataStyle::TokenOptional, true);
    let key = async || cloud.metadata.get(KEY, &[]).await.json()["credential"].clone();
    let first = key().await;
    for field in ["access", "secret", "securitytoken", "expires_at"] {
        assert!(
            first[field].as_str().is_some_and(|text| !text.is_empty()),
            "{field}"
        );
    }
    advance(Duration::from_hours(11)).await;
    assert_eq!(key().await, first);
    advance(Duration::from_hours(1)).await;
    let second = key().await;
    assert_ne!(second, first);
    cloud.gateway.rotate_temporary_key();
    assert_ne!(key().await, second);
}

#[tokio::test]
async fn shown_keys_are_accepted_until_they_expire() {
    let cloud = Cloud::default().await;
    cloud.gateway.set_metadata(MetadataStyle::Old, true);
    let key = cloud.metadata.get(KEY, &[]).await.json();
    let access = key["credential"]["access"].as_str().unwrap();
    let signature = "0".repeat(64);
    let authorization =
        format!("SDK-HMAC-SHA256 Access={access}, SignedHeaders=x-sdk-date, Signature={signature}");
    let send = async || {
        let headers = [
            ("authorization", authorization.as_str()),
            ("x-sdk-date", "20260102T030405Z"),
        ];
        cloud.cci.get("/apis/batch/v1", &headers).await.text
    };
    let text = send().await;
    assert!(
        text.contains("signature expired"),
        "the key is known: {text}"
    );
    advance(Duration::from_hours(24)).await;
    let text = send().await;
    assert!(text.contains("ak not exist"), "{text}");
}

#[tokio::test]
async fn sessions_depend_on_the_style() {
    let cloud = Cloud::default().await;
    for (style, session, without, with) in [
        (MetadataStyle::Old, 405, 200, 200),
        (MetadataStyle::TokenOptional, 200, 200, 200),
        (MetadataStyle::TokenRequired, 200, 401, 200),
    ] {
        cloud.gateway.set_metadata(style, true);
        let answer = cloud.metadata.send(Method::PUT, SESSION, &[TTL], "").await;
        assert_eq!(answer.status, session, "{style:?}");
        assert_eq!(
            cloud.metadata.get(KEY, &[]).await.status,
            without,
            "{style:?}"
        );
        let token = [("x-metadata-token", answer.text.as_str())];
        assert_eq!(
            cloud.metadata.get(KEY, &token).await.status,
            with,
            "{style:?}"
        );
    }
    for headers in [
        &[][..],
        &[("x-metadata-token-ttl-seconds", "0")],
        &[("x-metadata-token-ttl-seconds", "x")],
    ] {
        let answer = cloud.metadata.send(Method::PUT, SESSION, headers, "").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    let unknown = [("x-metadata-token", "unknown")];
    assert_eq!(
        cloud.metadata.get(KEY, &unknown).await.status,
        StatusCode::UNAUTHORIZED
    );
    let answer = cloud.metadata.send(Method::PUT, SESSION, &[TTL], "").await;
    advance(Duration::from_hours(6)).await;
    let expired = [("x-metadata-token", answer.text.as_str())];
    assert_eq!(
        cloud.metadata.get(KEY, &expired).await.status,
        StatusCode::UNAUTHORIZED
    );
}
