//! Unix sockets, their files, and the port of probes.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
};

use job_status_exporter::{
    config::{ListenAddress, RateLimitConfig},
    server::{Access, AccessHandle, AccessSettings, BindError, Server},
};
use tempfile::TempDir;
use tokio::net::UnixStream;

use super::{
    client::{Client, run},
    *,
};

/// A directory, and the path of a socket in it.
fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("exporter.sock");
    (directory, path)
}

fn unix(path: &Path) -> ListenAddress {
    ListenAddress::Unix(path.to_owned())
}

fn any_port() -> ListenAddress {
    ListenAddress::Tcp(([127, 0, 0, 1], 0).into())
}

async fn bind(path: &Path) -> Result<Server, BindError> {
    Server::bind(&[unix(path)]).await
}

fn serve(server: Server) -> RunningServer {
    run(server, TestData::new(scrape), ServerSettings::default())
}

async fn connect(path: &Path) -> Client<UnixStream> {
    Client::new(UnixStream::connect(path).await.expect("a connection"))
}

async fn get(path: &Path, page: &str) -> client::Response {
    let mut client = connect(path).await;
    client.send(request("GET", page)).await;
    client.response("GET").await
}

#[tokio::test]
async fn a_unix_socket_serves_what_a_port_serves_and_its_file_leaves_at_the_end() {
    let (_directory, path) = directory();
    let server = Server::bind(&[unix(&path), any_port()]).await.unwrap();
    assert_eq!(server.local_addrs()[0], unix(&path));
    let mut server = serve(server);
    assert!(get(&path, "/metrics").await.body == whole_scrape());
    assert!(server.get("/metrics").await.body == whole_scrape());
    let mut open = connect(&path).await;
    open.send(request("GET", "/livez")).await;
    assert_eq!(open.response("GET").await.status, 200);
    server.start_shutdown();
    assert_eq!(open.rest().await, b"");
    server.end().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn the_file_of_a_process_that_was_killed_is_replaced() {
    let (_directory, path) = directory();
    // Like a process that was killed, this leaves the file.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let _server = serve(bind(&path).await.unwrap());
    assert_eq!(get(&path, "/livez").await.status, 200);
}

#[tokio::test]
async fn a_socket_that_a_process_listens_on_is_in_use() {
    let (_directory, path) = directory();
    let server = serve(bind(&path).await.unwrap());
    let error = bind(&path).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("bind unix:{}: address already in use", path.display())
    );
    assert!(error.hint().is_some());
    assert_eq!(get(&path, "/livez").await.status, 200);
    drop(server);
}

