//! The client of one API: finds the endpoint, authenticates, and sends requests.
//!
//! - [`Endpoint`] says where an API is and which credentials it needs; [`Connection`] is a client for it.
//! - `auth` holds the authentication methods: kubeconfig and service account, and Huawei Cloud CCI ([`Cci`]).
//! - `connector` connects: TCP within a `budget`, a proxy (`proxy` finds it), TLS (`tls`), HTTP (`multiplex`). `environment` holds the variables of kubectl.
//! - [`Api`] sends the requests of one target. [`RateLimit`] paces them, and [`Listing`] and [`Request`] describe them.
//! - `access_review` asks who a bearer token belongs to and what its user may do, for the server ([`AccessReviewer`]).
//! - [`Error`] says which request failed and how, and gives a hint for the operator.
//!
//! The types of kube stay in this module. Authentication methods differ only in [`Endpoint::connect`] and in what happens
//! after a 401 response.

mod access_review;
mod api;
mod auth;
mod batch_version;
mod budget;
mod connector;
mod endpoint;
mod environment;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod headers;
mod lines;
mod multiplex;
mod proxy;
mod rate_limit;
mod request;
#[cfg(test)]
mod testing;
mod tls;

pub use access_review::{AccessReviewer, Review, ReviewError};
pub use api::{Answer, Api};
pub use auth::{
    cci::{Cci, SharedCredentials},
    suppressed::Suppressed,
};
pub use budget::ConnectionBudget;
pub use endpoint::{Connection, Endpoint};
pub use error::{Error, Failure, Status};
pub use headers::BodyFormat;
pub use lines::{Line, Lines};
pub use rate_limit::RateLimit;
pub use request::{Listing, Request, Scope, Start};
