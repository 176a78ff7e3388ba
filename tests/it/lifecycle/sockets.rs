//! Sockets of the process: unix sockets, those that systemd passes, and the port of probes.

use std::{
    net::{SocketAddr, TcpListener, UdpSocket},
    os::{
        fd::OwnedFd,
        unix::net::{UnixDatagram, UnixListener},
    },
    path::Path,
};

use tokio::net::UnixStream;

use super::{Cluster, SYNCED, Setup};
use crate::server::client::{Client, Response, request};

/// Announces two sockets to the process.
const ANNOUNCED: &str = "export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=a:b";

fn setup(cluster: &Cluster, web: &str) -> Setup {
    let config = format!("web: {{{web}}}\ntargets: [{{kubernetes: {{kubeconfig: kubeconfig}}}}]\n");
    Setup::new()
        .kubeconfig("kubeconfig", &cluster.url(), "{}")
        .config(&config)
        .argument("--log.format=json")
}

/// A page of a unix socket.
async fn get(path: &Path, page: &str) -> Response {
    let stream = UnixStream::connect(path).await.expect("a connection");
    let mut client = Client::new(stream);
    client.send(request("GET", page)).await;
    client.response("GET").await
}

/// A TCP and a unix listener, and where they listen.
fn listeners(directory: &Path) -> ([OwnedFd; 2], SocketAddr, std::path::PathBuf) {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, path) = (tcp.local_addr().unwrap(), directory.join("passed.sock"));
    let unix = UnixListener::bind(&path).unwrap();
    ([tcp.into(), unix.into()], address, path)
}

#[tokio::test]
async fn a_unix_socket_beside_the_configuration_is_served_and_removed() {
    let cluster = Cluster::start().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("exporter.sock");
    let web = format!("listen_address: \"unix:{}\"", path.display());
    let mut exporter = setup(&cluster, &web).spawn();
    let line = exporter.logged("listening").await;
    assert_eq!(line.text("address"), format!("unix:{}", path.display()));
    exporter.logged(SYNCED).await;
    assert_eq!(get(&path, "/readyz").await.status, 200);
    exporter.signal(&["TERM"]);
    assert_eq!(exporter.exit().await.status.code(), Some(0));
    assert!(!path.exists());
}

#[tokio::test]
async fn an_exporter_that_was_killed_can_start_again_on_its_unix_socket() {
    let cluster = Cluster::start().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("exporter.sock");
    let flag = format!("--web.listen-address=unix:{}", path.display());
    let start = || setup(&cluster, "").argument(&flag).spawn();
    let mut killed = start();
    killed.logged("listening").await;
    killed.signal(&["KILL"]);
    killed.exit().await;
    assert!(path.exists());
    let mut second = start();
    second.logged("listening").await;
    assert_eq!(get(&path, "/livez").await.status, 200);
    let third = start().exit().await;
    assert_eq!(third.status.code(), Some(1));
    let expected = format!("bind unix:{}: address already in use", path.display());
    assert_eq!(third.lines().last().unwrap().text("message"), expected);
    assert_eq!(get(&path, "/livez").await.status, 200);
}

#[tokio::test]
async fn the_sockets_of_systemd_are_served_and_their_files_stay() {
    let cluster = Cluster::start().await;
    let directory = tempfile::tempdir().unwrap();
    let (sockets, address, path) = listeners(directory.path());
    let setup = setup(&cluster, "").argument("--web.systemd-socket");
    let mut exporter = setup.sockets(sockets, ANNOUNCED).spawn();
    let expected = [
        format!("http://{address}"),
        format!("unix:{}", path.display()),
    ];
    for expected in expected {
        assert_eq!(exporter.logged("listening").await.text("address"), expected);
    }
    exporter.address = address;
    exporter.logged(SYNCED).await;
    assert_eq!(exporter.get("/readyz").await.status, 200);
    assert_eq!(get(&path, "/readyz").await.status, 200);
    exporter.signal(&["TERM"]);
    assert_eq!(exporter.exit().await.status.code(), Some(0));
    assert!(path.exists(), "systemd owns it");
}

#[tokio::test]
async fn plugins_inherit_no_sockets_of_systemd() {
    let directory = tempfile::tempdir().unwrap();
    let (sockets, ..) = listeners(directory.path());
    let seen = directory.path().join("seen");
    let script = format!(
        "(env; ls -l /proc/self/fd) > {seen}.new; mv {seen}.new {seen}; exit 1",
        seen = seen.display()
    );
    let script = serde_json::to_string(&script).unwrap();
    let user = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, command: sh, args: [-c, {script}]}}}}"
    );
    let cluster = Cluster::start().await;
    let mut exporter = setup(&cluster, "systemd_socket: true")
        .kubeconfig("kubeconfig", &cluster.url(), &user)
        .sockets(sockets, ANNOUNCED)
        .spawn();
    exporter.logged("target is down").await;
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.contains("HOME=") && seen.contains(" -> "), "{seen}");
    assert!(!seen.contains("LISTEN_"), "{seen}");
    assert!(!seen.contains("socket:"), "{seen}");
}

