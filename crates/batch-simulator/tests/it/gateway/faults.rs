//! Injected faults: documented errors, throttling, outages.

use batch_simulator::gateway::{Availability, DOCUMENTED, ErrorFormat, RetryAfter, Throttle};

use super::*;

#[tokio::test]
async fn every_documented_error_is_served_unchanged() {
    let cloud = Cloud::default().await;
    for service in [Service::Cci, Service::Iam] {
        let client = if service == Service::Cci {
            &cloud.cci
        } else {
            &cloud.iam
        };
        for error in DOCUMENTED {
            cloud.gateway.fail_next(service, 1, error);
            let answer = client.get(STATUS, &[]).await;
            answer.assert_is(error);
            let id = answer.header("x-request-id");
            assert_eq!(id.len(), 32, "{id}");
            if !matches!(
                error.format,
                ErrorFormat::Raw {
                    content_type: "text/html",
                    ..
                }
            ) {
                assert_eq!(answer.header("content-type"), "application/json");
                assert!(answer.json().is_object());
            }
        }
    }
}

#[test]
fn the_formats_are_the_documented_ones() {
    let text = |code: &str| -> Value {
        let text = ErrorBody::documented(code).unwrap().text("0123");
        serde_json::from_str(&text).unwrap()
    };
    assert_eq!(
        text("CCI.01.404101"),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "no agency found for user", "reason": "NotFound", "code": 404, "errorCode": "CCI.01.404101",
        })
    );
    assert_eq!(
        text("APIGW.0307"),
        json!({"error_code": "APIGW.0307", "error_msg": "The token must be updated.", "request_id": "0123"})
    );
    let wrong = ErrorBody::iam(401, "Unauthorized", "The username or password is wrong.");
    assert_eq!(
        serde_json::from_str::<Value>(&wrong.text("0123")).unwrap(),
        json!({"error": {"code": 401, "message": "The username or password is wrong.", "title": "Unauthorized"}})
    );
    assert_eq!(text("IAM.0002")["error"]["code"], "IAM.0002");
    assert_eq!(ErrorBody::documented("APIGW.9999"), None);
}

#[tokio::test]
async fn errors_affect_a_path_or_the_next_requests_of_a_service() {
    let cloud = Cloud::default().await;
    let token = cloud.token().await;
    let get = async |path: &str| cloud.get_with_token(path, &token).await.status.as_u16();
    let unrouted = ErrorBody::documented("CCI.01.500101").unwrap();
    cloud
        .gateway
        .fail_path("/apis/batch/v1/namespaces/lost/jobs", unrouted.clone());
    assert_eq!(
        get("/apis/batch/v1/namespaces/lost/jobs?limit=5").await,
        500
    );
    assert_eq!(get("/apis/batch/v1/namespaces/found/jobs").await, 200);
    cloud
        .gateway
        .repair_path("/apis/batch/v1/namespaces/lost/jobs");
    assert_eq!(get("/apis/batch/v1/namespaces/lost/jobs").await, 200);

    cloud.gateway.fail_next(Service::Cci, 2, &unrouted);
    cloud.gateway.fail_next(
        Service::Cci,
        1,
        &ErrorBody::documented("APIGW.0613").unwrap(),
    );
    assert_eq!(
        cloud.log_in(&password("correct")).await.status,
        StatusCode::CREATED
    );
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(get("/apis/batch/v1/jobs").await);
    }
    assert_eq!(seen, [500, 500, 503, 200]);
}

