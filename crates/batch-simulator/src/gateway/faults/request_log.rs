//! The recorded requests of all services. They contain no secrets: tokens and signatures are not recorded.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::gateway::{Credential, Service};

/// How many requests are recorded.
const RECORDED_REQUESTS: usize = 100_000;

/// A recorded request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayRequest {
    /// When it arrived.
    pub at: Instant,
    /// The service that got it.
    pub service: Service,
    /// HTTP method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query without the question mark. Empty if the request has none.
    pub query: String,
    /// The credential that the service accepted.
    pub credential: Credential,
    /// The status of the response.
    pub status: u16,
}

/// The requests in the order of their responses.
#[derive(Debug, Default)]
pub(super) struct RequestLog {
    requests: VecDeque<GatewayRequest>,
}

// === impl RequestLog ===

impl RequestLog {
    pub(super) fn push(&mut self, request: GatewayRequest) {
        if self.requests.len() == RECORDED_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &GatewayRequest> {
        self.requests.iter()
    }

    pub(super) fn clear(&mut self) {
        self.requests.clear();
    }

    /// The highest number of matching requests that arrived within one second, at any start of that second.
    pub(super) fn most_in_a_second(&self, matches: impl Fn(&GatewayRequest) -> bool) -> usize {
        let requests = self.requests.iter().filter(|request| matches(request));
        let mut times: Vec<Instant> = requests.map(|request| request.at).collect();
        // Requests are recorded at their response: a slow request comes after faster ones.
        times.sort();
        let mut first = 0;
        let mut most = 0;
        for (last, at) in times.iter().enumerate() {
            while *at - times[first] >= Duration::from_secs(1) {
                first += 1;
            }
            most = most.max(last + 1 - first);
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(milliseconds: &[u64]) -> RequestLog {
        let start = Instant::now();
        let mut log = RequestLog::default();
        for &after in milliseconds {
            log.push(GatewayRequest {
                at: start + Duration::from_millis(after),
                service: Service::Cci,
                method: "GET".to_owned(),
                path: format!("/{}", after % 2),
                query: String::new(),
                credential: Credential::None,
                status: 200,
            });
        }
        log
    }

    #[test]
    fn a_second_starts_at_any_request_and_excludes_its_end() {
        for (times, most) in [
            (&[][..], 0),
            (&[0], 1),
            (&[0, 1_000], 1),
            (&[0, 999], 2),
            (&[900, 950, 1_100, 1_899, 1_950], 4),
            (&[1_100, 0, 500], 2),
        ] {
            assert_eq!(log(times).most_in_a_second(|_| true), most, "{times:?}");
        }
    }

    #[test]
    fn only_matching_requests_count() {
        let log = log(&[0, 1, 2, 3, 5]);
        assert_eq!(log.most_in_a_second(|request| request.path == "/1"), 3);
    }
}
