//! Access to the pages through the router, without connections.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::BoxFuture;
use http::header::{
    AUTHORIZATION, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use secrecy::ExposeSecret as _;
use tokio::time::advance;

use super::*;
use crate::{
    client::{Review, ReviewError},
    server::{ServerSettings, connection_state::ConnectionState, router::Router, tests::TestData},
};

mod flood;

/// The hash of `alice123`.
const ALICE: &str = "$2b$04$XkTiW0HfMRe1LhSyKxGvK.Ngz1Iq5ziCCTVgi2VYl7rcgXrP/wo2e";

/// Allows the token `good`, denies `poor`, has no answer for `late`.
struct Reviewer;

impl AccessReviewer for Reviewer {
    fn review<'a>(
        &'a self,
        token: &'a SecretString,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Review, ReviewError>> {
        Box::pin(async {
            match token.expose_secret() {
                "good" => Ok(Review::Allowed),
                "poor" => Ok(Review::Denied {
                    user: "poor".to_owned(),
                }),
                "late" => Err(ReviewError::timeout(Duration::ZERO)),
                _ => Ok(Review::Unauthenticated),
            }
        })
    }
}

fn with_users() -> AccessSettings {
    AccessSettings {
        users: BTreeMap::from([("alice".to_owned(), ALICE.into())]),
        ..AccessSettings::default()
    }
}

fn with_kubernetes() -> AccessSettings {
    AccessSettings {
        kubernetes: Some(KubernetesAuthSettings {
            reviewer: Arc::new(Reviewer),
            outage_grace: Duration::ZERO,
        }),
        ..AccessSettings::default()
    }
}

fn with_rate_limit(burst: u32) -> AccessSettings {
    AccessSettings {
        rate_limit: Some(RateLimitConfig {
            interval: Duration::from_millis(1_500),
            burst,
        }),
        ..AccessSettings::default()
    }
}

fn access(settings: &AccessSettings) -> Access {
    Access::new(settings)
        .unwrap()
        .expect("something configured")
}

fn router(access: Option<Access>) -> (Router, AccessHandle) {
    let handle = AccessHandle::new(access);
    let data = Arc::new(TestData::new());
    let settings = ServerSettings {
        access: handle.clone(),
        ..ServerSettings::default()
    };
    let router = Router::new(data, &settings);
    (router, handle)
}

fn basic(login: &str) -> String {
    format!("Basic {}", STANDARD.encode(login))
}

