//! Faults on demand: errors that are to be served, throttling, and services that are away.
//!
//! Set through [`super::Gateway`], asked by [`super::server`] before anything else happens to a request.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    Service,
    error::{ErrorBody, RetryAfter},
};

/// Whether a service can be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Availability {
    /// As it should be.
    #[default]
    Up,
    /// It answers every request with 503.
    Unavailable,
    /// Nobody listens: connections are cut, and new ones refused.
    Refusing,
}

/// A cap on the requests to CCI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// So many requests are let through …
    pub limit: usize,
    /// … in any stretch of time that is so long.
    pub window: Duration,
    /// What the others are told.
    pub retry_after: Option<RetryAfter>,
}

/// What is to go wrong.
#[derive(Debug, Default)]
pub(super) struct Faults {
    next: HashMap<Service, VecDeque<ErrorBody>>,
    paths: HashMap<String, ErrorBody>,
    /// Documents that are served as they stand.
    pinned: HashMap<String, Bytes>,
    throttle: Option<Throttle>,
    /// When requests were let through, oldest first.
    passed: VecDeque<Instant>,
}

// === impl Faults ===

impl Faults {
    pub(super) fn fail_next(&mut self, service: Service, times: usize, error: &ErrorBody) {
        let errors = std::iter::repeat_n(error, times).cloned();
        self.next.entry(service).or_default().extend(errors);
    }

    pub(super) fn fail_path(&mut self, path: &str, error: ErrorBody) {
        self.paths.insert(path.to_owned(), error);
    }

    pub(super) fn mend_path(&mut self, path: &str) {
        self.paths.remove(path);
    }

    pub(super) fn pin(&mut self, path: &str, document: Bytes) {
        self.pinned.insert(path.to_owned(), document);
    }

    pub(super) fn pinned(&self, path: &str) -> Option<Bytes> {
        self.pinned.get(path).cloned()
    }

    pub(super) fn throttle(&mut self, throttle: Option<Throttle>) {
        self.throttle = throttle;
        self.passed.clear();
    }

    /// The error that this request is to be answered with, if any.
    pub(super) fn strike(&mut self, service: Service, path: &str) -> Option<ErrorBody> {
        if service == Service::Cci
            && let Some(throttled) = self.throttled()
        {
            return Some(throttled);
        }
        if let Some(error) = self.paths.get(path) {
            return Some(error.clone());
        }
        self.next.get_mut(&service)?.pop_front()
    }

    fn throttled(&mut self) -> Option<ErrorBody> {
        let Throttle {
            limit,
            window,
            retry_after,
        } = self.throttle?;
        let now = Instant::now();
        while self
            .passed
            .front()
            .is_some_and(|&passed| now - passed >= window)
        {
            self.passed.pop_front();
        }
        if self.passed.len() < limit {
            self.passed.push_back(now);
            return None;
        }
        let seconds = window.as_secs();
        let message = format!(
            "The throttling threshold has been reached: policy ip over ratelimit,limit:{limit},time:{seconds} second"
        );
        let error = ErrorBody::gateway(429, "APIGW.0308", message);
        Some(ErrorBody {
            retry_after,
            ..error
        })
    }
}
