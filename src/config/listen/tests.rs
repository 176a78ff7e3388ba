//! Valid and invalid listen addresses.

use super::*;
use crate::config::{
    Error, Flags,
    tests::{load_all, load_text},
};

fn tcp(text: &str) -> ListenAddress {
    ListenAddress::Tcp(text.parse().unwrap())
}

fn unix(path: impl Into<PathBuf>) -> ListenAddress {
    ListenAddress::Unix(path.into())
}

/// The problem with `web: {...}`, and its hint.
fn problem(web: &str) -> String {
    let error = load_text(&format!("web: {{{web}}}")).unwrap_err();
    assert_eq!(error.problems().len(), 1, "{error}");
    let text = error.problems()[0].to_string();
    let (_, problem) = text.split_once(": web.").unwrap();
    problem.to_owned()
}

#[test]
fn addresses_overlap_if_one_of_the_same_family_is_unspecified() {
    for (one, other, expected) in [
        ("0.0.0.0:80", "127.0.0.1:80", true),
        ("[::1]:80", "[::]:80", true),
        ("0.0.0.0:80", "[::]:80", false),
        ("[::]:80", "127.0.0.1:80", false),
        ("0.0.0.0:80", "127.0.0.1:81", false),
        ("0.0.0.0:0", "0.0.0.0:0", false),
        ("127.0.0.1:80", "127.0.0.2:80", false),
    ] {
        let (left, right) = (tcp(one), tcp(other));
        assert_eq!(overlap(&left, &right), expected, "{one} {other}");
        assert_eq!(overlap(&right, &left), expected, "{other} {one}");
    }
}

