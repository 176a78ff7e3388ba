//! Huawei Cloud CCI on loopback: IAM, the API gateway with CCI behind it, and the metadata service of an ECS.
//!
//! [`Gateway`] is both the handle that steers it and what its `serve_…` functions serve. Inside: [`server`] accepts over TLS with
//! [`certificates`] of its own and lets [`fault`] strike; [`iam`] hands out the tokens of [`identity`]; [`cci`] checks them, or the
//! [`signature`] of one of the [`keys`], and shows the objects of a [`SimulatedApi`] at the [`level`] of CCI; [`metadata`] hands out
//! temporary keys; [`journal`] counts; [`error`] has the published errors. Nothing here is shared with the exporter's side of it. No
//! lock is held across an await.

use std::{future::Future, io, ops::RangeInclusive, sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::TlsAcceptor;

use super::api::{ApiOptions, SimulatedApi};

mod cci;
mod certificates;
mod error;
mod fault;
mod iam;
mod identity;
mod journal;
mod keys;
mod level;
mod metadata;
mod server;
mod signature;

pub use error::{DOCUMENTED, ErrorBody, RetryAfter, Shape};
pub use fault::{Availability, Throttle};
pub use identity::{Agency, PasswordPolicy, Project, User};
pub use journal::{Credential, Visit};
pub use keys::AccessKey;
pub use metadata::MetadataStyle;

use certificates::Certificates;
use fault::Faults;
use identity::Identity;
use journal::RequestLog;
use keys::Keys;
use metadata::Metadata;

/// What kind of gateway to simulate.
#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// The API behind it; its level and its streamed lists are not up to these.
    pub api: ApiOptions,
    /// The project that all objects are in.
    pub project: Project,
    /// Whether signed requests have to name the project, as those for a part of a region do.
    pub sub_project: bool,
    /// Whether tokens are taken as `Authorization: Bearer` too.
    pub bearer: bool,
    /// How long tokens are good.
    pub token_life: Duration,
    /// How many characters tokens have.
    pub token_length: RangeInclusive<usize>,
    /// When users are locked out.
    pub passwords: PasswordPolicy,
    /// How long the keys from the metadata service are good.
    pub temporary_key_life: Duration,
    /// Seeds tokens, keys and ids.
    pub seed: u64,
}

/// The services that are simulated, each with an address of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Identity and access management.
    Iam,
    /// The API gateway and CCI behind it.
    Cci,
    /// The metadata service that an ECS sees.
    Metadata,
}

/// A simulated gateway. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: GatewayOptions,
    api: SimulatedApi,
    certificates: Certificates,
    clock_offset: Mutex<SignedDuration>,
    rng: Mutex<fastrand::Rng>,
    identity: Mutex<Identity>,
    keys: Mutex<Keys>,
    metadata: Mutex<Metadata>,
    faults: Mutex<Faults>,
    journal: Mutex<RequestLog>,
    /// By the order of [`Service`].
    availability: [watch::Sender<Availability>; 3],
}

// === impl GatewayOptions ===

impl Default for GatewayOptions {
    /// What the documents say, and the defaults of IAM.
    fn default() -> Self {
        Self {
            api: ApiOptions::default(),
            project: Project {
                name: "cn-north-4".to_owned(),
                id: "0123456789abcdef0123456789abcdef".to_owned(),
            },
            sub_project: false,
            bearer: true,
            token_life: Duration::from_hours(24),
            token_length: identity::LENGTHS,
            passwords: PasswordPolicy {
                wrong_passwords: 5,
                lock: Duration::from_mins(15),
            },
            temporary_key_life: Duration::from_hours(24),
            seed: fastrand::u64(..),
        }
    }
}

// === impl Gateway ===

