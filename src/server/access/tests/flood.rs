//! Requests while comparisons of passwords are under way.

use std::sync::{
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::*;

/// Access of the user `alice` with the password `right`, whose comparisons wait for a message each. Counts them.
fn slow_access() -> (Access, mpsc::Sender<()>, Arc<AtomicUsize>) {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let verify: Arc<basic_auth::Verify> = Arc::new(move |_, password| {
        counted.fetch_add(1, Ordering::Relaxed);
        released.lock().recv().expect("a release");
        password == b"right"
    });
    let users = basic_auth::parse(&with_users().users).unwrap();
    let basic = BasicAuth::with_verify(users, verify).unwrap();
    let access = Access {
        basic: Some(Arc::new(basic)),
        ..access(&with_users())
    };
    (access, release, count)
}

#[tokio::test]
async fn a_flood_of_wrong_logins_delays_neither_probes_nor_a_user_that_logged_in_before() {
    let (access, release, count) = slow_access();
    let (router, _) = router(Some(access));
    let login = basic("alice:right");
    release.send(()).unwrap();
    assert_eq!(status(&router, "/metrics", &login).await, 200);
    let mut flood = JoinSet::new();
    for number in 0..200 {
        let router = router.clone();
        let login = basic(&format!("alice:wrong{number}"));
        flood.spawn(async move { get(&router, "/metrics", &login).await });
    }
    let mut rejected = 0;
    while rejected < 183 {
        let response = flood.join_next().await.unwrap().unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[RETRY_AFTER], "5");
        rejected += 1;
    }
    // One comparison is under way and 16 wait, and none of them ends before it is released.
    assert_eq!(status(&router, "/livez", "").await, 200);
    assert_eq!(status(&router, "/metrics", &login).await, 200);
    assert!(count.load(Ordering::Relaxed) <= 2);
    for _ in 0..17 {
        release.send(()).unwrap();
    }
    for response in flood.join_all().await {
        assert_eq!(response.status(), 401);
    }
    assert_eq!(count.load(Ordering::Relaxed), 1 + 17);
}

#[tokio::test]
async fn access_is_replaced_while_requests_are_checked() {
    let (slow, release, _) = slow_access();
    let (router, handle) = router(Some(slow));
    let mut waiting = JoinSet::new();
    waiting.spawn({
        let router = router.clone();
        async move { status(&router, "/metrics", &basic("alice:right")).await }
    });
    tokio::task::yield_now().await;
    handle.replace(Some(access(&with_users())));
    assert_eq!(
        status(&router, "/metrics", &basic("alice:alice123")).await,
        200
    );
    handle.replace(None);
    assert_eq!(status(&router, "/metrics", "").await, 200);
    release.send(()).unwrap();
    assert_eq!(waiting.join_all().await, [200]);
}