#[tokio::test]
async fn requests_beyond_the_limit_are_throttled_until_the_window_has_passed() {
    let cloud = Cloud::default().await;
    let token = cloud.token().await;
    let get = async || cloud.get_with_token("/apis/batch/v1", &token).await;
    for retry_after in [
        None,
        Some(RetryAfter::Seconds(3)),
        Some(RetryAfter::Date(Duration::from_secs(3))),
    ] {
        let window = Duration::from_mins(1);
        cloud.gateway.set_throttle(Some(Throttle {
            limit: 2,
            window,
            retry_after,
        }));
        assert_eq!(get().await.status, StatusCode::OK);
        assert_eq!(get().await.status, StatusCode::OK);
        let throttled = get().await;
        let message = "The throttling threshold has been reached: policy ip over ratelimit,limit:2,time:60 second";
        throttled.assert_is(&ErrorBody::gateway(429, "APIGW.0308", message));
        let header = throttled
            .headers
            .get("retry-after")
            .map(|value| value.to_str().unwrap());
        match retry_after {
            None => assert_eq!(header, None),
            Some(RetryAfter::Seconds(_)) => assert_eq!(header, Some("3")),
            Some(RetryAfter::Date(_)) => {
                let parse = |text: &str| jiff::fmt::rfc2822::parse(text).unwrap().timestamp();
                let after = parse(header.unwrap()).duration_since(parse(throttled.header("date")));
                assert_eq!(after.as_secs(), 3);
            }
        }
        advance(window).await;
        assert_eq!(get().await.status, StatusCode::OK);
    }
    cloud.gateway.set_throttle(None);
    for _ in 0..5 {
        assert_eq!(get().await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn requests_are_recorded_with_and_without_credentials() {
    let cloud = Cloud::default().await;
    let token = cloud.token().await;
    cloud.gateway.clear_requests();
    for path in ["/apis/batch/v1", "/apis/batch/v1/jobs?limit=1", "/version"] {
        cloud.get_with_token(path, &token).await;
    }
    cloud.cci.get("/apis/batch/v1/jobs", &[]).await;
    advance(Duration::from_secs(1)).await;
    cloud.get_with_token("/apis/batch/v1/jobs", &token).await;
    let seen: Vec<_> = cloud
        .gateway
        .requests()
        .into_iter()
        .map(|request| (request.path, request.query, request.status))
        .collect();
    let seen: Vec<_> = seen
        .iter()
        .map(|(path, query, status)| (path.as_str(), query.as_str(), *status))
        .collect();
    let jobs = "/apis/batch/v1/jobs";
    assert_eq!(
        seen,
        [
            ("/apis/batch/v1", "", 200),
            (jobs, "limit=1", 200),
            ("/version", "", 404),
            (jobs, "", 401),
            (jobs, "", 200)
        ]
    );
    assert_eq!(
        cloud.gateway.count_requests(|request| request.path == jobs),
        3
    );
    assert_eq!(
        cloud
            .gateway
            .most_requests_in_a_second(|request| request.path == jobs),
        2
    );
}

#[tokio::test]
async fn services_have_outages_and_recover() {
    let cloud = Cloud::default().await;
    let token = cloud.token().await;
    for service in [Service::Iam, Service::Cci] {
        let other = if service == Service::Iam {
            Service::Cci
        } else {
            Service::Iam
        };
        cloud.gateway.set_availability(other, Availability::Up);
        cloud
            .gateway
            .set_availability(service, Availability::Unavailable);
        let iam = cloud.log_in(&password("correct")).await.status;
        let cci = cloud.get_with_token("/apis/batch/v1", &token).await.status;
        let down = StatusCode::SERVICE_UNAVAILABLE;
        assert_eq!(
            (iam == down, cci == down),
            (service == Service::Iam, service == Service::Cci)
        );
    }
    cloud
        .gateway
        .set_availability(Service::Cci, Availability::Refusing);
    let get = async || {
        let headers = [("x-auth-token", token.as_str())];
        cloud
            .cci
            .try_send(Method::GET, "/apis/batch/v1", &headers, "")
            .await
    };
    assert!(get().await.is_err());
    // The listener is closed now: the first error came from that.
    let refused = get().await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    cloud
        .gateway
        .set_availability(Service::Cci, Availability::Up);
    let mut back = get().await;
    for _ in 0..1_000 {
        if back.is_ok() {
            break;
        }
        tokio::task::yield_now().await;
        back = get().await;
    }
    assert_eq!(back.unwrap().status, StatusCode::OK);
}
