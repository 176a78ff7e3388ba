//! What was asked of the gateway: when, by whom, and how it was answered.
//!
//! [`super::server`] writes it; tests read it through [`super::Gateway`]. Nothing in here is a secret: tokens and signatures are not kept.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::Service;

/// How many visits are remembered.
const REMEMBERED: usize = 100_000;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// When it arrived.
    pub at: Instant,
    /// At which service.
    pub service: Service,
    /// HTTP method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
    /// Query, without the question mark; empty when there is none.
    pub query: String,
    /// Who it was, as far as the service found out.
    pub credential: Credential,
    /// The status of the answer.
    pub status: u16,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credential {
    /// Nobody that is known.
    #[default]
    None,
    /// The holder of a token: the name of its user, or of the agency.
    Token(String),
    /// The holder of this access key.
    AccessKey(String),
}

/// The visits so far, oldest first.
#[derive(Debug, Default)]
pub(super) struct RequestLog {
    visits: VecDeque<Visit>,
}

// === impl Journal ===

impl RequestLog {
    pub(super) fn note(&mut self, visit: Visit) {
        if self.visits.len() == REMEMBERED {
            self.visits.pop_front();
        }
        self.visits.push_back(visit);
    }

    pub(super) fn visits(&self) -> impl Iterator<Item = &Visit> {
        self.visits.iter()
    }

    pub(super) fn clear(&mut self) {
        self.visits.clear();
    }

    /// How many of the `counted` visits arrived within one second at most, wherever that second begins.
    pub(super) fn most_in_any_second(&self, counted: impl Fn(&Visit) -> bool) -> usize {
        let visits = self.visits.iter().filter(|visit| counted(visit));
        let mut times: Vec<Instant> = visits.map(|visit| visit.at).collect();
        // A visit is noted when it is answered: a slow one comes after those that overtook it.
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

    fn journal(milliseconds: &[u64]) -> RequestLog {
        let start = Instant::now();
        let mut journal = RequestLog::default();
        for &after in milliseconds {
            journal.note(Visit {
                at: start + Duration::from_millis(after),
                service: Service::Cci,
                method: "GET".to_owned(),
                path: format!("/{}", after % 2),
                query: String::new(),
                credential: Credential::None,
                status: 200,
            });
        }
        journal
    }

    #[test]
    fn seconds_begin_anywhere_and_end_before_the_next() {
        for (times, most) in [
            (&[][..], 0),
            (&[0], 1),
            (&[0, 1_000], 1),
            (&[0, 999], 2),
            (&[900, 950, 1_100, 1_899, 1_950], 4),
            (&[1_100, 0, 500], 2),
        ] {
            assert_eq!(
                journal(times).most_in_any_second(|_| true),
                most,
                "{times:?}"
            );
        }
    }

    #[test]
    fn only_what_is_asked_for_counts() {
        let journal = journal(&[0, 1, 2, 3, 5]);
        assert_eq!(journal.most_in_any_second(|visit| visit.path == "/1"), 3);
    }
}
