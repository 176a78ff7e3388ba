//! How requests to an API are authenticated.

pub(super) mod cci;
