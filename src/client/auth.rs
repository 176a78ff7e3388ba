//! The authentication methods, one module each. A new one also needs a variant of [`super::Endpoint`].

pub(super) mod cci;
pub(super) mod credentials;
pub(super) mod kubeconfig;
pub(super) mod suppressed;
