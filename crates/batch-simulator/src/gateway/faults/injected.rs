//! Injected errors and documents, and the throttle.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use crate::gateway::{Service, error::ErrorBody};

/// A rate limit of CCI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// How many requests are allowed within `window`.
    pub limit: usize,
    /// The length of the sliding window.
    pub window: Duration,
    /// The `Retry-After` of throttled requests.
    pub retry_after: Option<RetryAfter>,
}

/// A `Retry-After` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u64),
    /// A date, this long from now.
    Date(Duration),
}

/// The errors and documents that requests get instead of a response of the service.
#[derive(Debug, Default)]
pub(super) struct InjectedErrors {
    next: HashMap<Service, VecDeque<ErrorBody>>,
    paths: HashMap<String, ErrorBody>,
    documents: HashMap<String, Bytes>,
    throttle: Option<Throttle>,
    /// The times of the requests within the window, oldest first.
    allowed: VecDeque<Instant>,
}

// === impl InjectedErrors ===

impl InjectedErrors {
    pub(super) fn fail_next(&mut self, service: Service, times: usize, error: &ErrorBody) {
        let errors = std::iter::repeat_n(error, times).cloned();
        self.next.entry(service).or_default().extend(errors);
    }

    pub(super) fn fail_path(&mut self, path: &str, error: ErrorBody) {
        self.paths.insert(path.to_owned(), error);
    }

    pub(super) fn repair_path(&mut self, path: &str) {
        self.paths.remove(path);
    }

    pub(super) fn set_document(&mut self, path: &str, document: Bytes) {
        self.documents.insert(path.to_owned(), document);
    }

    pub(super) fn document(&self, path: &str) -> Option<Bytes> {
        self.documents.get(path).cloned()
    }

    pub(super) fn throttle(&mut self, throttle: Option<Throttle>) {
        self.throttle = throttle;
        self.allowed.clear();
    }

    /// The error for this request, if it is to fail.
    pub(super) fn next(
        &mut self,
        service: Service,
        path: &str,
    ) -> Option<(ErrorBody, Option<RetryAfter>)> {
        if service == Service::Cci
            && let Some(throttle) = self.exceeded_throttle()
        {
            return Some((throttle.error(), throttle.retry_after));
        }
        let error = match self.paths.get(path) {
            Some(error) => error.clone(),
            None => self.next.get_mut(&service)?.pop_front()?,
        };
        Some((error, None))
    }

    /// The throttle if this request exceeds it. Otherwise the request counts as allowed.
    fn exceeded_throttle(&mut self) -> Option<Throttle> {
        let throttle = self.throttle?;
        let now = Instant::now();
        let is_outside = |&allowed: &Instant| now - allowed >= throttle.window;
        while self.allowed.front().is_some_and(is_outside) {
            self.allowed.pop_front();
        }
        if self.allowed.len() >= throttle.limit {
            return Some(throttle);
        }
        self.allowed.push_back(now);
        None
    }
}

// === impl Throttle ===

impl Throttle {
    fn error(&self) -> ErrorBody {
        let (limit, seconds) = (self.limit, self.window.as_secs());
        let message = format!(
            "The throttling threshold has been reached: policy ip over ratelimit,limit:{limit},time:{seconds} second"
        );
        ErrorBody::gateway(429, "APIGW.0308", message)
    }
}
