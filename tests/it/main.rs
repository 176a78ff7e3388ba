//! Integration tests, in one binary: one link step.

mod config;
