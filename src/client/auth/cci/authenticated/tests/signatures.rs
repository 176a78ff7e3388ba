//! Hours with signed requests, some of which are rejected; and whether the request that is sent matches its signature.

use std::io::Write as _;

use super::*;

fn signing(folder: &Path) -> Arc<Authentication> {
    signing_with(folder, &Arc::default())
}

/// Another target with the same access key.
fn signing_with(folder: &Path, guards: &Arc<KeyGuards>) -> Arc<Authentication> {
    fs::write(folder.join("sk"), "secret\n").unwrap();
    let keys = KeyFiles::new(&KeyAuth {
        access_key: AccessKey::Given("AK".to_owned()),
        secret_key_file: folder.join("sk"),
        project_id: "p".to_owned(),
        security_token_file: None,
    });
    let signing =
        SignatureAuthentication::new(KeySource::Files(keys), Some("p".to_owned()), guards.clone());
    Arc::new(Authentication::Signature(signing))
}

#[tokio::test(start_paused = true)]
async fn a_rejected_signature_stops_all_requests_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let authentication = signing(folder.path());
    let locked = Arc::new(Mutex::new(true));
    let server = Arc::new(Server::new({
        let locked = locked.clone();
        move |_| {
            if *locked.lock() {
                StatusCode::UNAUTHORIZED
            } else {
                StatusCode::OK
            }
        }
    }));
    // Ten concurrent requests with an unverified key: only one is sent.
    let outcomes = join_all((0..10).map(|_| call(&authentication, &server))).await;
    assert_eq!(server.count(), 1);
    let mut outcomes = outcomes.into_iter();
    let first = outcomes.next().unwrap().unwrap();
    assert!(reason(&first).contains("would lock the access key for all its users"));
    for outcome in outcomes {
        let text = suppressed(outcome);
        assert!(
            text.contains("the API rejected the signature of a request with this access key (401); the next attempt"),
            "{text}"
        );
        assert!(!text.contains("AK ") && !text.contains("secret"), "{text}");
    }
    let start = Instant::now();
    while start.elapsed() < Duration::from_hours(24) {
        join_all((0..4).map(|_| call(&authentication, &server))).await;
        sleep(Duration::from_secs(10)).await;
    }
    let times = server.requests.lock().times.clone();
    assert!(
        times
            .windows(2)
            .all(|two| two[1] - two[0] >= Duration::from_mins(5))
    );
    assert!(times.len() > 250, "{}", times.len());

    *locked.lock() = false;
    sleep(Duration::from_mins(6)).await;
    let outcomes = join_all((0..10).map(|_| call(&authentication, &server))).await;
    assert!(
        outcomes
            .into_iter()
            .all(|outcome| outcome.unwrap().status() == StatusCode::OK)
    );
}

#[tokio::test(start_paused = true)]
async fn eight_targets_with_one_wrong_secret_send_as_many_requests_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let guards = Arc::default();
    let targets = [(); 8].map(|()| signing_with(folder.path(), &guards));
    let right = {
        let folder = tempfile::tempdir().unwrap();
        let target = signing_with(folder.path(), &guards);
        fs::write(folder.path().join("sk"), "right").unwrap();
        (target, folder)
    };
    let server = Arc::new(Server::new(|request| {
        if request.headers()[header::AUTHORIZATION] == expected_with(request, "right") {
            StatusCode::OK
        } else {
            StatusCode::UNAUTHORIZED
        }
    }));
    let (start, mut rejected) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_hours(1) {
        let outcomes = join_all(targets.iter().map(|target| call(target, &server))).await;
        rejected += outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let accepted = call(&right.0, &server).await.unwrap();
        assert_eq!(accepted.status(), StatusCode::OK);
        sleep(Duration::from_secs(10)).await;
    }
    assert!((11..=12).contains(&rejected), "{rejected}");

    // A new secret is tried when its file is complete.
    let mut file = fs::File::create(folder.path().join("sk")).unwrap();
    file.write_all(b"right").unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    let outcomes = join_all(targets.iter().map(|target| call(target, &server))).await;
    let accepted = |outcome: Result<Response<()>, _>| outcome.unwrap().status() == StatusCode::OK;
    assert!(outcomes.into_iter().all(accepted));
}

