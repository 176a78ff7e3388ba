//! The files and variables that kubectl and the exporter get, and whether both reach the API.

use std::fs;

use super::{Files, Variables};

/// For a case with the file `config`. Plugins are programs of the system.
const CONFIG: Variables = &[("KUBECONFIG", "config"), ("PATH", "/usr/bin:/bin")];

#[tokio::test]
async fn the_same_files_are_found_and_merged() {
    let files = Files::new().await;
    files.write_config(&files.cluster, &files.user);
    let content = fs::read_to_string(files.path("config")).expect("a file");
    files.write("home/.kube/config", &content);
    let twice = content.replace("users: [", "users: [{name: y}, {name: y}, ");
    files.write("twice", &twice);
    let server = format!("server: '{}'", files.server);
    files.write_kubeconfig(
        "no-current",
        "",
        &format!("{server}, {}", files.cluster),
        &files.user,
    );
    files.write_kubeconfig("lost", "elsewhere", &server, &files.user);
    files.write(
        "current",
        "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters: [{name: x, cluster: {server: 'https://127.0.0.1:1'}}]\n",
    );
    let in_files = format!("{server}, certificate-authority: ../pki/ca.crt");
    let user = "client-certificate: ../pki/tls.crt, client-key: ../pki/tls.key";
    files.write_kubeconfig("sub/config", "x", &in_files, user);
    let cases: &[(Variables, bool)] = &[
        (&[("KUBECONFIG", "$DIR/config")], true),
        (&[("KUBECONFIG", "config")], true),
        (&[("KUBECONFIG", "sub/config")], true),
        (&[("KUBECONFIG", "$DIR/sub/config")], true),
        (&[("KUBECONFIG", "missing:empty:config:")], true),
        (&[("KUBECONFIG", ":config")], true),
        (&[("KUBECONFIG", "no-current:current")], true),
        (&[("KUBECONFIG", "current:no-current")], false),
        (&[("KUBECONFIG", "config:lost")], true),
        (&[("KUBECONFIG", "lost:config")], false),
        (&[("HOME", "$DIR/home")], true),
        (&[("KUBECONFIG", ""), ("HOME", "$DIR/home")], true),
        (&[("KUBECONFIG", ":"), ("HOME", "$DIR/home")], false),
        (&[("KUBECONFIG", "missing"), ("HOME", "$DIR/home")], false),
        (&[("KUBECONFIG", "broken:config")], false),
        (&[("KUBECONFIG", "config:broken")], false),
        (&[("KUBECONFIG", "twice")], false),
        (&[("KUBECONFIG", "pki")], false),
        (&[("KUBECONFIG", "empty")], false),
        (&[], false),
    ];
    for (variables, expected) in cases {
        files
            .assert_reached(&format!("{variables:?}"), variables, *expected)
            .await;
    }
}

#[tokio::test]
async fn clusters_are_read_alike() {
    let files = Files::new().await;
    let Files {
        port, cluster: ca, ..
    } = &files;
    let cases = [
        (String::new(), false),
        ("certificate-authority: pki/ca.crt".to_owned(), true),
        ("certificate-authority: missing".to_owned(), false),
        (format!("certificate-authority: pki/ca.crt, {ca}"), false),
        (
            format!("certificate-authority: '', proxy-url: '', {ca}"),
            true,
        ),
        ("insecure-skip-tls-verify: true".to_owned(), true),
        (format!("insecure-skip-tls-verify: true, {ca}"), false),
        (format!("tls-server-name: localhost, {ca}"), true),
        (format!("tls-server-name: other.example, {ca}"), false),
        // Without a scheme it is plain HTTP.
        (format!("server: '127.0.0.1:{port}', {ca}"), false),
        (
            format!("server: 'https://127.0.0.1:{port}/?query', {ca}"),
            true,
        ),
        (format!("server: '', {ca}"), false),
    ];
    for (cluster, expected) in &cases {
        if cluster.starts_with("server: ") {
            files.write_kubeconfig("config", "x", cluster, &files.user);
        } else {
            files.write_config(cluster, &files.user);
        }
        let case = cluster.replace(ca, "CA");
        files.assert_reached(&case, CONFIG, *expected).await;
    }
}

