//! Tests of binding, and the data for tests of the server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::{
    config::Pattern,
    metrics::{Format, UnknownFamily},
    model::WorkloadId,
    server::readiness::State,
    status::PastRuns,
    store::Store,
};

use super::*;

type Scrape = dyn Fn(Format) -> Chunks + Send + Sync;

/// Page data with a configurable scrape, readiness, store, record and history.
pub(super) struct TestData {
    pub(super) scrape: Box<Scrape>,
    pub(super) readiness: Mutex<State>,
    pub(super) record: ExporterRecord,
    pub(super) past_runs: PastRuns,
    pub(super) store: Store,
}

impl TestData {
    /// A scrape returns the name of its format.
    pub(super) fn new() -> Self {
        Self::scraping(|format| Box::new([Bytes::from(format!("{format:?}"))].into_iter()))
    }

    pub(super) fn scraping(scrape: impl Fn(Format) -> Chunks + Send + Sync + 'static) -> Self {
        Self {
            scrape: Box::new(scrape),
            readiness: Mutex::new(State::Ready),
            record: ExporterRecord::new(LoadedConfig::default(), None),
            past_runs: PastRuns::NoHistory,
            store: Store::new(Vec::new()),
        }
    }

    /// The same with this store.
    pub(super) fn with_store(store: Store) -> Self {
        Self {
            store,
            ..Self::new()
        }
    }
}

impl PageData for TestData {
    fn scrape(&self, format: Format, families: &[Pattern]) -> Result<Chunks, UnknownFamily> {
        match families.iter().find(|family| family.as_str() == "unknown") {
            Some(family) => Err(UnknownFamily(family.to_string())),
            None => Ok((self.scrape)(format)),
        }
    }

    fn readiness(&self) -> State {
        self.readiness.lock().clone()
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn exporter(&self) -> ExporterFacts {
        self.record.facts()
    }

    fn past_runs(&self, _: Option<&str>, _: &WorkloadId) -> PastRuns {
        self.past_runs.clone()
    }
}

/// Any free port of loopback.
fn any_port() -> ListenAddress {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()
}

#[tokio::test]
async fn the_error_for_an_address_in_use_has_a_hint() {
    let any = any_port();
    let first = Server::bind(slice::from_ref(&any))
        .await
        .expect("a free port");
    let in_use = first.local_addrs()[0].clone();
    let error = Server::bind(&[any, in_use.clone()])
        .await
        .expect_err("in use");
    assert_eq!(
        error.to_string(),
        format!("bind {in_use}: address already in use")
    );
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("--web.listen-address"), "{hint}");
}

#[tokio::test]
async fn all_addresses_of_ipv4_and_ipv6_are_bound_together() {
    let free = Server::bind(&[any_port()]).await.expect("a free port");
    let port = free.local_addrs()[0].tcp().expect("a port").port();
    drop(free);
    let ipv4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let ipv6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    for addresses in [[ipv4, ipv6], [ipv6, ipv4]] {
        let configured = addresses.map(ListenAddress::Tcp);
        let server = Server::bind(&configured).await.expect("both are free");
        let has_ipv6 = std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        let expected: Vec<_> = addresses
            .into_iter()
            .filter(|address| has_ipv6 || address.is_ipv4())
            .collect();
        let bound: Vec<_> = server
            .local_addrs()
            .iter()
            .filter_map(ListenAddress::tcp)
            .collect();
        assert_eq!(bound, expected);
        for address in expected {
            let loopback: IpAddr = if address.is_ipv4() {
                Ipv4Addr::LOCALHOST.into()
            } else {
                Ipv6Addr::LOCALHOST.into()
            };
            let connected = std::net::TcpStream::connect((loopback, port));
            assert!(connected.is_ok(), "{address}");
        }
    }
}

#[tokio::test]
async fn the_error_for_a_foreign_address_has_a_hint() {
    // From TEST-NET-1, which no machine has.
    let foreign = SocketAddr::from(([192, 0, 2, 1], 0));
    let error = Server::bind(&[foreign.into()])
        .await
        .expect_err("not an address of this machine");
    assert_eq!(error.to_string(), "bind 192.0.2.1:0");
    assert!(std::error::Error::source(&error).is_some());
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("0.0.0.0"), "{hint}");
}
