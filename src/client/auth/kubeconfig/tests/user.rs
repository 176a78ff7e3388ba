//! The credentials that a client gets, and when they expire.

use super::*;

#[test]
fn a_token_file_has_precedence_and_the_token_beside_it_is_for_when_it_cannot_be_read() {
    let directory = directory();
    for (user, expected) in [
        ("{token: inline}", "inline"),
        ("{tokenFile: token}", "from-file"),
        ("{token: inline, tokenFile: token}", "from-file"),
        ("{token: inline, tokenFile: missing}", "inline"),
        ("{token: inline, tokenFile: empty}", "inline"),
        (
            "{token: inline, exec: {command: /no/such/plugin}}",
            "inline",
        ),
    ] {
        let loaded = load_both(&directory, API, user).unwrap();
        let token = loaded.config.auth_info.token.as_ref().unwrap();
        assert_eq!(token.expose_secret(), expected, "{user}");
        assert!(loaded.plugin.is_none());
    }
}

#[test]
fn credentials_in_files_are_renewable_and_those_in_the_kubeconfig_are_not() {
    let directory = directory();
    let jwt = "e30.eyJleHAiOjE3OTU1MzIxNDB9.sig"; // exp 1795532140
    fs::write(directory.path().join("jwt"), format!("{jwt}\n")).unwrap();
    let data = |name: &str| STANDARD.encode(fs::read(directory.path().join(name)).unwrap());
    let inline = format!(
        "{{token: {jwt}, client-certificate-data: {}, client-key-data: {}}}",
        data("tls.crt"),
        data("tls.key")
    );
    let in_files = "{tokenFile: jwt, client-certificate: tls.crt, client-key: tls.key}".to_owned();
    for (user, renewable) in [(inline, Renewable::No), (in_files, Renewable::Yes)] {
        let loaded = load_both(&directory, API, &user).unwrap();
        let expiries = loaded.credentials.expiries();
        let expiries: Vec<_> = expiries
            .iter()
            .map(|(credential, expiry)| (credential, expiry.renewable, expiry.at.as_second()))
            .collect();
        assert_eq!(
            expiries,
            [
                (Credential::Token, renewable, 1_795_532_140),
                (Credential::Certificate, renewable, 1_861_920_000),
            ]
        );
    }
}

#[test]
fn of_files_with_more_in_them_only_certificates_and_the_key_are_used() {
    let directory = directory();
    let identity = identity();
    // kubelet has both in one file, and openssl writes parameters before a key.
    let both = format!(
        "{}{}{}{}",
        pem("EC PARAMETERS", b"x"),
        pem("PUBLIC KEY", b"x"),
        identity.key_pem(),
        identity.certificate_pem()
    );
    fs::write(directory.path().join("both.pem"), both).unwrap();
    let user = "{client-certificate: both.pem, client-key: both.pem}";
    let loaded = load_both(&directory, API, user).unwrap();
    let data = loaded.config.auth_info.client_certificate_data.unwrap();
    let pem = STANDARD.decode(data).unwrap();
    assert_eq!(String::from_utf8(pem).unwrap(), identity.certificate_pem());
    let no_key = load_both(
        &directory,
        API,
        "{client-certificate: tls.crt, client-key: tls.crt}",
    );
    let error = no_key.err().unwrap();
    assert!(
        error.contains("`client-key` tls.crt: it contains no private key"),
        "{error}"
    );
}
