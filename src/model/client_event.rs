//! Events between the client and the API of a target: requests, watch events, errors. The store counts them.

use std::time::Duration;

use jiff::Timestamp;

/// Counts the events of one target. The store implements it.
pub trait EventCounter: Send + Sync {
    /// Counts an event.
    fn count(&self, event: ClientEvent);
}

/// Something that happened between this program and the API of a target.
#[derive(Clone, Copy, Debug)]
pub enum ClientEvent {
    /// An API request ended. A watch is counted when its response starts.
    Request {
        /// The verb, as RBAC names it.
        verb: Verb,
        /// Its outcome.
        code: Code,
        /// The time until the response was complete; of a watch, until its headers arrived.
        duration: Duration,
    },
    /// A watch event was received.
    Event(Resource, EventKind),
    /// An object could not be decoded and was skipped.
    DecodeError(Resource),
    /// A watch ended and was restarted.
    WatchRestart(Resource, RestartReason),
    /// When the credentials in use expire. Replaces what was known before.
    CredentialExpiry(CredentialExpiries),
    /// The API server's clock, as a response reports it.
    ServerDate(Timestamp),
}

/// When the credentials of a client expire, as far as they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CredentialExpiries([Option<CredentialExpiry>; Credential::ALL.len()]);

/// When one credential expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialExpiry {
    /// The time.
    pub at: Timestamp,
    /// Whether this program gets the next one alone: from a file, a plugin or an issuer.
    pub renewable: Renewable,
}

impl CredentialExpiries {
    /// One credential.
    #[must_use]
    pub fn of(credential: Credential, expiry: CredentialExpiry) -> Self {
        let mut all = Self::default();
        all.set(credential, Some(expiry));
        all
    }

    /// Sets when a credential expires; `None` if there is none or it does not say.
    pub fn set(&mut self, credential: Credential, expiry: Option<CredentialExpiry>) {
        self.0[credential as usize] = expiry;
    }

    /// The credentials whose expiry is known.
    pub fn iter(&self) -> impl Iterator<Item = (Credential, CredentialExpiry)> {
        let expiry = |&credential: &Credential| Some((credential, self.0[credential as usize]?));
        Credential::ALL.iter().filter_map(expiry)
    }
}

label_enum! {
    /// A kind of credential.
    Credential {
        /// A bearer token, or a token of IAM.
        Token = "token",
        /// A key pair that signs requests.
        Key = "key",
        /// A client certificate.
        Certificate = "certificate",
        /// What the exec plugin of a kubeconfig returned: a token or a client certificate.
        Plugin = "plugin",
    }
}

label_enum! {
    /// Whether this program renews a credential.
    Renewable {
        /// It reads the next one from a file, a plugin or an issuer.
        Yes = "true",
        /// Somebody has to put the next one into the kubeconfig.
        No = "false",
    }
}

label_enum! {
    /// A kind of object, as the API names its resource.
    #[derive(PartialOrd, Ord)]
    Resource {
        /// batch/v1 Jobs.
        Jobs = "jobs",
        /// batch/v1 `CronJobs`.
        CronJobs = "cronjobs",
        /// v1 Pods, of Jobs only.
        Pods = "pods",
        /// v1 Namespaces, which only shards read.
        Namespaces = "namespaces",
    }
}

label_enum! {
    /// A verb of the Kubernetes API, as in an RBAC rule.
    Verb {
        /// Reads one object.
        Get = "get",
        /// Reads a list, or one page of it.
        List = "list",
        /// Streams changes.
        Watch = "watch",
        /// Asks for a review of a token or of a permission. Nothing else is ever created.
        Create = "create",
    }
}

label_enum! {
    /// The type of a watch event.
    EventKind {
        /// An object was created, or is part of the initial list.
        Added = "added",
        /// An object changed.
        Modified = "modified",
        /// An object was deleted.
        Deleted = "deleted",
        /// A new resource version without an object.
        Bookmark = "bookmark",
        /// A Status with which the server ends the watch.
        Error = "error",
        /// An unknown type.
        Unknown = "unknown",
    }
}

label_enum! {
    /// Why a watch was restarted.
    RestartReason {
        /// The server ended it normally.
        Ended = "ended",
        /// The resource version expired: a new list follows.
        Expired = "expired",
        /// The connection broke, or the stream was invalid.
        Error = "error",
    }
}

label_enum! {
    /// The outcome of a request: the HTTP status, or the error before there was one. Statuses that neither a Kubernetes API
    /// nor a gateway in front of it usually sends are counted by their class.
    Code {
        /// 200.
        Ok = "200",
        /// 201.
        Created = "201",
        /// 400.
        BadRequest = "400",
        /// 401.
        Unauthorized = "401",
        /// 403.
        Forbidden = "403",
        /// 404.
        NotFound = "404",
        /// 405.
        MethodNotAllowed = "405",
        /// 406.
        NotAcceptable = "406",
        /// 410.
        Gone = "410",
        /// 413.
        TooLarge = "413",
        /// 422.
        Unprocessable = "422",
        /// 429.
        TooManyRequests = "429",
        /// 500.
        InternalError = "500",
        /// 502.
        BadGateway = "502",
        /// 503.
        Unavailable = "503",
        /// 504.
        GatewayTimeout = "504",
        /// Any other 2xx.
        OtherSuccess = "2xx",
        /// Any 3xx.
        Redirect = "3xx",
        /// Any other 4xx.
        OtherClientError = "4xx",
        /// Any other 5xx.
        OtherServerError = "5xx",
        /// No response within the timeout.
        Timeout = "timeout",
        /// No connection, a broken connection, or an invalid response.
        TransportError = "error",
    }
}

impl Code {
    /// The code for an HTTP status.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            200 => Self::Ok,
            201 => Self::Created,
            400 => Self::BadRequest,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            406 => Self::NotAcceptable,
            410 => Self::Gone,
            413 => Self::TooLarge,
            422 => Self::Unprocessable,
            429 => Self::TooManyRequests,
            500 => Self::InternalError,
            502 => Self::BadGateway,
            503 => Self::Unavailable,
            504 => Self::GatewayTimeout,
            202..=299 => Self::OtherSuccess,
            300..=399 => Self::Redirect,
            402..=499 => Self::OtherClientError,
            501..=599 => Self::OtherServerError,
            _ => Self::TransportError,
        }
    }
}
