//! Connections to a TLS server on this machine: directly, and through each kind of proxy.

use http_body_util::BodyExt as _;
use rcgen::CertificateParams;
use tokio::net::TcpListener;

use tower::ServiceExt as _;

use super::*;
use crate::client::testing::{Authority, TlsServer, params, proxy, server_config};

/// A server whose certificate is for `api.example`, and a configuration that trusts its authority.
async fn server() -> (Authority, TlsServer, Config) {
    let authority = Authority::new();
    let identity = authority.issue(&params());
    let server = TlsServer::start(server_config(&identity, None), "it works").await;
    let port = server.address.port();
    let mut config = Config::new(format!("https://api.example:{port}").parse().unwrap());
    config.root_cert = Some(vec![authority.certificate.clone()]);
    (authority, server, config)
}

async fn get(config: &Config, proxy: Option<&Proxy>) -> Result<String, String> {
    let service = http_service(config, proxy, &ConnectSettings::default())
        .map_err(|failure| failure.to_string())?;
    let request = http::Request::get(&config.cluster_url).body(Body::empty());
    let response = service.oneshot(request.unwrap()).await;
    let response = response.map_err(|error| crate::client::error::describe(&*error))?;
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn an_api_is_reached_through_http_and_https_proxies() {
    let (authority, server, config) = server().await;
    let own = authority.issue(&CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap());
    for protocol in [Protocol::Http, Protocol::Https] {
        let tls = (protocol == Protocol::Https).then(|| server_config(&own, None).into());
        let (url, mut seen) = proxy(protocol, server.address, tls).await;
        let proxy = Proxy::parse(&url, "test").unwrap();
        assert_eq!(get(&config, Some(&proxy)).await.as_deref(), Ok("it works"));
        let head = seen.join_next().await.unwrap().unwrap();
        let port = server.address.port();
        assert!(
            head.starts_with(&format!("CONNECT api.example:{port} HTTP/1.1\r\n")),
            "{head}"
        );
        // us@er:pass
        assert!(
            head.to_lowercase()
                .contains("proxy-authorization: basic dxnazxi6cgfzcw=="),
            "{head}"
        );
    }
}

#[tokio::test]
async fn a_socks_proxy_resolves_the_name_of_the_api() {
    let (_, server, config) = server().await;
    let (url, mut seen) = proxy(Protocol::Socks5, server.address, None).await;
    let proxy = Proxy::parse(&url, "test").unwrap();
    assert_eq!(get(&config, Some(&proxy)).await.as_deref(), Ok("it works"));
    let seen = seen.join_next().await.unwrap().unwrap();
    let port = server.address.port();
    assert_eq!(seen, format!("us@er pass api.example:{port}"));
}

#[tokio::test]
async fn the_server_has_to_have_a_certificate_for_its_host_or_tls_server_name() {
    let (_, server, mut config) = server().await;
    config.cluster_url = format!("https://{}", server.address).parse().unwrap();
    let error = get(&config, None).await.unwrap_err();
    assert!(error.contains("not valid for name"), "{error}");
    config.tls_server_name = Some("api.example".to_owned());
    assert_eq!(get(&config, None).await.as_deref(), Ok("it works"));
    config.tls_server_name = Some("other.example".to_owned());
    assert!(get(&config, None).await.is_err());
    config.accept_invalid_certs = true;
    assert_eq!(get(&config, None).await.as_deref(), Ok("it works"));
    config.tls_server_name = Some("no name".to_owned());
    let error = get(&config, None).await.unwrap_err();
    assert!(
        error.contains("`tls-server-name` is not a host name"),
        "{error}"
    );
}

#[tokio::test]
async fn idle_connections_are_probed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stream = keep_alive().call(format!("http://{address}").parse().unwrap());
    let stream = stream.await.unwrap();
    let local = stream.inner().local_addr().unwrap().port();
    // Field 1 of a line is the local address, field 2 the remote one, field 5 the pending timer and when it is due; timer 2 is
    // keep-alive. Connections to other ports may have the same local one.
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let ends = [local, address.port()].map(|port| format!(":{port:04X}"));
    let mut lines = table.lines().map(|line| {
        let fields = line.split_whitespace();
        fields.collect::<Vec<_>>()
    });
    let line = lines.find(|line| line[1].ends_with(&ends[0]) && line[2].ends_with(&ends[1]));
    let timer = line.map(|line| line[5]);
    assert!(timer.unwrap().starts_with("02:"), "{timer:?}");
}