fn request(path: &str, authorization: &str) -> Request<()> {
    let mut request = Request::get(path).body(()).unwrap();
    if !authorization.is_empty() {
        let value = authorization.parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    request
}

async fn get(router: &Router, path: &str, authorization: &str) -> Response<Content> {
    let request = request(path, authorization);
    router.respond(&request, &ConnectionState::new()).await
}

async fn status(router: &Router, path: &str, authorization: &str) -> u16 {
    get(router, path, authorization).await.status().as_u16()
}

fn challenges(response: &Response<Content>) -> Vec<&str> {
    let values = response.headers().get_all(WWW_AUTHENTICATE).iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn without_settings_everybody_may_look() {
    assert!(Access::new(&AccessSettings::default()).unwrap().is_none());
    let (router, _) = router(None);
    assert_eq!(status(&router, "/metrics", "").await, 200);
    assert_eq!(status(&router, "/metrics", "Basic nonsense").await, 200);
}

#[tokio::test]
async fn users_log_in_with_their_password_alone() {
    let (router, _) = router(Some(access(&with_users())));
    // Twice: the second answer is cached.
    for _ in 0..2 {
        for (login, expected) in [
            ("alice:alice123", 200),
            ("alice:alice1234", 401),
            ("alice:", 401),
            ("bob:alice123", 401),
            // The password of the dummy hash of the exporter-toolkit.
            ("fakeuser:fakepassword", 401),
            (&format!("alice:{}", "x".repeat(10_000)), 401),
            ("alice", 401),
        ] {
            assert_eq!(
                status(&router, "/metrics", &basic(login)).await,
                expected,
                "{login}"
            );
        }
    }
    for header in ["", "Basic", "Basic !", "Bearer good"] {
        let response = get(&router, "/metrics", header).await;
        assert_eq!(response.status(), 401, "{header}");
        assert_eq!(challenges(&response), ["Basic"], "{header}");
    }
}

#[tokio::test]
async fn a_poisoned_cache_lets_nobody_in() {
    // CVE-2022-46146 of the exporter-toolkit.
    let (router, _) = router(Some(access(&with_users())));
    let dummy = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";
    for login in [
        format!("alice{ALICE}:fakepassword"),
        format!("alice:{dummy}fakepassword"),
    ] {
        assert_eq!(status(&router, "/", &basic(&login)).await, 401, "{login}");
    }
}

#[tokio::test]
async fn tokens_are_reviewed_and_either_login_is_enough() {
    let both = AccessSettings {
        users: with_users().users,
        ..with_kubernetes()
    };
    for (settings, alice, expected) in [
        (with_kubernetes(), 401, &["Bearer"][..]),
        (both, 200, &["Basic", "Bearer"]),
    ] {
        let (router, _) = router(Some(access(&settings)));
        for (authorization, expected) in [
            ("Bearer good", 200),
            ("bearer good", 200),
            ("Bearer poor", 403),
            ("Bearer late", 503),
            ("Bearer bad", 401),
            ("Bearer", 401),
            ("", 401),
            (&basic("alice:alice123"), alice),
            (&basic("alice:good"), 401),
        ] {
            let actual = status(&router, "/metrics", authorization).await;
            assert_eq!(actual, expected, "{authorization}");
        }
        assert_eq!(challenges(&get(&router, "/", "").await), expected);
        let late = get(&router, "/metrics", "Bearer late").await;
        assert_eq!(late.headers()[RETRY_AFTER], "5");
        assert!(challenges(&late).is_empty());
    }
}

#[tokio::test]
async fn probes_need_no_login_and_everything_else_does() {
    let (router, _) = router(Some(access(&with_users())));
    for (path, expected) in [
        ("/livez", 200),
        ("/readyz", 200),
        ("/", 401),
        ("/metrics", 401),
        ("/nowhere", 401),
        ("/livez/", 401),
        ("//livez", 401),
        ("/metrics?x=/livez", 401),
    ] {
        assert_eq!(status(&router, path, "").await, expected, "{path}");
    }
    assert_eq!(
        status(&router, "/nowhere", &basic("alice:alice123")).await,
        404
    );
}

#[tokio::test]
async fn a_setting_closes_the_probes_even_when_the_server_is_full() {
    let settings = AccessSettings {
        authenticate_probes: true,
        ..with_users()
    };
    let (closed, _) = router(Some(access(&settings)));
    let (open, _) = router(Some(access(&with_users())));
    let login = basic("alice:alice123");
    for (router, authorization, expected) in [
        (&closed, "", 401),
        (&closed, login.as_str(), 200),
        (&open, "", 200),
    ] {
        assert_eq!(status(router, "/livez", authorization).await, expected);
        let request = request("/livez", authorization);
        assert_eq!(router.respond_when_full(&request).await.status(), expected);
    }
    let request = request("/metrics", "");
    assert_eq!(closed.respond_when_full(&request).await.status(), 503);
}

#[tokio::test(start_paused = true)]
async fn the_rate_limit_comes_before_the_login_and_exempts_probes() {
    let settings = AccessSettings {
        users: with_users().users,
        ..with_rate_limit(2)
    };
    let (router, _) = router(Some(access(&settings)));
    assert_eq!(status(&router, "/metrics", "").await, 401);
    assert_eq!(status(&router, "/metrics", "").await, 401);
    let login = basic("alice:alice123");
    let response = get(&router, "/metrics", &login).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()[RETRY_AFTER], "2", "1.5 s, rounded up");
    for _ in 0..10 {
        assert_eq!(status(&router, "/livez", "").await, 200);
    }
    advance(Duration::from_millis(1_500)).await;
    assert_eq!(status(&router, "/metrics", &login).await, 200);
    assert_eq!(status(&router, "/metrics", &login).await, 429);
}

#[tokio::test(start_paused = true)]
async fn headers_are_on_every_response() {
    let settings = AccessSettings {
        users: with_users().users,
        headers: vec![
            ("X-Frame-Options", "deny".to_owned()),
            (
                "Strict-Transport-Security",
                "max-age=31536000; includeSubDomains".to_owned(),
            ),
            ("X-Content-Type-Options", "nosniff".to_owned()),
            ("X-XSS-Protection", "1".to_owned()),
            ("Content-Security-Policy", "default-src 'self'".to_owned()),
        ],
        ..with_rate_limit(4)
    };
    let (router, _) = router(Some(access(&settings)));
    let login = basic("alice:alice123");
    for (path, authorization, expected) in [
        ("/metrics", login.as_str(), 200),
        ("/", &login, 200),
        ("/nowhere", &login, 404),
        ("/", "", 401),
        ("/", "", 429),
        ("/livez", "", 200),
    ] {
        let response = get(&router, path, authorization).await;
        assert_eq!(response.status(), expected, "{path}");
        let headers = response.headers();
        assert_eq!(headers[X_FRAME_OPTIONS], "deny", "{path}");
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(
            headers[CONTENT_SECURITY_POLICY], "default-src 'self'",
            "{path}"
        );
        assert_eq!(headers["x-xss-protection"], "1", "{path}");
        assert!(headers.contains_key("strict-transport-security"), "{path}");
    }
    let full = router.respond_when_full(&request("/metrics", "")).await;
    assert_eq!(full.headers()[X_FRAME_OPTIONS], "deny");
}

#[tokio::test(start_paused = true)]
async fn an_update_keeps_the_state_of_what_has_not_changed() {
    let kubernetes = with_kubernetes().kubernetes;
    let settings = AccessSettings {
        users: with_users().users,
        kubernetes: kubernetes.clone(),
        ..with_rate_limit(1)
    };
    let before = access(&settings);
    let same = before.updated(&settings).unwrap().unwrap();
    let is_same = |one: &Access, other: &Access| {
        let same_basic = Arc::ptr_eq(one.basic.as_ref().unwrap(), other.basic.as_ref().unwrap());
        let (one_auth, other_auth) = (one.kubernetes.as_ref(), other.kubernetes.as_ref());
        let same_auth = Arc::ptr_eq(&one_auth.unwrap().0, &other_auth.unwrap().0);
        let (one_limit, other_limit) = (one.rate_limit.as_ref(), other.rate_limit.as_ref());
        [
            same_basic,
            same_auth,
            Arc::ptr_eq(one_limit.unwrap(), other_limit.unwrap()),
        ]
    };
    assert_eq!(is_same(&before, &same), [true; 3]);
    let mut longer = settings.clone();
    longer.kubernetes.as_mut().unwrap().outage_grace = Duration::from_mins(1);
    let longer = before.updated(&longer).unwrap().unwrap();
    assert_eq!(is_same(&before, &longer), [true; 3]);
    assert_eq!(longer.kubernetes.unwrap().1, Duration::from_mins(1));
    let mut changed = AccessSettings {
        users: BTreeMap::from([("bob".to_owned(), ALICE.into())]),
        kubernetes: with_kubernetes().kubernetes,
        ..with_rate_limit(2)
    };
    changed.kubernetes.as_mut().unwrap().reviewer = Arc::new(Reviewer);
    let after = before.updated(&changed).unwrap().unwrap();
    assert_eq!(is_same(&before, &after), [false; 3]);
    assert!(
        before
            .updated(&AccessSettings::default())
            .unwrap()
            .is_none()
    );
    changed.users.insert("carol".to_owned(), "none".into());
    assert!(before.updated(&changed).is_err());
}

#[test]
fn debug_of_settings_shows_no_hash() {
    let text = format!("{:?} {:?}", with_users(), access(&with_users()));
    assert!(text.contains("alice") && !text.contains("XkTiW0"), "{text}");
}
