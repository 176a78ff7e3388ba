//! When credentials have changed, and when they expire.

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn jwt(claims: &str) -> SecretString {
    format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims)).into()
}

#[test]
fn the_expiry_of_a_token_is_read_from_its_claims() {
    for (token, expiry) in [
        (jwt(r#"{"exp":1795532140,"iss":"x"}"#), Some(1_795_532_140)),
        (jwt(r#"{"exp":1795532140.5}"#), Some(1_795_532_140)),
        (jwt(r#"{"iss":"x"}"#), None),
        (jwt(r#"{"exp":"soon"}"#), None),
        (jwt(r#"{"exp":-1}"#), None),
        (jwt(r#"{"exp":1e300}"#), None),
        ("opaque".into(), None),
        ("a.b.c".into(), None),
        ("e30.eyJleHAiOjF9".into(), None),
        ("e30.eyJleHAiOjF9.a.b".into(), None),
    ] {
        assert_eq!(
            jwt_expiry(&token),
            expiry.map(at),
            "{}",
            token.expose_secret()
        );
    }
}

#[test]
fn a_plugin_runs_again_before_its_credentials_expire() {
    for (lifetime, renewed_after) in [
        (3_600, 3_540), // a minute before
        (100, 80),      // four fifths of a short lifetime
        (5, 10),        // not for every request
        (-5, 10),
    ] {
        let mut credentials = LoadedCredentials::default();
        credentials.set_plugin_expiry(at(1_000 + lifetime), at(1_000));
        assert_eq!(
            credentials.renew_at,
            Some(at(1_000 + renewed_after)),
            "{lifetime}"
        );
    }
}

#[test]
fn a_file_that_was_replaced_needs_new_credentials() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tls.crt");
    // As in a volume of a Secret, the file is a link into a directory that is replaced.
    for (version, text) in [("1", "first"), ("2", "other")] {
        fs::write(directory.path().join(version), text).unwrap();
    }
    let link = |version: &str| {
        let new = directory.path().join("new");
        std::os::unix::fs::symlink(version, &new).unwrap();
        fs::rename(new, &path).unwrap();
    };
    link("1");
    let mut credentials = LoadedCredentials::default();
    credentials.watch(&path);
    assert!(credentials.is_current());
    link("2");
    assert!(!credentials.is_current());
    fs::remove_file(&path).unwrap();
    assert!(credentials.is_current(), "some set-ups delete the file");
}
