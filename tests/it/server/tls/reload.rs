//! New certificates while clients are connected.

use std::sync::atomic::AtomicBool;

use tokio::task::JoinSet;

use super::*;

/// The certificate that the server presents.
fn presented(stream: &TlsStream<TcpStream>) -> &[u8] {
    &stream.get_ref().1.peer_certificates().unwrap()[0]
}

#[tokio::test]
async fn new_handshakes_use_the_new_certificate_and_open_connections_go_on() {
    let side = ServerSide::new();
    let (server, handle) = start_with(&side.tls, true).await;
    let first = connect(server.addresses[0], &side.client()).await.unwrap();
    let first_certificate = presented(&first).to_vec();
    let mut first = client::Client::new(first);
    // Accepted before the change, and its handshake begins after it.
    let waiting = TcpStream::connect(server.addresses[0]).await.unwrap();

    let renewed = side.authority.issue(&server_params());
    handle.replace(prepare(&settings(&renewed), true));
    let name = ServerName::try_from("exporter.example").unwrap();
    let connector = TlsConnector::from(Arc::new(side.client()));
    let waiting = connector.connect(name, waiting).await.unwrap();
    assert_eq!(presented(&waiting), &renewed.chain[0][..]);
    assert_ne!(presented(&waiting), first_certificate);
    for _ in 0..2 {
        first.send(request("GET", "/metrics")).await;
        assert!(first.response("GET").await.body == whole_scrape());
    }
}

#[tokio::test]
async fn sessions_of_an_earlier_configuration_are_not_resumed() {
    let side = ServerSide::new();
    let (server, handle) = start_with(&side.tls, true).await;
    for version in BOTH_VERSIONS {
        let client = side.client_with(&[version], None);
        assert_eq!(try_livez(server.addresses[0], &client).await.unwrap(), 200);
        let renewed = side.authority.issue(&server_params());
        handle.replace(prepare(&settings(&renewed), true));
        let stream = connect(server.addresses[0], &client).await.unwrap();
        assert_eq!(presented(&stream), &renewed.chain[0][..]);
    }
}

#[tokio::test]
async fn no_scrape_fails_while_the_certificate_changes() {
    const CLIENTS: usize = 20;
    const ROTATIONS: usize = 30;
    let side = ServerSide::new();
    let (server, handle) = start_with(&side.tls, true).await;
    let done = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (config, done) = (side.client(), Arc::clone(&done));
        let address = server.addresses[0];
        clients.spawn(async move {
            let mut scrapes = 0;
            let mut client = None;
            while !done.load(Ordering::Relaxed) || scrapes == 0 {
                // Half of them connect for each scrape.
                let mut open = match client.take() {
                    Some(open) if number % 2 == 0 => open,
                    _ => client::Client::new(connect(address, &config).await.unwrap()),
                };
                open.send(request("GET", "/metrics")).await;
                let response = open.response("GET").await;
                assert_eq!(response.status, 200);
                assert!(response.body == whole_scrape());
                client = Some(open);
                scrapes += 1;
            }
            scrapes
        });
    }
    for _ in 0..ROTATIONS {
        let renewed = side.authority.issue(&server_params());
        handle.replace(prepare(&settings(&renewed), true));
        sleep(Duration::from_millis(20)).await;
    }
    done.store(true, Ordering::Relaxed);
    let scrapes = clients.join_all().await;
    assert!(scrapes.iter().all(|count| *count > 0), "{scrapes:?}");
}
