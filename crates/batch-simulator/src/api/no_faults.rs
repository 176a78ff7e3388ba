//! Replaces `faults` in builds without the feature of that name: every request is allowed, and none is recorded.

#![allow(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    reason = "same signatures as in faults.rs"
)]

use std::future::{Ready, ready};

use http::Request;

use super::{error::ApiError, handler::Route};

#[derive(Debug, Default)]
pub(super) struct Faults {}

impl Faults {
    pub(super) fn admit<B>(&self, _: &Request<B>) -> Ready<()> {
        ready(())
    }

    pub(super) fn authorize<B>(&self, _: &Request<B>, _: &Route<'_>) -> Result<(), ApiError> {
        Ok(())
    }
}