#[test]
fn listen_addresses_follow_go() {
    for (text, address) in [
        (":9806", "[::]:9806"),
        ("0.0.0.0:9806", "0.0.0.0:9806"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("[::1]:80", "[::1]:80"),
        ("localhost:80", "127.0.0.1:80"),
    ] {
        assert_eq!(tcp_address(text), Ok(address.parse().unwrap()), "{text}");
    }
    for bad in [
        "",
        ":",
        "9806",
        ":+1",
        ":65536",
        "host:80",
        "0.0.0.0",
        "::1:80",
        "*:80",
        " :80",
        "localhost:",
        "127.0.0.1:x",
    ] {
        assert!(tcp_address(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_address_without_a_port_has_a_suggestion() {
    for (text, expected) in [
        ("localhost", Some("localhost:9806")),
        ("localhost:", Some("localhost:9806")),
        ("0.0.0.0", Some("0.0.0.0:9806")),
        ("::", Some("[::]:9806")),
        ("[::1]", Some("[::1]:9806")),
        ("9806", Some(":9806")),
        (":", Some(":9806")),
        ("*:80", Some(":80")),
        ("*", Some(":9806")),
        (" :80", Some(":80")),
        ("http://localhost:80/", Some("localhost:80")),
        ("tcp://0.0.0.0:80", Some("0.0.0.0:80")),
        ("/run/x.sock", Some("unix:/run/x.sock")),
        // Names are not resolved, and there is no such port.
        ("host:80", None),
        ("host", None),
        (":65536", None),
        ("vsock://:80", None),
    ] {
        assert_eq!(suggestion(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_relative_socket_path_starts_where_other_paths_start() {
    let yaml =
        "web: {listen_address: ['unix:x.sock', 'unix:/run/x.sock', 'unix:///run/y.sock', ':80']}";
    let (config, directory) = load_all(yaml, &[], Flags::default());
    assert_eq!(
        config.unwrap().web.listen_addresses,
        [
            unix(directory.join("x.sock")),
            unix("/run/x.sock"),
            unix("/run/y.sock"),
            tcp("[::]:80"),
        ]
    );
    let flags = Flags {
        listen_addresses: vec!["unix:x.sock".to_owned()],
        probe_listen_address: Some("unix:probes.sock".to_owned()),
        ..Flags::default()
    };
    let web = load_all("", &[], flags).0.unwrap().web;
    assert_eq!(web.listen_addresses, [unix("x.sock")]);
    assert_eq!(web.probe_listen_address, Some(unix("probes.sock")));
}

#[test]
fn a_unix_socket_needs_the_path_of_a_file() {
    for (text, expected) in [
        ("unix:", "`unix:` names no file"),
        ("unix:/run/", "`unix:/run/` names no file"),
        ("unix://", "`unix://` has a host"),
        ("unix://run/x.sock", "`unix://run/x.sock` has a host"),
        (
            "unix:@x",
            "`unix:@x` is an abstract socket, which is not supported",
        ),
        (
            "unix:\\0x",
            "`unix:\\0x` is an abstract socket, which is not supported",
        ),
        ("unix:/run/\\0", "`unix:/run/\\0` names no file"),
        ("unix:~/x.sock", "`~` is not expanded"),
        (
            "vsock://:80",
            "`vsock://:80` is an address of vsock, which is not supported",
        ),
    ] {
        let problem = problem(&format!("listen_address: \"{text}\""));
        let expected = format!("listen_address: {expected}");
        assert!(problem.starts_with(&expected), "{problem}");
    }
}

#[test]
fn the_path_of_a_socket_has_at_most_107_bytes() {
    // Bytes, not characters.
    let name = format!("/{}", "ä".repeat(53));
    let fits = load_text(&format!("web: {{listen_address: 'unix:{name}'}}"));
    assert_eq!(fits.unwrap().web.listen_addresses, [unix(&name)]);
    let problem = problem(&format!("listen_address: 'unix:{name}x'"));
    assert!(
        problem.contains("x` is too long: its path has 108 bytes"),
        "{problem}"
    );
    assert!(problem.contains("hint: the path of a unix socket has at most 107 bytes"));
}

#[test]
fn systemd_sockets_replace_listen_addresses() {
    let web = load_text("web: {systemd_socket: true}").unwrap().web;
    assert!(web.systemd_socket);
    assert_eq!(web.listen_addresses, []);
    let web = load_text("web: {systemd_socket: false, listen_address: ':1'}");
    assert_eq!(web.unwrap().web.listen_addresses, [tcp("[::]:1")]);
    let both = problem("systemd_socket: true, listen_address: ':1'");
    let expected = "systemd_socket: cannot be combined with `listen_address`\n  hint: ";
    assert!(both.starts_with(expected), "{both}");
}

#[test]
fn both_ways_to_listen_conflict_whatever_layers_they_come_from() {
    let flags = Flags {
        systemd_socket: true,
        ..Flags::default()
    };
    let load = |yaml: &str| -> Result<_, Error> { load_all(yaml, &[], flags.clone()).0 };
    assert!(load("").unwrap().web.systemd_socket);
    let error = load("web: {listen_address: ':1'}").unwrap_err().to_string();
    assert!(
        error.contains("flag --web.systemd-socket: web.systemd_socket: "),
        "{error}"
    );
}

#[test]
fn the_probe_address_differs_from_the_listen_addresses() {
    for (listen, probes, conflicts) in [
        (":9806", ":9806", true),
        ("0.0.0.0:9806", "127.0.0.1:9806", true),
        ("0.0.0.0:9806", "[::]:9806", true),
        ("127.0.0.1:9806", ":9806", true),
        ("unix:/run/x", "unix:/run/x", true),
        ("127.0.0.1:9806", "127.0.0.2:9806", false),
        (":9806", ":9807", false),
        (":0", ":0", false),
        ("unix:/run/x", "unix:/run/y", false),
        ("unix:/run/x", ":9806", false),
    ] {
        let yaml = format!("listen_address: ['{listen}', ':1'], probe_listen_address: '{probes}'");
        if conflicts {
            let problem = problem(&yaml);
            assert!(problem.starts_with("probe_listen_address: `"), "{problem}");
            assert!(
                problem.contains("` conflicts with the listen address `"),
                "{problem}"
            );
        } else {
            let web = load_text(&format!("web: {{{yaml}}}")).unwrap().web;
            assert!(web.probe_listen_address.is_some(), "{yaml}");
        }
    }
    let default = problem("probe_listen_address: 'localhost:9806'");
    assert!(
        default.contains("conflicts with the listen address `0.0.0.0:9806`"),
        "{default}"
    );
    for one in ["[':1', ':2']", "1", "host"] {
        problem(&format!("probe_listen_address: {one}"));
    }
}
