//! Huawei Cloud CCI on loopback: IAM, and the API gateway with CCI behind it.
//!
//! A [`Gateway`] is a handle: it has the accounts and the objects, and [`Gateway::serve`] serves one [`Service`].
//!
//! - [`server`] accepts TLS connections with generated [`certificates`], and dispatches the requests.
//! - [`iam`] issues the tokens that [`identity`] stores.
//! - [`cci`] checks a token, or the [`signature`] of one of the [`access_keys`]. It forwards the request to a [`SimulatedApi`], and
//!   [`downgrade`] turns the response into one of Kubernetes 1.19.
//! - [`error`] has the error bodies of all services.
//! - [`faults`] steers the services for tests: failing requests, throttling, outages, a clock offset, recorded requests, and the
//!   metadata service of an ECS.
//!
//! This module shares no code with the exporter's client. No lock is held across an await.

use std::{future::Future, io, ops::RangeInclusive, sync::Arc, time::Duration};

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::api::{ApiOptions, SimulatedApi};

mod access_keys;
mod cci;
mod certificates;
mod downgrade;
mod error;
#[cfg(feature = "faults")]
mod faults;
#[cfg(not(feature = "faults"))]
#[path = "gateway/no_faults.rs"]
mod faults;
mod iam;
mod identity;
mod server;
mod signature;

pub use access_keys::AccessKey;
pub use error::{ErrorBody, ErrorFormat};
#[cfg(feature = "faults")]
pub use faults::{Availability, DOCUMENTED, GatewayRequest, MetadataStyle, RetryAfter, Throttle};
pub use identity::{Agency, Credential, PasswordPolicy, Project, User};

use access_keys::AccessKeys;
use certificates::Certificates;
use faults::Faults;
use identity::Identities;

/// The kind of gateway to simulate.
#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// The API behind the gateway. The gateway overrides `minor_version` and `watch_list`.
    pub api: ApiOptions,
    /// The project of all objects.
    pub project: Project,
    /// Whether signed requests must name the project, as those to a sub-project of a region must.
    pub sub_project: bool,
    /// Whether a token is also accepted as `Authorization: Bearer`.
    pub bearer: bool,
    /// How long a token is valid.
    pub token_lifetime: Duration,
    /// The length of tokens in characters.
    pub token_length: RangeInclusive<usize>,
    /// When users are locked.
    pub passwords: PasswordPolicy,
    /// Seed of tokens, keys and ids.
    pub seed: u64,
}

/// The simulated services. Each has its own address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Identity and access management.
    Iam,
    /// The API gateway and CCI behind it.
    Cci,
    /// The metadata service of an ECS.
    #[cfg(feature = "faults")]
    Metadata,
}

/// A simulated gateway. Clones are handles to the same gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: GatewayOptions,
    api: SimulatedApi,
    certificates: Certificates,
    rng: Mutex<fastrand::Rng>,
    identities: Mutex<Identities>,
    access_keys: Mutex<AccessKeys>,
    faults: Faults,
}

// === impl GatewayOptions ===

impl Default for GatewayOptions {
    /// The documented behaviour, and the default password policy of IAM.
    fn default() -> Self {
        Self {
            api: ApiOptions::default(),
            project: Project {
                name: "cn-north-4".to_owned(),
                id: "0123456789abcdef0123456789abcdef".to_owned(),
            },
            sub_project: false,
            bearer: true,
            token_lifetime: Duration::from_hours(24),
            token_length: identity::TOKEN_LENGTH,
            passwords: PasswordPolicy {
                wrong_passwords: 5,
                lock: Duration::from_mins(15),
            },
            seed: fastrand::u64(..),
        }
    }
}

// === impl Gateway ===

impl Gateway {
    /// A gateway without users, keys and objects. Fails if it cannot generate certificates.
    pub fn new(options: GatewayOptions) -> io::Result<Self> {
        let api = SimulatedApi::new(ApiOptions {
            minor_version: 19,
            watch_list: false,
            ..options.api.clone()
        });
        Ok(Self {
            shared: Arc::new(Shared {
                api,
                certificates: Certificates::generate()?,
                rng: Mutex::new(fastrand::Rng::with_seed(options.seed)),
                identities: Mutex::new(Identities::new(options.passwords)),
                access_keys: Mutex::default(),
                faults: Faults::default(),
                options,
            }),
        })
    }

    /// Serves one service over HTTPS on `listener` until `shutdown`, which closes its connections at once. The metadata service uses
    /// HTTP.
    pub async fn serve(
        self,
        service: Service,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) {
        faults::serve(self, service, listener, shutdown).await;
    }

    /// The certificate authority that clients must trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.shared.certificates.ca_pem
    }

    /// The API behind the gateway. CCI shows its objects.
    #[must_use]
    pub fn api(&self) -> &SimulatedApi {
        &self.shared.api
    }

    /// The time on the gateway's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::from_second(self.api().clock().seconds()).unwrap_or_default();
        now.saturating_add(self.faults().clock_offset())
            .unwrap_or(now)
    }

    /// Adds a user, or changes the password of an existing one.
    pub fn add_user(&self, user: User) {
        self.identities().add_user(user);
    }

    /// Adds an agency.
    pub fn add_agency(&self, agency: Agency) {
        self.identities().add_agency(agency);
    }

    /// Adds an access key, or changes the secret of an existing one and unlocks it.
    pub fn add_access_key(&self, key: AccessKey) {
        self.access_keys().add(key, None);
    }

    fn options(&self) -> &GatewayOptions {
        &self.shared.options
    }

    fn acceptor(&self) -> &TlsAcceptor {
        &self.shared.certificates.acceptor
    }

    fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    fn rng(&self) -> MutexGuard<'_, fastrand::Rng> {
        self.shared.rng.lock()
    }

    fn identities(&self) -> MutexGuard<'_, Identities> {
        self.shared.identities.lock()
    }

    fn access_keys(&self) -> MutexGuard<'_, AccessKeys> {
        self.shared.access_keys.lock()
    }
}
