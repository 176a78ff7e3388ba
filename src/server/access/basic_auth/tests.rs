//! Logins, with a count of the comparisons.

use std::sync::{
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use tokio::task::JoinSet;

use super::*;

/// The hash of `right` with cost 4.
const HASH: &str = "$2b$04$KBCwKxOzLha2MUDgW0PjXerbncD/VslLhLn1xjJSVv6IfOoAikHZO";

fn users(entries: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
    let entry = |(user, hash): &(&str, &str)| ((*user).to_owned(), SecretString::from(*hash));
    entries.iter().map(entry).collect()
}

/// Authentication of the user `alice` with the password `right`, and the number of comparisons.
fn counting(compare: impl Fn() + Send + Sync + 'static) -> (Arc<BasicAuth>, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let verify = move |_: &BcryptHash, password: &[u8]| {
        counted.fetch_add(1, Ordering::Relaxed);
        compare();
        password == b"right"
    };
    let users = parse(&users(&[("alice", HASH)])).unwrap();
    let auth = BasicAuth::with_verify(users, Arc::new(verify)).unwrap();
    (Arc::new(auth), count)
}

async fn login(auth: &Arc<BasicAuth>, user: &str, password: &str) -> Decision {
    let password = SecretSlice::from(password.as_bytes().to_vec());
    auth.check(user.as_bytes(), &password).await
}

#[tokio::test]
async fn right_and_wrong_passwords_are_compared_once() {
    let (auth, count) = counting(|| {});
    for _ in 0..3 {
        assert_eq!(login(&auth, "alice", "right").await, Decision::Allowed);
        assert_eq!(
            login(&auth, "alice", "wrong").await,
            Decision::Unauthenticated
        );
    }
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn concurrent_logins_share_their_comparisons() {
    let (auth, count) = counting(|| {});
    let mut tasks = JoinSet::new();
    for number in 0..300 {
        let auth = auth.clone();
        let password = ["right", "wrong"][number % 2];
        tasks.spawn(async move { (password, login(&auth, "alice", password).await) });
    }
    for (password, decision) in tasks.join_all().await {
        let expected = match password {
            "right" => Decision::Allowed,
            _ => Decision::Unauthenticated,
        };
        assert_eq!(decision, expected);
    }
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn unknown_users_cost_a_comparison_each_and_are_never_accepted() {
    let (auth, count) = counting(|| {});
    for user in ["bob", "carol", "Alice", "", "bob"] {
        // The comparison says that this is the password.
        assert_eq!(
            login(&auth, user, "right").await,
            Decision::Unauthenticated,
            "{user}"
        );
    }
    assert_eq!(count.load(Ordering::Relaxed), 4);
    let bytes = SecretSlice::from(b"right".to_vec());
    assert_eq!(
        auth.check(b"alice\xff", &bytes).await,
        Decision::Unauthenticated
    );
}

#[test]
fn the_hash_of_unknown_users_costs_as_much_as_the_most_expensive_one() {
    let other = HASH.replace("$04$", "$11$");
    let auth = BasicAuth::new(&users(&[("alice", HASH), ("bob", &other), ("carol", HASH)]));
    assert_eq!(auth.unwrap().unknown.cost(), 11);
}

#[tokio::test]
async fn a_cached_answer_for_one_login_is_none_for_another_that_looks_alike() {
    // CVE-2022-46146: a key of the cache was ambiguous.
    let (auth, _) = counting(|| {});
    assert_eq!(login(&auth, "alice", "right").await, Decision::Allowed);
    for (user, password) in [
        (format!("alice{HASH}"), "right".to_owned()),
        ("alice".to_owned(), format!("{HASH}right")),
        ("alicer".to_owned(), "ight".to_owned()),
        ("alic".to_owned(), "eright".to_owned()),
    ] {
        assert_eq!(
            login(&auth, &user, &password).await,
            Decision::Unauthenticated,
            "{user}"
        );
    }
}

#[tokio::test]
async fn wrong_passwords_never_displace_right_ones() {
    let (auth, count) = counting(|| {});
    assert_eq!(login(&auth, "alice", "right").await, Decision::Allowed);
    for number in 0..=CACHED {
        login(&auth, "alice", &number.to_string()).await;
    }
    let before = count.load(Ordering::Relaxed);
    assert_eq!(login(&auth, "alice", "right").await, Decision::Allowed);
    assert_eq!(count.load(Ordering::Relaxed), before);
    // The oldest wrong one has left.
    login(&auth, "alice", "0").await;
    assert_eq!(count.load(Ordering::Relaxed), before + 1);
}

#[tokio::test]
async fn only_72_bytes_of_a_password_are_compared_and_cached() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let lengths = seen.clone();
    let verify = move |_: &BcryptHash, password: &[u8]| {
        lengths.lock().push(password.len());
        true
    };
    let users = parse(&users(&[("alice", HASH)])).unwrap();
    let auth = Arc::new(BasicAuth::with_verify(users, Arc::new(verify)).unwrap());
    for length in [71, 72, 73, 10_000] {
        assert_eq!(
            login(&auth, "alice", &"x".repeat(length)).await,
            Decision::Allowed
        );
    }
    assert_eq!(*seen.lock(), [71, 72]);
}

#[tokio::test]
async fn a_flood_of_logins_waits_in_a_short_queue_and_the_rest_has_no_answer() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let (auth, count) = counting(move || released.lock().recv().expect("a release"));
    let mut tasks = JoinSet::new();
    for number in 0..200 {
        let auth = auth.clone();
        tasks.spawn(async move { login(&auth, "alice", &number.to_string()).await });
    }
    let pending = RUNNING_CHECKS + WAITING_CHECKS;
    for _ in pending..200 {
        let decision = tasks.join_next().await.unwrap().unwrap();
        assert!(matches!(decision, Decision::NoAnswer(_)), "{decision:?}");
    }
    for _ in 0..pending {
        release.send(()).unwrap();
    }
    for decision in tasks.join_all().await {
        assert_eq!(decision, Decision::Unauthenticated);
    }
    assert_eq!(count.load(Ordering::Relaxed), pending);
}

#[test]
fn users_and_hashes_are_compared_for_a_reload() {
    let auth = BasicAuth::new(&users(&[("alice", HASH)])).unwrap();
    assert!(auth.has_users(&users(&[("alice", HASH)])));
    let other = HASH.replace("KBCw", "KBCx");
    for changed in [
        &[("alice", other.as_str())][..],
        &[("bob", HASH)],
        &[("alice", HASH), ("bob", HASH)],
        &[],
    ] {
        assert!(!auth.has_users(&users(changed)), "{changed:?}");
    }
}

#[test]
fn neither_debug_nor_errors_show_a_hash() {
    let auth = BasicAuth::new(&users(&[("alice", HASH)])).unwrap();
    let text = format!("{auth:?}");
    assert!(text.contains("alice") && !text.contains("KBCwKx"), "{text}");
    let error = BasicAuth::new(&users(&[("alice", "hunter2")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the password of user `alice` is not a bcrypt hash"
    );
    assert!(error.hint().unwrap().contains("htpasswd"));
}
