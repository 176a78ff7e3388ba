//! Tokens: login, agencies, expiry and revocation.

use batch_simulator::gateway::{Credential, PasswordPolicy};

use super::*;

#[tokio::test]
async fn a_password_gives_a_token_that_cci_accepts() {
    let cloud = Cloud::default().await;
    let answer = cloud.log_in(&password("correct")).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let token = answer.header("x-subject-token");
    assert!((5_128..=9_120).contains(&token.len()), "{}", token.len());
    let body = &answer.json()["token"];
    assert_eq!(body["methods"], json!(["password"]));
    assert_eq!(body["project"]["name"], "cn-north-4");
    assert_eq!(body["project"]["id"], "0123456789abcdef0123456789abcdef");
    assert_eq!(body["user"]["name"], "exporter");
    assert_eq!(body.get("catalog"), None);
    for (field, hours) in [("issued_at", 0), ("expires_at", 24)] {
        let text = body[field].as_str().unwrap();
        assert_eq!(text.len(), "2020-01-04T09:05:22.701000Z".len(), "{text}");
        let time: jiff::Timestamp = text.parse().unwrap();
        let after = time.as_second() - cloud.gateway.now().as_second();
        assert!((after - hours * 3600).abs() <= 5, "{field}: {after}");
    }

    for header in [
        ("x-auth-token", token.to_owned()),
        ("authorization", format!("Bearer {token}")),
    ] {
        let answer = cloud
            .cci
            .get("/apis/batch/v1/jobs", &[(header.0, &header.1)])
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", header.0);
    }
    let by = |request: &_| matches!(request, Credential::Token(user) if user == "exporter");
    assert_eq!(
        cloud
            .gateway
            .count_requests(|request| by(&request.credential)),
        3
    );
    let recorded = format!("{:?}", cloud.gateway.requests());
    assert!(!recorded.contains(&token[..40]), "a token is recorded");
}

#[tokio::test]
async fn clients_must_trust_the_authority() {
    let cloud = Cloud::default().await;
    let other = Gateway::new(GatewayOptions::default()).unwrap();
    let stranger = Client::tls(cloud.cci.address, other.ca_pem());
    let result = stranger.try_send(Method::GET, STATUS, &[], "").await;
    assert!(result.unwrap_err().to_string().contains("certificate"));
    assert_eq!(cloud.gateway.requests(), []);
}

#[tokio::test]
async fn the_scope_is_a_project_by_name_or_id_and_required() {
    let cloud = Cloud::default().await;
    let mut body = password("correct");
    body["auth"]["scope"] = json!({"project": {"id": "0123456789abcdef0123456789abcdef"}});
    let token = cloud
        .log_in(&body)
        .await
        .header("x-subject-token")
        .to_owned();
    assert_eq!(
        cloud.get_with_token("/apis/batch/v1", &token).await.status,
        StatusCode::OK
    );

    body["auth"]["scope"] = json!({"project": {"name": "cn-east-3"}});
    assert_eq!(cloud.log_in(&body).await.status, StatusCode::NOT_FOUND);

    body["auth"]["scope"] = json!({"domain": {"name": "acme"}});
    let answer = cloud.log_in(&body).await;
    assert_eq!(answer.json()["token"].get("project"), None);
    let token = answer.header("x-subject-token");
    let answer = cloud.get_with_token("/apis/batch/v1", token).await;
    answer.assert_is(&ErrorBody::documented("CCI.01.403104").unwrap());
}

#[tokio::test]
async fn the_catalog_is_omitted_on_request() {
    let cloud = Cloud::default().await;
    let body = password("correct").to_string();
    for (query, there) in [("", true), ("?nocatalog=", true), ("?nocatalog=x", false)] {
        let path = format!("/v3/auth/tokens{query}");
        let answer = cloud.iam.post(&path, &[], &body).await;
        assert_eq!(
            answer.json()["token"].get("catalog").is_some(),
            there,
            "{query}"
        );
    }
}

