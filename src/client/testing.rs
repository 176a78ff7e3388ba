//! Certificates, and servers that speak a little HTTP, for tests of connections.

use std::{net::SocketAddr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{
        AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional,
    },
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::proxy::Protocol;

mod scripted;

pub(super) use scripted::{ScriptedServer, response};

/// A certificate in DER, and its key in PKCS #8.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
}

/// A certificate authority.
pub(super) struct Authority {
    pub(super) certificate: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// A server that responds to every request with this body. It stops when dropped.
pub(super) struct TlsServer {
    pub(super) address: SocketAddr,
    /// For new connections.
    pub(super) config: Arc<Mutex<Arc<ServerConfig>>>,
    _tasks: JoinSet<()>,
}

/// The settings of a certificate for the host `api.example`.
pub(super) fn params() -> CertificateParams {
    CertificateParams::new(vec!["api.example".to_owned()]).unwrap()
}

/// A PEM file.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

impl Identity {
    pub(super) fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: params.self_signed(&key).unwrap().der().to_vec(),
            key: key.serialize_der(),
        }
    }

    pub(super) fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    pub(super) fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: params.self_signed(&key).unwrap().der().to_vec(),
            issuer: Issuer::new(params, key),
        }
    }

    pub(super) fn issue(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            certificate: certificate.der().to_vec(),
            key: key.serialize_der(),
        }
    }
}

/// The settings of a server. With `clients`, a client needs a certificate of this authority.
pub(super) fn server_config(server: &Identity, clients: Option<&Authority>) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate.clone().into()).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots));
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let chain = vec![CertificateDer::from(server.certificate.clone())];
    let key = PrivateKeyDer::try_from(server.key.clone()).unwrap();
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

impl TlsServer {
    pub(super) async fn start(config: Arc<ServerConfig>, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Arc::new(Mutex::new(config));
        let current = config.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = TlsAcceptor::from(current.lock().clone());
                connections.spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let _ = respond(BufReader::new(stream), body).await;
                });
            }
        });
        Self {
            address,
            config,
            _tasks: tasks,
        }
    }
}

/// Responds to one request, and closes the connection.
async fn respond<S>(mut stream: BufReader<S>, body: &str) -> std::io::Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let length = body.len();
    let response =
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

/// Starts a proxy for one connection, and returns its URL. It connects to `upstream` whatever the client asks for; its task
/// returns what that was.
pub(super) async fn proxy(
    protocol: Protocol,
    upstream: SocketAddr,
    tls: Option<TlsAcceptor>,
) -> (String, JoinSet<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(upstream).await.unwrap();
        match (protocol, tls) {
            (Protocol::Socks5, _) => socks(client, server).await,
            (_, None) => tunnel_to(client, server).await,
            (_, Some(tls)) => tunnel_to(tls.accept(client).await.unwrap(), server).await,
        }
    });
    let scheme = match protocol {
        Protocol::Http => "http",
        Protocol::Https => "https",
        Protocol::Socks5 => "socks5",
    };
    (format!("{scheme}://us%40er:pass@{address}"), task)
}

/// Accepts a CONNECT request, and returns its head.
async fn tunnel_to<S>(client: S, mut server: TcpStream) -> String
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut client = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        client.read_line(&mut head).await.unwrap();
    }
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    client.flush().await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
    head
}

/// Accepts a SOCKS 5 connection with a password (RFC 1928 and 1929), and returns login and address.
async fn socks(mut client: TcpStream, mut server: TcpStream) -> String {
    let mut methods = [0; 2];
    client.read_exact(&mut methods).await.unwrap();
    client
        .read_exact(&mut vec![0; methods[1].into()])
        .await
        .unwrap();
    client.write_all(&[5, 2]).await.unwrap();
    client.read_u8().await.unwrap();
    let (user, password) = (text(&mut client).await, text(&mut client).await);
    client.write_all(&[1, 0]).await.unwrap();
    let mut head = [0; 4];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(head, [5, 1, 0, 3], "connect to a name");
    let host = text(&mut client).await;
    let port = client.read_u16().await.unwrap();
    let accepted = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    client.write_all(&accepted).await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
    format!("{user} {password} {host}:{port}")
}

/// A text with its length before it.
async fn text(client: &mut TcpStream) -> String {
    let mut text = vec![0; client.read_u8().await.unwrap().into()];
    client.read_exact(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}
