//! Replaces `faults` in builds without the feature of that name: every request is served, and none is recorded.

#![allow(clippy::unused_self, reason = "same signatures as in faults.rs")]

use bytes::Bytes;
use http::{Response, StatusCode, request::Parts};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{Service, identity::Credential};
use crate::api::Body;

pub(super) use super::server::serve;

#[derive(Debug, Default)]
pub(super) struct Faults {}

impl Faults {
    pub(super) fn clock_offset(&self) -> SignedDuration {
        SignedDuration::ZERO
    }

    pub(super) fn document(&self, _: &str) -> Option<Bytes> {
        None
    }

    pub(super) fn intercept(
        &self,
        _: Service,
        _: &str,
        _: &str,
        _: Timestamp,
    ) -> Option<Response<Body>> {
        None
    }

    pub(super) fn record(&self, _: Instant, _: Service, _: &Parts, _: Credential, _: StatusCode) {}
}