#[tokio::test]
async fn invalid_requests_get_the_errors_of_iam() {
    let cloud = Cloud::default().await;
    let invalid = ErrorBody::iam(400, "Bad Request", "The request body is invalid");
    let mut no_name = password("correct");
    no_name["auth"]["identity"]["password"]["user"]["name"] = json!(5);
    let mut keys = password("correct");
    keys["auth"]["identity"]["methods"] = json!(["hw_ak_sk"]);
    for body in ["", "{", "[]", "{}", &no_name.to_string(), &keys.to_string()] {
        let answer = cloud.iam.post("/v3/auth/tokens", &[], body).await;
        answer.assert_is(&invalid);
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = password("correct").to_string();
    let answer = cloud
        .iam
        .send(Method::POST, "/v3/auth/tokens", &form, &body)
        .await;
    answer.assert_is(&invalid);
    let answer = cloud.iam.get("/v3/auth/tokens", &[]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let wrong = ErrorBody::iam(401, "Unauthorized", "The username or password is wrong.");
    cloud.log_in(&password("wrong")).await.assert_is(&wrong);
    let mut stranger = password("correct");
    stranger["auth"]["identity"]["password"]["user"]["domain"]["name"] = json!("other");
    cloud.log_in(&stranger).await.assert_is(&wrong);
}

#[tokio::test]
async fn wrong_passwords_lock_the_user_for_a_while() {
    let passwords = PasswordPolicy {
        wrong_passwords: 3,
        lock: Duration::from_mins(15),
    };
    let cloud = Cloud::start(GatewayOptions {
        passwords,
        ..GatewayOptions::default()
    })
    .await;
    for round in ["wrong", "wrong", "correct", "wrong", "wrong", "wrong"] {
        let expected = if round == "correct" {
            StatusCode::CREATED
        } else {
            StatusCode::UNAUTHORIZED
        };
        assert_eq!(cloud.log_in(&password(round)).await.status, expected);
    }
    advance(Duration::from_mins(14)).await;
    assert_eq!(
        cloud.log_in(&password("correct")).await.status,
        StatusCode::UNAUTHORIZED
    );
    advance(Duration::from_mins(1)).await;
    assert_eq!(
        cloud.log_in(&password("correct")).await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn an_agency_is_assumed_with_the_token_of_an_operator() {
    let cloud = Cloud::default().await;
    let body = json!({"auth": {
        "identity": {"methods": ["assume_role"], "assume_role": {"domain_name": "partner", "agency_name": "readers"}},
        "scope": {"project": {"name": "cn-north-4"}},
    }});
    let assume = async |body: &Value, token: &str| {
        let headers = [("x-auth-token", token)];
        cloud
            .iam
            .post(
                "/v3/auth/tokens?nocatalog=true",
                &headers,
                &body.to_string(),
            )
            .await
    };
    let invalid = ErrorBody::iam(401, "Unauthorized", "The X-Auth-Token is invalid!");
    assume(&body, "unknown").await.assert_is(&invalid);
    cloud.log_in(&body).await.assert_is(&invalid);

    let operator = cloud.token().await;
    let answer = assume(&body, &operator).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.json()["token"]["methods"], json!(["assume_role"]));
    let agent = answer.header("x-subject-token");
    assert_eq!(
        cloud.get_with_token("/apis/batch/v1", agent).await.status,
        StatusCode::OK
    );

    let forbidden = ErrorBody::iam(403, "Forbidden", "You have no right to do this action");
    assume(&body, agent).await.assert_is(&forbidden);
    let mut unknown = body.clone();
    unknown["auth"]["identity"]["assume_role"]["agency_name"] = json!("writers");
    assume(&unknown, &operator).await.assert_is(&forbidden);
}

#[tokio::test]
async fn tokens_expire_and_are_revoked() {
    let cloud = Cloud::default().await;
    let status = async |token: &str| cloud.get_with_token("/apis/batch/v1", token).await;
    let expired = ErrorBody::documented("APIGW.0307").unwrap();
    let (first, second) = (cloud.token().await, cloud.token().await);
    assert!(cloud.gateway.revoke(&first));
    assert!(!cloud.gateway.revoke(&first));
    status(&first).await.assert_is(&expired);
    assert_eq!(status(&second).await.status, StatusCode::OK);

    advance(Duration::from_hours(24) - Duration::from_mins(1)).await;
    assert_eq!(status(&second).await.status, StatusCode::OK);
    let third = cloud.token().await;
    advance(Duration::from_mins(1)).await;
    status(&second).await.assert_is(&expired);
    assert_eq!(
        status(&third).await.status,
        StatusCode::OK,
        "expires a day after its own issue"
    );

    cloud.gateway.revoke_all();
    status(&third).await.assert_is(&expired);
    assert_eq!(status(&cloud.token().await).await.status, StatusCode::OK);
    status("unknown")
        .await
        .assert_unauthenticated("decrypt token fail");
}

#[tokio::test(start_paused = true)]
async fn a_day_passes_in_paused_time() {
    let cloud = Cloud::default().await;
    let (token, mut good) = (cloud.token().await, 0);
    for _ in 0..50 {
        let answer = cloud.get_with_token("/apis/batch/v1", &token).await;
        good += usize::from(answer.status == StatusCode::OK);
        tokio::time::sleep(Duration::from_mins(30)).await;
    }
    assert_eq!(good, 48);
}

#[tokio::test]
async fn a_gateway_can_reject_bearer_tokens() {
    let bearer = false;
    let cloud = Cloud::start(GatewayOptions {
        bearer,
        ..GatewayOptions::default()
    })
    .await;
    let token = cloud.token().await;
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    let answer = cloud.cci.get("/apis/batch/v1", &headers).await;
    answer.assert_unauthenticated("x-auth-token not found");
    assert_eq!(
        cloud.get_with_token("/apis/batch/v1", &token).await.status,
        StatusCode::OK
    );
}
