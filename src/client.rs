//! One API endpoint: how it is found, how its client is built and kept authenticated, and the requests made to it.
//!
//! kube stays behind this module: sources see [`Api`] and [`Error`]. The authentication of a Kubernetes endpoint is what
//! its kubeconfig or service account says, that of Huawei Cloud CCI is [`Cci`]. Kinds of endpoints differ in
//! [`Endpoint::connect`] and in what is done about refused credentials; all else is the same for all.

mod api;
mod auth;
mod dispatch;
mod endpoint;
mod error;
mod limit;
mod lines;
mod request;
mod version;

pub use api::Api;
pub use auth::cci::{Cci, Credentials, Suppressed};
pub use endpoint::{Connection, Endpoint};
pub use error::{Error, Failure, Status};
pub use limit::RateLimit;
pub use lines::{Line, Lines};
pub use request::{Listing, Request, Scope, Start};