impl Gateway {
    /// A gateway without users, keys and objects. Fails when no certificates can be made.
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
                clock_offset: Mutex::default(),
                rng: Mutex::new(fastrand::Rng::with_seed(options.seed)),
                identity: Mutex::new(Identity::new(options.passwords)),
                keys: Mutex::default(),
                metadata: Mutex::default(),
                faults: Mutex::default(),
                journal: Mutex::default(),
                availability: Default::default(),
                options,
            }),
        })
    }

    /// Serves one service on `listener` until `shutdown`, which ends its connections at once: HTTP for [`Service::Metadata`], HTTPS for
    /// the others.
    pub async fn serve(
        self,
        service: Service,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) {
        server::serve(self, service, listener, shutdown).await;
    }

    /// The authority that clients have to trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.shared.certificates.ca_pem
    }

    /// The API behind the gateway: its objects are what CCI shows.
    #[must_use]
    pub fn api(&self) -> &SimulatedApi {
        &self.shared.api
    }

    /// The date at the gateway.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::from_second(self.api().clock().seconds()).unwrap_or_default();
        now.saturating_add(*lock(&self.shared.clock_offset))
            .unwrap_or(now)
    }

    /// Sets the gateway's clock so far ahead, or behind.
    pub fn set_clock_offset(&self, offset: SignedDuration) {
        *lock(&self.shared.clock_offset) = offset;
    }

    /// A new user, or another password for a known one.
    pub fn add_user(&self, user: User) {
        self.identity().add_user(user);
    }

    /// A new agency.
    pub fn add_agency(&self, agency: Agency) {
        self.identity().add_agency(agency);
    }

    /// A new access key, or another secret for a known one. Locks and failures are forgotten.
    pub fn add_access_key(&self, key: AccessKey) {
        self.keys().add(key, None);
    }

    /// Makes an access key unknown.
    pub fn remove_access_key(&self, access: &str) {
        self.keys().remove(access);
    }

    /// Whether an access key is locked at present.
    #[must_use]
    pub fn is_locked(&self, access: &str) -> bool {
        self.keys().is_locked(access)
    }

    /// Makes a token invalid; whether it was valid.
    #[must_use = "says whether there was such a token"]
    pub fn revoke(&self, token: &str) -> bool {
        self.identity().revoke(token)
    }

    /// Makes all tokens invalid that were handed out so far.
    pub fn revoke_all(&self) {
        self.identity().revoke_all();
    }

    /// What the metadata service is like, and whether its machine has an agency; at first it has none.
    pub fn set_metadata(&self, style: MetadataStyle, agency: bool) {
        let mut metadata = self.metadata();
        metadata.style = style;
        metadata.agency = agency;
    }

    /// Has the metadata service show another key from now on; the present one stays good.
    pub fn rotate_temporary_key(&self) {
        self.metadata().rotate();
    }

    /// Whether a service can be had.
    pub fn set_availability(&self, service: Service, availability: Availability) {
        self.availability(service).send_replace(availability);
    }

    /// Caps the requests to CCI, or lifts the cap.
    pub fn set_throttle(&self, throttle: Option<Throttle>) {
        self.faults().throttle(throttle);
    }

    /// Has the next requests to a service fail, whoever sends them; those of earlier calls come first.
    pub fn fail_next(&self, service: Service, times: usize, error: &ErrorBody) {
        self.faults().fail_next(service, times, error);
    }

    /// Has all requests with this path fail.
    pub fn fail_path(&self, path: &str, error: ErrorBody) {
        self.faults().fail_path(path, error);
    }

    /// Undoes [`Self::fail_path`].
    pub fn mend_path(&self, path: &str) {
        self.faults().mend_path(path);
    }

    /// Has CCI serve a document at this path, byte for byte.
    pub fn pin(&self, path: &str, document: impl Into<Bytes>) {
        self.faults().pin(path, document.into());
    }

    /// The requests so far, in the order of their answers.
    #[must_use]
    pub fn visits(&self) -> Vec<Visit> {
        self.journal().visits().cloned().collect()
    }

    /// How many of the requests so far count.
    #[must_use]
    pub fn count(&self, counted: impl Fn(&Visit) -> bool) -> usize {
        self.journal()
            .visits()
            .filter(|visit| counted(visit))
            .count()
    }

    /// How many of the requests that count arrived within one second at most, wherever that second begins.
    #[must_use]
    pub fn most_in_any_second(&self, counted: impl Fn(&Visit) -> bool) -> usize {
        self.journal().most_in_any_second(counted)
    }

    /// Forgets the requests so far.
    pub fn clear_visits(&self) {
        self.journal().clear();
    }

    fn options(&self) -> &GatewayOptions {
        &self.shared.options
    }

    fn acceptor(&self) -> &TlsAcceptor {
        &self.shared.certificates.acceptor
    }

    fn availability(&self, service: Service) -> &watch::Sender<Availability> {
        &self.shared.availability[service as usize]
    }

    fn rng(&self) -> MutexGuard<'_, fastrand::Rng> {
        lock(&self.shared.rng)
    }

    fn identity(&self) -> MutexGuard<'_, Identity> {
        lock(&self.shared.identity)
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        lock(&self.shared.keys)
    }

    fn metadata(&self) -> MutexGuard<'_, Metadata> {
        lock(&self.shared.metadata)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.shared.faults)
    }

    fn journal(&self) -> MutexGuard<'_, RequestLog> {
        lock(&self.shared.journal)
    }
}

/// A panic elsewhere does not make the data wrong: each change is made whole under the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}
