//! Which format an API is asked for.
//!
//! API servers write Protocol Buffers faster than JSON, and they are read faster, so these are preferred for lists and watches. Every server may
//! answer with JSON instead. CCI documents JSON only and is never asked for anything else.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Api;
use crate::client::{BodyFormat, Endpoint, Error, Failure};

/// What one API is asked for.
#[derive(Debug)]
pub(super) struct Negotiation {
    /// Nothing else depends on it, so relaxed accesses do.
    json_only: AtomicBool,
}

impl Negotiation {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        Self {
            json_only: AtomicBool::new(matches!(endpoint, Endpoint::Cci(_))),
        }
    }

    fn wanted(&self) -> BodyFormat {
        if self.json_only.load(Ordering::Relaxed) {
            BodyFormat::Json
        } else {
            BodyFormat::Protobuf
        }
    }
}

impl Api {
    /// Runs a request in the preferred format. If the server refuses the format, it runs again, and from then on all are for JSON.
    pub(super) async fn negotiated<T, F>(&self, run: impl Fn(BodyFormat) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let wanted = self.negotiation.wanted();
        match run(wanted).await {
            Err(error) if wanted != BodyFormat::Json && is_refusal(&error) => {
                self.request_json(&error);
                run(BodyFormat::Json).await
            }
            outcome => outcome,
        }
    }

    /// Asks for JSON from now on, because of `error`.
    pub(crate) fn request_json(&self, error: &Error) {
        if !self.negotiation.json_only.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "no answer in protobuf: requesting JSON from now on");
        }
    }
}

/// The server has no such format: 406 is for `Accept`, and some proxies send 415.
fn is_refusal(error: &Error) -> bool {
    matches!(&error.failure, Failure::Status(status) if matches!(status.code, 406 | 415))
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        client::{
            Listing, Scope,
            testing::{ScriptedServer, response},
        },
        model::{ClientEvent, EventCounter, Resource},
    };

    struct Nobody;

    impl EventCounter for Nobody {
        fn count(&self, _: ClientEvent) {}
    }

    async fn read(api: &Api) -> Result<BodyFormat, Error> {
        let listing = Listing {
            resource: Resource::Jobs,
            scope: Scope::All,
            label_selector: None,
            field_selector: None,
            shard_selector: None,
        };
        let page = api.page(&listing, 500, None, Duration::from_secs(10)).await;
        page.map(|page| page.format)
    }

    /// The values of `Accept` for these responses, and the formats that were read.
    async fn requested(responses: &[(u16, &str)], pages: usize) -> Vec<String> {
        let script = responses
            .iter()
            .map(|(status, kind)| response(*status, &format!("Content-Type: {kind}\r\n"), "{}"));
        let server = ScriptedServer::new(script.collect());
        let address = format!("http://{}", server.address).parse().unwrap();
        let api = Api::new(Endpoint::Address(address), Arc::new(Nobody), None);
        for _ in 0..pages {
            assert_eq!(read(&api).await.unwrap(), BodyFormat::Json);
        }
        let requests = server.requests().into_iter();
        let accept = |head: String| {
            let (_, rest) = head.split_once("accept: ").unwrap();
            rest.split_once("\r\n").unwrap().0.to_owned()
        };
        requests.map(accept).collect()
    }

    const BOTH: &str = "application/vnd.kubernetes.protobuf, application/json";
    const JSON: &str = "application/json";

    #[tokio::test]
    async fn a_server_without_protobuf_answers_with_json() {
        let found = requested(&[(200, JSON), (200, JSON)], 2).await;
        assert_eq!(found, [BOTH, BOTH]);
    }

    #[tokio::test]
    async fn a_server_that_refuses_the_format_is_asked_for_json_from_then_on() {
        for refusal in [406, 415] {
            let found = requested(&[(refusal, "text/plain"), (200, JSON), (200, JSON)], 2).await;
            assert_eq!(found, [BOTH, JSON, JSON], "{refusal}");
        }
    }

    #[tokio::test]
    async fn other_errors_say_nothing_about_the_format() {
        let server = ScriptedServer::new(vec![response(404, "", ""), response(500, "", "")]);
        let address = format!("http://{}", server.address).parse().unwrap();
        let api = Api::new(Endpoint::Address(address), Arc::new(Nobody), None);
        for _ in 0..2 {
            assert!(read(&api).await.is_err());
        }
        for request in server.requests() {
            assert!(request.contains(BOTH), "{request}");
        }
    }
}
