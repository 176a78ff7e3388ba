//! Binding, and the pages that the tests of this stage show.

use bytes::Bytes;
use parking_lot::Mutex;

use crate::{
    config::Pattern,
    metrics::{Format, UnknownFamily},
    server::readiness::State,
};

use super::{pages::Chunks, *};

/// Makes the chunks of a scrape.
type Scrape = dyn Fn(Format) -> Chunks + Send + Sync;

/// Pages of a test's own.
pub(super) struct TestPages {
    pub(super) scrape: Box<Scrape>,
    pub(super) readiness: Mutex<State>,
}

impl TestPages {
    /// A scrape says its format.
    pub(super) fn new() -> Self {
        Self::scraping(|format| Box::new([Bytes::from(format!("{format:?}"))].into_iter()))
    }

    pub(super) fn scraping(
        scrape: impl Fn(Format) -> Box<dyn Iterator<Item = Bytes> + Send> + Send + Sync + 'static,
    ) -> Self {
        Self {
            scrape: Box::new(scrape),
            readiness: Mutex::new(State::Ready),
        }
    }
}

impl Pages for TestPages {
    fn metrics(&self, format: Format, families: &[Pattern]) -> Result<Chunks, UnknownFamily> {
        match families.iter().find(|family| family.as_str() == "unknown") {
            Some(family) => Err(UnknownFamily(family.to_string())),
            None => Ok((self.scrape)(format)),
        }
    }

    fn readiness(&self) -> State {
        self.readiness.lock().clone()
    }

    fn targets(&self) -> Vec<TargetLine> {
        Vec::new()
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_with_a_way_out() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let first = Server::bind(&[any]).await.expect("a free port");
    let taken = first.local_addrs()[0];
    let error = Server::bind(&[any, taken]).await.expect_err("taken");
    assert_eq!(
        error.to_string(),
        format!("bind {taken}: address already in use")
    );
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("--web.listen-address"), "{hint}");
}

#[tokio::test]
async fn an_address_of_another_machine_is_explained() {
    // From the range reserved for documentation: nobody has it.
    let foreign = SocketAddr::from(([192, 0, 2, 1], 0));
    let error = Server::bind(&[foreign]).await.expect_err("not ours");
    assert_eq!(error.to_string(), "bind 192.0.2.1:0");
    assert!(std::error::Error::source(&error).is_some());
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("0.0.0.0"), "{hint}");
}

#[test]
fn without_ipv6_all_interfaces_are_those_of_ipv4() {
    let (unsupported, unavailable, taken) = (97, 99, 98);
    let instead = |address: &str, error| {
        let error = io::Error::from_raw_os_error(error);
        without_ipv6(address.parse().expect("an address"), &error)
            .map(|address| address.to_string())
    };
    for error in [unsupported, unavailable] {
        assert_eq!(instead("[::]:9806", error).as_deref(), Some("0.0.0.0:9806"));
        assert_eq!(instead("[::1]:9806", error), None);
        assert_eq!(instead("192.0.2.1:9806", error), None);
    }
    assert_eq!(instead("[::]:9806", taken), None);
}