#[tokio::test]
async fn users_are_read_alike() {
    let files = Files::new().await;
    let Files {
        token, user: admin, ..
    } = &files;
    let certificate = "client-certificate: pki/tls.crt";
    let plugins = (plugin(token), plugin("wrong"));
    let cases = [
        (format!("token: {token}"), true),
        ("tokenFile: token".to_owned(), true),
        ("token: wrong, tokenFile: token".to_owned(), true),
        (format!("token: {token}, tokenFile: missing"), true),
        ("tokenFile: missing".to_owned(), false),
        ("token: wrong".to_owned(), false),
        (format!("token: {token}, username: a, password: b"), false),
        (format!("{certificate}, client-key: pki/tls.key"), true),
        (certificate.to_owned(), false),
        (format!("{certificate}, client-key: pki/ca.crt"), false),
        (plugins.0, true),
        (format!("token: {token}, {}", plugins.1), true),
        (plugins.1, false),
        (format!("{admin}, as: job-reader"), true),
        (format!("{admin}, as: nobody"), false),
        (
            format!("{admin}, as: nobody, as-groups: [a, 'system:masters']"),
            true,
        ),
        (
            format!("{admin}, as: job-reader, as-user-extra: {{some/key: [a, b]}}"),
            true,
        ),
        (format!("{admin}, as-groups: [system:masters]"), false),
        (format!("token: {token}, as: admin"), false),
    ];
    for (user, expected) in &cases {
        files.write_config(&files.cluster, user);
        let case = user.replace(admin, "ADMIN").replace(token, "TOKEN");
        files.assert_reached(&case, CONFIG, *expected).await;
    }
}

/// A user with an exec plugin that returns this token.
fn plugin(token: &str) -> String {
    let credential = format!(
        r#"{{"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": {{"token": "{token}"}}}}"#
    );
    format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1beta1, interactiveMode: Never, command: echo, args: ['{credential}']}}"
    )
}

/// A proxy where nothing listens, so that the API is reached only without it.
#[tokio::test]
async fn the_same_proxies_are_used() {
    let files = Files::new().await;
    // The kernel connects 0.0.0.0 to this machine, but it is no loopback address.
    let not_loopback = format!(
        "server: 'https://0.0.0.0:{}', tls-server-name: localhost, ",
        files.port
    );
    let loopback = format!("server: '{}', ", files.server);
    for (name, server, more) in [
        ("direct", &not_loopback, ""),
        ("loopback", &loopback, ""),
        ("own-proxy", &loopback, ", proxy-url: 'http://127.0.0.1:1'"),
        (
            "own-socks",
            &loopback,
            ", proxy-url: 'socks5://127.0.0.1:1'",
        ),
        ("own-invalid", &loopback, ", proxy-url: 'ftp://127.0.0.1:1'"),
    ] {
        files.write_kubeconfig(
            name,
            "x",
            &format!("{server}{}{more}", files.cluster),
            &files.user,
        );
    }
    let cases: &[(Variables, bool)] = &[
        (&[("KUBECONFIG", "direct")], true),
        (&[("KUBECONFIG", "direct"), ("HTTPS_PROXY", "")], true),
        (
            &[
                ("KUBECONFIG", "direct"),
                ("HTTPS_PROXY", "http://127.0.0.1:1"),
            ],
            false,
        ),
        (
            &[("KUBECONFIG", "direct"), ("https_proxy", "127.0.0.1:1")],
            false,
        ),
        (
            &[
                ("KUBECONFIG", "direct"),
                ("HTTPS_PROXY", "https://127.0.0.1:1"),
            ],
            false,
        ),
        (
            &[
                ("KUBECONFIG", "direct"),
                ("HTTPS_PROXY", "socks5://127.0.0.1:1"),
            ],
            false,
        ),
        (
            &[
                ("KUBECONFIG", "direct"),
                ("HTTP_PROXY", "http://127.0.0.1:1"),
            ],
            true,
        ),
        (
            &[
                ("KUBECONFIG", "direct"),
                ("ALL_PROXY", "http://127.0.0.1:1"),
            ],
            true,
        ),
        (
            &[
                ("KUBECONFIG", "loopback"),
                ("HTTPS_PROXY", "http://127.0.0.1:1"),
            ],
            true,
        ),
        (&[("KUBECONFIG", "own-proxy")], false),
        (&[("KUBECONFIG", "own-proxy"), ("NO_PROXY", "*")], false),
        (&[("KUBECONFIG", "own-socks")], false),
        (&[("KUBECONFIG", "own-invalid")], false),
        (&NO_PROXY[0], false),
        (&NO_PROXY[1], true),
        (&NO_PROXY[2], true),
        (&NO_PROXY[3], true),
        (&NO_PROXY[4], false),
        (&NO_PROXY[5], true),
        (&NO_PROXY[6], false),
        (&NO_PROXY[7], false),
        (&NO_PROXY[8], true),
    ];
    for (variables, expected) in cases {
        files
            .assert_reached(&format!("{variables:?}"), variables, *expected)
            .await;
    }
}

/// A proxy for all but these hosts.
const fn except(hosts: &'static str) -> [(&'static str, &'static str); 3] {
    [
        ("KUBECONFIG", "direct"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ("NO_PROXY", hosts),
    ]
}

static NO_PROXY: [[(&str, &str); 3]; 9] = [
    except(" , "),
    except("*"),
    except("other.example, 0.0.0.0,"),
    except("0.0.0.0:$PORT"),
    except("0.0.0.0:1"),
    except("10.0.0.0/8,0.0.0.0/8"),
    except("10.0.0.0/8"),
    except("127.0.0.1"),
    except(".example,,*"),
];
