//! TLS over real sockets: who may connect, what client and server agree on, and changes while clients are connected.

use std::{io, net::SocketAddr};

use job_status_exporter::{
    config::{ClientAuth, PemSource, TlsConfig, TlsVersion},
    model,
    server::{PreparedTls, TlsHandle},
};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion, crypto::ring, pki_types::ServerName,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{client::TEST_TIMEOUT, *};

pub(crate) mod certificates;
mod client_auth;
mod faults;
mod http2;
mod ports;
mod protocols;
mod reload;

use certificates::{Authority, Identity, server_params};

const BOTH_VERSIONS: &[&SupportedProtocolVersion] = rustls::ALL_VERSIONS;
const LIVEZ: &str = "GET /livez HTTP/1.1\r\nHost: exporter\r\nConnection: close\r\n\r\n";

/// The authority of a server, and the settings of the server.
struct ServerSide {
    authority: Authority,
    tls: TlsConfig,
}

impl ServerSide {
    fn new() -> Self {
        let authority = Authority::new();
        let tls = settings(&authority.issue(&server_params()));
        Self { authority, tls }
    }

    async fn start(&self) -> RunningServer {
        start_with(&self.tls, true).await.0
    }

    /// A client that trusts the server.
    fn client(&self) -> ClientConfig {
        self.client_with(BOTH_VERSIONS, None)
    }

    fn client_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        identity: Option<&Identity>,
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.certificate.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        match identity {
            Some(identity) => builder
                .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
                .unwrap(),
            None => builder.with_no_client_auth(),
        }
    }
}

/// The settings of a server with this identity, and no others.
fn settings(identity: &Identity) -> TlsConfig {
    TlsConfig::new(
        PemSource::Inline(identity.chain_pem().into()),
        PemSource::Inline(identity.key_pem().into()),
    )
}

fn prepare(tls: &TlsConfig, http2: bool) -> PreparedTls {
    PreparedTls::new(tls, http2, model::now()).expect("valid settings")
}

async fn start_with(tls: &TlsConfig, http2: bool) -> (RunningServer, TlsHandle) {
    let handle = TlsHandle::new(prepare(tls, http2));
    let settings = ServerSettings {
        tls: Some(handle.clone()),
        ..ServerSettings::default()
    };
    (start(TestData::new(scrape), settings).await, handle)
}

/// Connects to the server as `exporter.example`.
async fn connect(address: SocketAddr, config: &ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("exporter.example").unwrap();
    let connector = TlsConnector::from(Arc::new(config.clone()));
    connector.connect(name, stream).await
}

/// The status of `/livez`, over a connection of its own. With TLS 1.3, a client learns from the response whether its
/// certificate was accepted.
async fn try_livez(address: SocketAddr, config: &ClientConfig) -> io::Result<u16> {
    let exchange = async {
        let mut stream = connect(address, config).await?;
        stream.write_all(LIVEZ.as_bytes()).await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        let status = response.split(' ').nth(1).map(str::parse);
        Ok(status.expect("a status line").expect("a number"))
    };
    tokio::time::timeout(TEST_TIMEOUT, exchange)
        .await
        .expect("an answer in time")
}
