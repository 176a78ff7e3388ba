//! Which proxy is used for which API. The rules of `NO_PROXY` are those of the tests of Go's `httpproxy`.

use secrecy::ExposeSecret as _;

use super::*;

fn proxy(variables: &[(&str, &str)], target: &str) -> Result<Option<String>, String> {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let environment = Environment::of(variables);
    let proxy = Proxy::from_environment(&environment, &target.parse().unwrap())?;
    Ok(proxy.map(|proxy| format!("{proxy:?}")))
}

fn is_proxied(no_proxy: &str, target: &str) -> bool {
    let variables = [("HTTPS_PROXY", "http://proxy:3128"), ("NO_PROXY", no_proxy)];
    proxy(&variables, target).unwrap().is_some()
}

#[test]
fn variables_are_read_in_the_order_of_kubectl() {
    const API: &str = "https://api.example";
    for (variables, expected) in [
        (&[][..], None),
        (&[("HTTPS_PROXY", "")], None),
        (&[("HTTPS_PROXY", "http://a:1")], Some("http://a:1/")),
        (&[("https_proxy", "http://b:2")], Some("http://b:2/")),
        (
            &[("HTTPS_PROXY", ""), ("https_proxy", "http://b:2")],
            Some("http://b:2/"),
        ),
        (
            &[("HTTPS_PROXY", "http://a:1"), ("https_proxy", "http://b:2")],
            Some("http://a:1/"),
        ),
        (
            &[("HTTP_PROXY", "http://a:1"), ("ALL_PROXY", "http://a:1")],
            None,
        ),
        (
            &[("HTTPS_PROXY", "http://a:1"), ("no_proxy", "api.example")],
            None,
        ),
        (
            &[
                ("HTTPS_PROXY", "http://a:1"),
                ("NO_PROXY", "other.example"),
                ("no_proxy", "api.example"),
            ],
            Some("http://a:1/"),
        ),
    ] {
        let actual = proxy(variables, API).unwrap();
        assert_eq!(actual.as_deref(), expected, "{variables:?}");
    }
    let plain = [("HTTP_PROXY", "http://a:1"), ("HTTPS_PROXY", "http://b:2")];
    let actual = proxy(&plain, "http://api.example").unwrap();
    assert_eq!(actual.as_deref(), Some("http://a:1/"));
}

#[test]
fn no_proxy_is_matched_against_the_api_as_go_matches_it() {
    for (no_proxy, target, direct) in [
        ("", "https://api.example", false),
        ("*", "https://api.example", true),
        ("a, *", "https://api.example", true),
        ("api.example", "https://api.example", true),
        ("API.example", "https://api.EXAMPLE:6443", true),
        ("example", "https://api.example", true),
        (".example", "https://api.example", true),
        ("*.example", "https://api.example", true),
        ("*.example", "https://example", false),
        (".example", "https://example", false),
        ("example", "https://example", true),
        ("pi.example", "https://api.example", false),
        ("*api.example", "https://api.example", false),
        ("api.example:6443", "https://api.example:6443", true),
        ("api.example:6443", "https://api.example", false),
        ("api.example:443", "https://api.example", true),
        ("api.example:", "https://api.example", true),
        (":443", "https://api.example", false),
        ("10.0.0.0/8", "https://10.1.2.3:6443", true),
        ("10.1.2.9/8", "https://10.200.2.3", true),
        ("10.0.0.0/8", "https://11.0.0.1", false),
        ("10.0.0.0/33", "https://10.0.0.1", false),
        ("0.0.0.0/0", "https://11.0.0.1", true),
        ("10.0.0.0/8", "https://10.example", false),
        ("10.1.2.3/32", "https://10.1.2.3", true),
        ("10.1.2.3", "https://10.1.2.3:6443", true),
        ("10.1.2.3:6443", "https://10.1.2.3:6443", true),
        ("10.1.2.3:6443", "https://10.1.2.3:6444", false),
        ("fd00::/8", "https://[fd12::1]:6443", true),
        ("fd00::/8", "https://[fe80::1]:6443", false),
        ("fd12::1", "https://[fd12::1]:6443", true),
        ("[fd12::1]:6443", "https://[fd12::1]:6443", true),
        ("[fd12::1]:6443", "https://[fd12::1]", false),
        ("a.example, , api.example,", "https://api.example", true),
        (" ,", "https://api.example", false),
        // The proxy's own address has no meaning.
        ("proxy", "https://api.example", false),
        ("proxy:3128", "https://api.example", false),
        // This machine is never reached through a proxy.
        ("", "https://localhost:6443", true),
        ("", "https://127.0.0.1:6443", true),
        ("", "https://127.8.8.8:6443", true),
        ("", "https://[::1]:6443", true),
        ("", "https://localhost.example", false),
    ] {
        assert_eq!(
            !is_proxied(no_proxy, target),
            direct,
            "{no_proxy:?} {target}"
        );
    }
}

#[test]
fn urls_of_proxies_have_defaults_for_scheme_and_port() {
    for (text, protocol, address) in [
        ("http://proxy:3128", Protocol::Http, "http://proxy:3128/"),
        ("proxy:3128", Protocol::Http, "http://proxy:3128/"),
        ("proxy", Protocol::Http, "http://proxy:80/"),
        (" http://proxy/ignored ", Protocol::Http, "http://proxy:80/"),
        ("HTTPS://proxy", Protocol::Https, "https://proxy:443/"),
        ("socks5://proxy", Protocol::Socks5, "socks5://proxy:1080/"),
        ("socks5h://[::1]:9", Protocol::Socks5, "socks5://[::1]:9/"),
        ("http://[fd12::1]", Protocol::Http, "http://[fd12::1]:80/"),
    ] {
        let proxy = Proxy::parse(text, "HTTPS_PROXY").unwrap();
        assert_eq!(proxy.protocol, protocol, "{text}");
        assert_eq!(proxy.address.to_string(), address, "{text}");
        assert!(proxy.login.is_none());
    }
}

#[test]
fn the_login_of_a_proxy_is_decoded_and_never_shown() {
    let text = "http://us%40er:p%3Aa@ss@proxy:1";
    let proxy = Proxy::parse(text, "HTTPS_PROXY").unwrap();
    let login = proxy.login.as_ref().unwrap();
    assert_eq!(login.user, "us@er");
    assert_eq!(login.password.expose_secret(), "p:a@ss");
    assert_eq!(format!("{proxy:?}"), "http://proxy:1/");
    let user_only = Proxy::parse("http://user@proxy:1", "HTTPS_PROXY").unwrap();
    assert_eq!(user_only.login.unwrap().password.expose_secret(), "");
}

#[test]
fn an_invalid_proxy_is_an_error_that_names_the_setting_and_shows_no_password() {
    for (text, reason) in [
        ("ftp://user:s3cret@proxy:1", "its scheme is not supported"),
        ("http://user:s3cret@", "no valid host"),
        ("http://user:s3cret@pro xy:1", "no valid host"),
        ("http://user:s3cret@proxy:70000", "its port is not a number"),
        ("http://proxy:", "its port is not a number"),
    ] {
        let variables = [("https_proxy", text)];
        let error = proxy(&variables, "https://api.example").unwrap_err();
        assert!(
            error.starts_with("the environment variable https_proxy is invalid: "),
            "{error}"
        );
        assert!(
            error.contains(reason) && !error.contains("s3cret"),
            "{error}"
        );
        // It does not matter for an API that is reached directly.
        assert_eq!(proxy(&variables, "https://127.0.0.1"), Ok(None));
    }
}