#[tokio::test(start_paused = true)]
async fn a_verified_key_is_used_by_concurrent_requests() {
    let folder = tempfile::tempdir().unwrap();
    let authentication = signing(folder.path());
    let server = Arc::new(Server::new(|_| StatusCode::OK));
    let ten = || join_all((0..10).map(|_| call(&authentication, &server)));
    ten().await;
    ten().await;
    assert_eq!(server.requests.lock().max_in_flight, 10);
    // An overloaded gateway may not have verified the signature.
    for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY] {
        let authentication = signing(folder.path());
        let server = Arc::new(Server::new(move |_| status));
        join_all((0..3).map(|_| call(&authentication, &server))).await;
        assert_eq!(server.requests.lock().max_in_flight, 1, "{status}");
        assert_eq!(server.count(), 3, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_skew_is_reported() {
    for (minutes, expected) in [
        (
            20,
            Some("the clock of this host is 20 minutes behind that of the server"),
        ),
        (
            -20,
            Some("the clock of this host is 20 minutes ahead of that of the server"),
        ),
        (3, None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let authentication = signing(folder.path());
        let mut server = Server::new(|_| StatusCode::UNAUTHORIZED);
        // The date has whole seconds.
        server.ahead = SignedDuration::from_mins(minutes)
            + SignedDuration::from_millis(minutes.signum() * 1_000);
        let server = Arc::new(server);
        let texts = [
            reason(&call(&authentication, &server).await.unwrap()),
            suppressed(call(&authentication, &server).await),
        ];
        for text in texts {
            assert_eq!(text.contains("clock"), expected.is_some(), "{text}");
            assert!(text.contains(expected.unwrap_or_default()), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_with_a_body_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let authenticated = AuthenticatedClient {
        authentication: signing(folder.path()),
        client: tower::service_fn(|_| async { Ok::<_, Infallible>(Response::new(())) }),
    };
    let request = Request::get("https://cci.example/").body(Body::from(vec![1]));
    assert!(authenticated.oneshot(request.unwrap()).await.is_err());
}

/// The signature that the server computes for a request.
fn expected(request: &Request<Body>) -> String {
    expected_with(request, "secret")
}

fn expected_with(request: &Request<Body>, secret: &str) -> String {
    let text = |name: &str| request.headers()[name].to_str().unwrap();
    let headers = ["host", "x-project-id", "x-sdk-date"].map(|name| (name, text(name)));
    let input = SigningInput {
        method: request.method().as_str(),
        uri: &CanonicalUri::new(request.uri().path(), request.uri().query()),
        headers: &headers,
        payload: EMPTY_PAYLOAD,
        date: text("x-sdk-date"),
    };
    sign(&input, "AK", secret)
}

proptest! {
    #[test]
    fn the_signature_matches_the_request_that_is_sent(
        path in "(/[!-~&&[^?#\"<>{}`\\\\^|]]{0,8}){1,4}",
        query in proptest::option::of("[!-~&&[^#\"<>]]{0,30}"),
        port in proptest::option::of(1_u16..),
        base in "https?",
    ) {
        let folder = tempfile::tempdir().unwrap();
        let authentication = signing(folder.path());
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let Ok(request) = Request::get(format!("{base}://cci.example{port}{path}{query}")).body(Body::empty()) else {
            return Ok(());
        };
        let sent = Arc::new(Mutex::new(None));
        let authenticated = AuthenticatedClient {
            authentication,
            client: tower::service_fn({
                let sent = sent.clone();
                move |request| {
                    *sent.lock() = Some(request);
                    ready(Ok::<_, Infallible>(Response::new(())))
                }
            }),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(authenticated.oneshot(request)).unwrap();
        let sent = sent.lock().take().unwrap();
        prop_assert_eq!(sent.headers()[header::AUTHORIZATION].to_str().unwrap(), expected(&sent));
        let date = sent.headers()["x-sdk-date"].to_str().unwrap();
        prop_assert!(jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).is_ok());
    }
}

#[test]
fn debug_output_of_a_request_has_no_secrets() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sts"), "security-token").unwrap();
    fs::write(folder.path().join("sk"), "secret").unwrap();
    let keys = KeyFiles::new(&KeyAuth {
        access_key: AccessKey::Given("AK".to_owned()),
        secret_key_file: folder.path().join("sk"),
        project_id: "p".to_owned(),
        security_token_file: Some(folder.path().join("sts")),
    });
    let signing = SignatureAuthentication::new(KeySource::Files(keys), None, Arc::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let permit = runtime.block_on(signing.acquire()).ok().unwrap();
    let (mut parts, ()) = Request::get("https://cci.example/")
        .body(())
        .unwrap()
        .into_parts();
    signing
        .sign(&permit, &mut parts, Timestamp::UNIX_EPOCH)
        .unwrap();
    assert_eq!(parts.headers["x-security-token"], "security-token");
    assert_eq!(parts.headers["x-sdk-date"], "19700101T000000Z");
    let signed = parts.headers[header::AUTHORIZATION].to_str().unwrap();
    assert!(
        signed.contains("SignedHeaders=host;x-sdk-date;x-security-token,"),
        "{signed}"
    );
    let shown = format!("{parts:?}");
    for secret in ["security-token", "secret", "Signature"] {
        assert!(
            !shown.replace("x-security-token", "").contains(secret),
            "{shown}"
        );
    }
}
