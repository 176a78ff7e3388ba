//! A server with HTTP/2 whose responses do not end, as those of watches.

use std::convert::Infallible;

use futures_util::{future::join_all, stream};
use http_body_util::StreamBody as Stream;
use hyper::{server, service::service_fn as handler};
use hyper_util::rt::TokioIo;
use kube::Config;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::client::{
    budget::ConnectionBudget,
    connector::{ConnectSettings, HttpService, http_service},
    error::describe,
    testing::{Identity, params, server_config},
};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Starts a server that allows ten streams for each connection. Returns its address and the number of its connections.
async fn watch_server(tasks: &mut JoinSet<()>) -> (String, Arc<AtomicUsize>) {
    let identity = Identity::self_signed(&params());
    let mut tls = ServerConfig::clone(&server_config(&identity, None));
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let connections = count.clone();
    tasks.spawn(async move {
        let mut serving = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::Relaxed);
            let acceptor = acceptor.clone();
            serving.spawn(async move {
                let stream = acceptor.accept(stream).await.unwrap();
                let endless = handler(|_| async {
                    let body = stream::pending::<Result<Frame<Bytes>, Infallible>>();
                    Ok::<_, Infallible>(Response::new(Stream::new(body)))
                });
                let _ = server::conn::http2::Builder::new(TokioExecutor::new())
                    .max_concurrent_streams(10)
                    .serve_connection(TokioIo::new(stream), endless)
                    .await;
            });
        }
    });
    (address, count)
}

/// Opens watches at the same time.
async fn watches(
    service: &HttpService,
    address: &str,
    count: usize,
) -> Vec<Result<Response<StreamBody>, BoxError>> {
    let watch = |_| {
        let request = Request::get(address).body(Body::empty()).unwrap();
        service.clone().oneshot(request)
    };
    let all = join_all((0..count).map(watch));
    timeout(TIMEOUT, all).await.expect("no watch hangs")
}

#[tokio::test]
async fn watches_share_connections_and_none_has_more_streams_than_the_server_allows() {
    let mut tasks = JoinSet::new();
    let (address, connections) = watch_server(&mut tasks).await;
    let mut config = Config::new(address.parse().unwrap());
    config.accept_invalid_certs = true;
    let connect = ConnectSettings {
        http2: true,
        budget: ConnectionBudget::new(4),
    };
    let service = http_service(&config, None, &connect).unwrap();
    let forty = watches(&service, &address, 40).await;
    assert!(forty.iter().all(Result::is_ok));
    assert_eq!(connections.load(Ordering::Relaxed), 4);
    let more = watches(&service, &address, 1).await.pop().unwrap();
    let error = describe(&*more.err().unwrap());
    assert!(
        error.contains("no connection is free: all 4 that the limit of open files leaves for APIs"),
        "{error}"
    );
    // The streams of closed watches are free again.
    drop(forty);
    let forty = watches(&service, &address, 40).await;
    assert!(forty.iter().all(Result::is_ok));
    assert_eq!(connections.load(Ordering::Relaxed), 4);
}
