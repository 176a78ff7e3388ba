//! TLS on unix sockets, and the port of probes beside TLS.

use job_status_exporter::{config::ListenAddress, server::Server};
use tokio::net::UnixStream;

use super::{
    super::client::{Client, run},
    *,
};

fn with_tls(tls: &TlsConfig) -> ServerSettings {
    ServerSettings {
        tls: Some(TlsHandle::new(prepare(tls, true))),
        ..ServerSettings::default()
    }
}

#[tokio::test]
async fn a_unix_socket_can_have_tls() {
    let side = ServerSide::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("exporter.sock");
    let server = Server::bind(&[ListenAddress::Unix(path.clone())]).await;
    let _server = run(server.unwrap(), TestData::new(scrape), with_tls(&side.tls));
    let stream = UnixStream::connect(&path).await.unwrap();
    let name = ServerName::try_from("exporter.example").unwrap();
    let connector = TlsConnector::from(Arc::new(side.client()));
    let mut client = Client::new(connector.connect(name, stream).await.unwrap());
    client.send(request("GET", "/metrics")).await;
    assert!(client.response("GET").await.body == whole_scrape());
    let mut plain = Client::new(UnixStream::connect(&path).await.unwrap());
    plain.send(request("GET", "/livez")).await;
    assert_eq!(plain.response("GET").await.status, 400);
}

#[tokio::test]
async fn the_kubelet_can_probe_where_client_certificates_are_required() {
    let mut side = ServerSide::new();
    side.tls.client_ca = Some(PemSource::Inline(Authority::new().pem().into()));
    side.tls.client_auth = ClientAuth::RequireAndVerify;
    let any = ListenAddress::Tcp(([127, 0, 0, 1], 0).into());
    let server = Server::bind(std::slice::from_ref(&any)).await.unwrap();
    let server = server.with_probes(&any).await.unwrap();
    let probes = server.probe_addr().and_then(ListenAddress::tcp).unwrap();
    let server = run(server, TestData::new(scrape), with_tls(&side.tls));
    let refused = try_livez(server.addresses[0], &side.client()).await;
    assert!(refused.is_err(), "{refused:?}");
    let mut client = Client::connect(probes).await;
    client.send(request("GET", "/livez")).await;
    assert_eq!(client.response("GET").await.status, 200);
}
