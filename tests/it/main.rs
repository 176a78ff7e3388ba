//! Integration tests, in one binary so that there is one link step.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed"
)]

mod demo_api;
