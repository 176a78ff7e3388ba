//! What is read of a target, and where, as its configuration has it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    config::{Mode, Namespaces, Pattern},
    model::{Shard, ShardReading},
    status::phrases,
    store::TargetDescription,
};

/// What is read of a target, and where. Names are those of the configuration.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ReadsEntry {
    /// How objects are read.
    mode: ReadMode,
    /// What is read, in words.
    text: String,
    /// How many Jobs are configured. Null unless only these are read.
    configured_jobs: Option<usize>,
    /// The namespaces that are read. Null if only configured Jobs are.
    namespaces: Option<NamespacesEntry>,
    /// The label selector of the objects that are read. Null for all objects, and if only configured Jobs are read.
    label_selector: Option<String>,
    /// Whether the pods of Jobs are read, too.
    pods: bool,
    /// The address of the API, without credentials. Null if nobody looked for it.
    address: Option<String>,
    /// Whether the API is Huawei Cloud CCI.
    cci: bool,
}

/// How objects are read: by a list and a watch, or by polls.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReadMode {
    Watch,
    Poll,
}

/// Namespaces by name and by pattern.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct NamespacesEntry {
    /// The included ones; empty for all.
    include: Vec<String>,
    /// The excluded ones.
    exclude: Vec<String>,
}

/// One of several exporters that divide the namespaces of a target.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ShardEntry {
    /// Its number, from 0.
    shard: u32,
    /// How many shards there are.
    shards: u32,
    /// How it gets the objects of its own namespaces. Null before that is known, and if it reads configured Jobs.
    reading: Option<Reading>,
    /// How many namespaces it owns. Null if it does not know.
    namespaces: Option<usize>,
    /// The same in words.
    text: String,
}

/// How a shard gets the objects of its own namespaces: the server selects them by `shardSelector`, each namespace is read on its
/// own, or everything is received and the rest is skipped.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Reading {
    Selector,
    Namespaces,
    Skipping,
}

impl ShardEntry {
    pub(super) fn new(shard: Shard, reading: Option<(ShardReading, Option<usize>)>) -> Self {
        Self {
            shard: shard.index(),
            shards: shard.shards(),
            reading: reading.map(|(reading, _)| Reading::from(reading)),
            namespaces: reading.and_then(|(_, namespaces)| namespaces),
            text: phrases::shard(shard, reading),
        }
    }
}

impl From<ShardReading> for Reading {
    fn from(reading: ShardReading) -> Self {
        match reading {
            ShardReading::Selector => Self::Selector,
            ShardReading::Namespaces => Self::Namespaces,
            ShardReading::Skipping => Self::Skipping,
        }
    }
}

impl From<&TargetDescription> for ReadsEntry {
    fn from(description: &TargetDescription) -> Self {
        let (mode, jobs, selection) = match &description.mode {
            Mode::Watch(selection) => (ReadMode::Watch, None, Some(selection)),
            Mode::PollJobs { jobs, .. } => (ReadMode::Poll, Some(jobs.len()), None),
            Mode::PollLists { selection, .. } => (ReadMode::Poll, None, Some(selection)),
        };
        Self {
            mode,
            text: phrases::scope(&description.mode),
            configured_jobs: jobs,
            namespaces: selection.map(|it| NamespacesEntry::from(&it.namespaces)),
            label_selector: selection.and_then(|it| it.label_selector.clone()),
            pods: description.mode.reads_pods(),
            address: description.address.clone(),
            cci: description.cci,
        }
    }
}

impl From<&Namespaces> for NamespacesEntry {
    fn from(namespaces: &Namespaces) -> Self {
        let texts = |patterns: &[Pattern]| patterns.iter().map(ToString::to_string).collect();
        Self {
            include: texts(&namespaces.include),
            exclude: texts(&namespaces.exclude),
        }
    }
}