#[tokio::test]
async fn sockets_that_cannot_be_used_are_an_error_with_a_hint() {
    let cluster = Cluster::start().await;
    let directory = tempfile::tempdir().unwrap();
    let connected = || {
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        OwnedFd::from(socket)
    };
    let tcp = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
    let udp = || OwnedFd::from(UdpSocket::bind("127.0.0.1:0").unwrap());
    let datagram = || {
        let path = directory.path().join("datagram");
        OwnedFd::from(UnixDatagram::bind(path).unwrap())
    };
    for (second, announcement, expected) in [
        (
            tcp(),
            ":",
            "systemd passed no sockets: LISTEN_PID is not set",
        ),
        (
            tcp(),
            "export LISTEN_PID=$$ LISTEN_FDS=0",
            "systemd passed no sockets: LISTEN_FDS is 0",
        ),
        (
            tcp(),
            "export LISTEN_PID=1 LISTEN_FDS=2",
            "the sockets of systemd are for process 1, and this is process ",
        ),
        (
            udp(),
            ANNOUNCED,
            "file descriptor 4 of systemd is no TCP socket and no unix stream socket",
        ),
        (
            datagram(),
            ANNOUNCED,
            "file descriptor 4 of systemd is no TCP socket and no unix stream socket",
        ),
        (
            connected(),
            ANNOUNCED,
            "file descriptor 4 of systemd does not listen",
        ),
    ] {
        let setup = setup(&cluster, "systemd_socket: true");
        let exporter = setup.sockets([tcp(), second], announcement).spawn();
        let exited = exporter.exit().await;
        assert_eq!(exited.status.code(), Some(1), "{expected}");
        let lines = exited.lines();
        let last = lines.last().unwrap();
        assert!(last.text("message").starts_with(expected), "{last:?}");
        assert!(!last.text("hint").is_empty(), "{last:?}");
    }
}

#[tokio::test]
async fn sockets_of_systemd_that_are_not_asked_for_cause_a_warning() {
    let cluster = Cluster::start().await;
    let directory = tempfile::tempdir().unwrap();
    let (sockets, ..) = listeners(directory.path());
    let setup = setup(&cluster, "listen_address: \"127.0.0.1:0\"");
    let mut exporter = setup.sockets(sockets, ANNOUNCED).spawn();
    let message = "the sockets that systemd passed are not used: set `web.systemd_socket: true`";
    assert_eq!(exporter.logged(message).await.text("level"), "WARN");
}

#[tokio::test]
async fn the_probe_port_is_not_ready_once_the_shutdown_began() {
    let cluster = Cluster::start().await;
    let web = "listen_address: \"127.0.0.1:0\", probe_listen_address: \"127.0.0.1:0\"";
    let mut exporter = setup(&cluster, web).spawn();
    let line = exporter.logged("listening for probes").await;
    let (_, address) = line.text("address").split_once("http://").unwrap();
    exporter.address = address.parse().unwrap();
    exporter.logged(SYNCED).await;
    assert_eq!(exporter.get("/metrics").await.status, 404);
    assert_eq!(exporter.get("/readyz").await.status, 200);
    let mut probe = exporter.connect().await;
    probe.send("GET /readyz HTTP/1.1\r\n").await;
    // Connections are accepted in order: the one before has left the backlog.
    assert_eq!(exporter.get("/livez").await.status, 200);
    exporter.signal(&["TERM"]);
    exporter.logged("shutting down").await;
    probe.send("Host: exporter\r\n\r\n").await;
    let response = probe.response("GET").await;
    assert_eq!((response.status, response.text()), (503, "shutting down\n"));
    assert_eq!(exporter.exit().await.status.code(), Some(0));
}

#[cfg(feature = "demo")]
#[test]
fn the_demo_needs_an_address_that_a_browser_can_open() {
    let setup = Setup::new()
        .argument("demo")
        .argument("--web.listen-address=unix:demo.sock");
    let output = setup.run();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let expected = "error: the demo listens on TCP addresses only, and not on unix sockets\nhint: ";
    assert!(stderr.contains(expected), "{stderr}");
}
