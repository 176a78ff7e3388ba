//! The fields of a Pod that are read.
//!
//! Most of a Pod is its spec, of which only the init containers are read. Messages of containers can hold secrets, so they are
//! never read.

use serde::{Deserialize, de::IgnoredAny};

use super::{Condition, CowStr, Identifier, OptionalTime, RawMap};

#[derive(Deserialize)]
pub(in crate::decode) struct PodObject<'a> {
    #[serde(borrow)]
    pub(in crate::decode) kind: Option<CowStr<'a>>,
    #[serde(rename = "apiVersion", borrow)]
    pub(in crate::decode) api_version: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(in crate::decode) metadata: PodMetadata<'a>,
    #[serde(borrow)]
    pub(in crate::decode) spec: Option<PodSpec<'a>>,
    #[serde(borrow)]
    pub(in crate::decode) status: Option<PodStatus<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::decode) struct PodMetadata<'a> {
    #[serde(borrow)]
    pub(in crate::decode) name: Identifier<'a>,
    #[serde(borrow)]
    pub(in crate::decode) namespace: Identifier<'a>,
    #[serde(borrow)]
    pub(in crate::decode) uid: Option<Identifier<'a>>,
    #[serde(default)]
    pub(in crate::decode) creation_timestamp: OptionalTime,
    /// When the grace period of the deletion ends.
    #[serde(default)]
    pub(in crate::decode) deletion_timestamp: OptionalTime,
    pub(in crate::decode) deletion_grace_period_seconds: Option<i64>,
    #[serde(borrow)]
    pub(in crate::decode) owner_references: Option<Vec<PodOwner<'a>>>,
    #[serde(borrow)]
    pub(in crate::decode) labels: Option<RawMap<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::decode) struct PodOwner<'a> {
    #[serde(borrow)]
    pub(in crate::decode) api_version: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(in crate::decode) kind: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(in crate::decode) name: Option<Identifier<'a>>,
    #[serde(borrow)]
    pub(in crate::decode) uid: Option<Identifier<'a>>,
    pub(in crate::decode) controller: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::decode) struct PodSpec<'a> {
    #[serde(borrow)]
    pub(in crate::decode) init_containers: Option<Vec<InitContainer<'a>>>,
}

/// An init container of the spec. It is a sidecar if it is always restarted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::decode) struct InitContainer<'a> {
    #[serde(borrow)]
    pub(in crate::decode) name: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(in crate::decode) restart_policy: Option<CowStr<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::decode) struct PodStatus<'a> {
    #[serde(borrow)]
    pub(in crate::decode) phase: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(in crate::decode) reason: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(in crate::decode) conditions: Option<Vec<Condition<'a>>>,
    #[serde(borrow)]
    pub(in crate::decode) container_statuses: Option<Vec<ContainerStatus<'a>>>,
    #[serde(borrow)]
    pub(in crate::decode) init_container_statuses: Option<Vec<ContainerStatus<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::decode) struct ContainerStatus<'a> {
    #[serde(borrow)]
    pub(in crate::decode) name: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(in crate::decode) state: Option<ContainerState<'a>>,
    #[serde(borrow)]
    pub(in crate::decode) last_state: Option<ContainerState<'a>>,
    pub(in crate::decode) ready: Option<bool>,
    pub(in crate::decode) restart_count: Option<i32>,
}

/// The state of a container. One of the fields is set; none means that it waits.
#[derive(Default, Deserialize)]
pub(in crate::decode) struct ContainerState<'a> {
    #[serde(borrow)]
    pub(in crate::decode) waiting: Option<Waiting<'a>>,
    pub(in crate::decode) running: Option<IgnoredAny>,
    #[serde(borrow)]
    pub(in crate::decode) terminated: Option<Terminated<'a>>,
}

#[derive(Default, Deserialize)]
pub(in crate::decode) struct Waiting<'a> {
    #[serde(borrow)]
    pub(in crate::decode) reason: Option<CowStr<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::decode) struct Terminated<'a> {
    pub(in crate::decode) exit_code: Option<i32>,
    pub(in crate::decode) signal: Option<i32>,
    #[serde(borrow)]
    pub(in crate::decode) reason: Option<CowStr<'a>>,
    #[serde(default)]
    pub(in crate::decode) finished_at: OptionalTime,
}