#[tokio::test]
async fn a_busy_socket_is_in_use_although_it_accepts_no_connection() {
    let (_directory, path) = directory();
    let address = socket2::SockAddr::unix(&path).unwrap();
    let new = || {
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    };
    let listener = new();
    listener.bind(&address).unwrap();
    listener.listen(0).unwrap();
    let mut waiting = Vec::new();
    let full = loop {
        let client = new();
        match client.connect(&address) {
            Ok(()) => waiting.push(client),
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    assert!(matches!(bind(&path).await, Err(BindError::InUse(_))));
    assert!(path.exists());
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let (directory, path) = directory();
    let other = directory.path().join("other.sock");
    drop(UnixListener::bind(&other).unwrap());
    let prepare: [&dyn Fn(); 3] = [
        &|| fs::write(&path, "precious").unwrap(),
        &|| fs::create_dir(&path).unwrap(),
        // Even if it leads to a socket that nobody listens on.
        &|| std::os::unix::fs::symlink(&other, &path).unwrap(),
    ];
    for (number, prepare) in prepare.iter().enumerate() {
        prepare();
        let error = bind(&path).await.unwrap_err();
        let expected = format!(
            "bind unix:{}: there is a file that is not a socket",
            path.display()
        );
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().is_some());
        fs::rename(&path, directory.path().join(number.to_string())).expect("it is still there");
    }
    let kept = fs::read_to_string(directory.path().join("0")).unwrap();
    assert_eq!(kept, "precious");
    assert!(other.exists());
}

#[tokio::test]
async fn a_file_that_another_process_put_there_stays() {
    let (_directory, path) = directory();
    let mut server = serve(bind(&path).await.unwrap());
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    server.start_shutdown();
    server.end().await;
    assert!(path.exists());
}

#[tokio::test]
async fn no_file_stays_if_another_address_cannot_be_bound() {
    let (_directory, path) = directory();
    let bound = Server::bind(&[any_port()]).await.unwrap();
    let in_use = bound.local_addrs()[0].clone();
    assert!(Server::bind(&[unix(&path), in_use.clone()]).await.is_err());
    assert!(!path.exists());
    let server = bind(&path).await.unwrap();
    assert!(server.with_probes(&in_use).await.is_err());
    assert!(!path.exists());
}

#[tokio::test]
async fn a_socket_in_a_missing_directory_is_an_error_with_a_hint() {
    let (directory, _) = directory();
    let error = bind(&directory.path().join("absent/x.sock")).await;
    let error = error.unwrap_err();
    assert_eq!(error.hint(), Some("create the directory of the socket"));
}

/// A server with a probe port, and the address of that.
async fn with_probes(data: TestData, settings: ServerSettings) -> (RunningServer, SocketAddr) {
    let server = Server::bind(&[any_port()]).await.unwrap();
    let server = server.with_probes(&any_port()).await.unwrap();
    let probes = server.probe_addr().and_then(ListenAddress::tcp).unwrap();
    (run(server, data, settings), probes)
}

/// The status and text of a page.
async fn page(client: &mut Client, method: &str, path: &str) -> (u16, String) {
    client.send(request(method, path)).await;
    let response = client.response(method).await;
    (response.status, response.text().to_owned())
}

#[tokio::test]
async fn the_probe_port_serves_probes_alone_and_asks_for_no_login() {
    let locked = AccessSettings {
        users: [("alice".to_owned(), HASH.into())].into(),
        headers: vec![("X-Frame-Options", "deny".to_owned())],
        rate_limit: Some(RateLimitConfig {
            interval: Duration::from_hours(1),
            burst: 1,
        }),
        authenticate_probes: true,
        ..AccessSettings::default()
    };
    let settings = ServerSettings {
        access: AccessHandle::new(Access::new(&locked).unwrap()),
        ..ServerSettings::default()
    };
    let (server, probes) = with_probes(TestData::new(scrape), settings).await;
    let mut probes = Client::connect(probes).await;
    assert_eq!(server.get("/livez").await.status, 401);
    for _ in 0..3 {
        let ready = page(&mut probes, "GET", "/readyz").await;
        assert_eq!(ready, (200, "ready\n".to_owned()));
        let live = page(&mut probes, "GET", "/livez").await;
        assert_eq!(live, (200, "ok\n".to_owned()));
    }
    for path in ["/metrics", "/", "/-/reload"] {
        let (status, text) = page(&mut probes, "GET", path).await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(
            text,
            "not found: this port serves /livez and /readyz only\n"
        );
    }
    assert_eq!(page(&mut probes, "POST", "/livez").await.0, 405);
}

/// The bcrypt hash of `demo`.
const HASH: &str = "$2b$10$abcdefghijklmnopqrstuu3XEy7sAuqf0awFQrE8Rakk7J.cSBot2";

#[tokio::test]
async fn a_main_port_that_is_full_delays_no_probe() {
    let settings = ServerSettings {
        max_connections: 1,
        ..ServerSettings::default()
    };
    let (server, probes) = with_probes(large(&Arc::default()), settings).await;
    let mut scraper = server.connect().await;
    scraper.send(request("GET", "/metrics")).await;
    assert_eq!(scraper.head().await.0, 200);
    assert_eq!(server.get("/metrics").await.status, 503);
    let mut probes = Client::connect(probes).await;
    assert_eq!(page(&mut probes, "GET", "/readyz").await.0, 200);
}

#[tokio::test]
async fn a_probe_port_that_is_full_takes_nothing_from_the_main_port() {
    let settings = ServerSettings {
        max_connections: 1,
        ..ServerSettings::default()
    };
    let (server, probes) = with_probes(TestData::new(scrape), settings).await;
    let mut idle = server.connect().await;
    idle.send(request("GET", "/livez")).await;
    assert_eq!(idle.response("GET").await.status, 200);
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(Client::connect(probes).await);
    }
    // The oldest give way, so a probe gets its response.
    let mut probe = Client::connect(probes).await;
    assert_eq!(page(&mut probe, "GET", "/livez").await.0, 200);
    assert_eq!(silent[0].rest().await, b"");
    // An idle connection of the main port would give way too.
    idle.send(request("GET", "/livez")).await;
    assert_eq!(idle.response("GET").await.status, 200);
}

#[tokio::test]
async fn both_ports_close_at_shutdown_and_complete_what_is_open() {
    let data = TestData::new(scrape);
    let (mut server, probes) = with_probes(data, ServerSettings::default()).await;
    let ports = [server.addresses[0], probes];
    let mut open = Vec::new();
    for port in ports {
        let mut client = Client::connect(port).await;
        client.send("GET /readyz HTTP/1.1\r\n").await;
        open.push(client);
        // Connections are accepted in order: the one before has left the backlog.
        let mut later = Client::connect(port).await;
        assert_eq!(page(&mut later, "GET", "/livez").await.0, 200);
    }
    server.start_shutdown();
    for mut client in open {
        client.send("Host: exporter\r\n\r\n").await;
        assert_eq!(client.response("GET").await.status, 200);
        assert_eq!(client.rest().await, b"");
    }
    server.end().await;
    for port in ports {
        assert!(TcpStream::connect(port).await.is_err(), "{port}");
    }
}
