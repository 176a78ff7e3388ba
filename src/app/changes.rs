//! What a new configuration changes, by keys. Values stay out of it, since some are secret.

use std::fmt;

use crate::config::{Config, HistoryStorage, TargetConfig};

/// What a reload changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Targets that are new.
    pub(super) added: Vec<String>,
    /// Targets that are no longer configured.
    pub(super) removed: Vec<String>,
    /// Targets that are read again, because what is read of them changed, or how.
    pub(super) reread: Vec<String>,
    /// Keys that changed and are in force.
    pub(super) applied: Vec<&'static str>,
    /// Keys that changed and that only a restart applies.
    pub(super) need_restart: Vec<&'static str>,
}

/// The settings of `new`, and those of `old` where only a restart applies a change. Returns them with the keys that changed and
/// those that need a restart.
pub(super) fn merge(old: &Config, mut new: Config) -> (Config, Changes) {
    let mut need_restart = Vec::new();
    let mut keep = Keep(&mut need_restart);
    let (from, to) = (&old.web, &mut new.web);
    keep.setting(
        "web.listen_address",
        &from.listen_addresses,
        &mut to.listen_addresses,
    );
    keep.setting(
        "web.systemd_socket",
        &from.systemd_socket,
        &mut to.systemd_socket,
    );
    keep.setting(
        "web.probe_listen_address",
        &from.probe_listen_address,
        &mut to.probe_listen_address,
    );
    keep.setting(
        "web.telemetry_path",
        &from.telemetry_path,
        &mut to.telemetry_path,
    );
    keep.setting("web.external_url", &from.external_url, &mut to.external_url);
    keep.setting("web.route_prefix", &from.route_prefix, &mut to.route_prefix);
    keep.setting(
        "web.max_connections",
        &from.max_connections,
        &mut to.max_connections,
    );
    keep.setting("web.ready_grace", &from.ready_grace, &mut to.ready_grace);
    keep.setting(
        "web.shutdown_timeout",
        &from.shutdown_timeout,
        &mut to.shutdown_timeout,
    );
    keep.setting(
        "web.enable_lifecycle",
        &from.enable_lifecycle,
        &mut to.enable_lifecycle,
    );
    keep.setting(
        "metrics.run_duration_buckets",
        &old.metrics.run_duration_buckets,
        &mut new.metrics.run_duration_buckets,
    );
    keep.setting(
        "metrics.native_histograms",
        &old.metrics.native_histograms,
        &mut new.metrics.native_histograms,
    );
    match (&old.history, &mut new.history) {
        (Some(from), Some(to)) => keep.storage(&from.storage, &mut to.storage),
        (from, to) => keep.setting("history", from, to),
    }
    let changes = Changes {
        applied: applied(old, &new),
        need_restart,
        ..Changes::default()
    };
    (new, changes)
}

/// Keeps settings, and collects their keys.
struct Keep<'a>(&'a mut Vec<&'static str>);

impl Keep<'_> {
    fn setting<T: Clone + PartialEq>(&mut self, key: &'static str, old: &T, new: &mut T) {
        if old != new {
            new.clone_from(old);
            self.0.push(key);
        }
    }

    /// Another file or database needs another start. Names both keys if one replaces the other.
    fn storage(&mut self, old: &HistoryStorage, new: &mut HistoryStorage) {
        let key = |storage: &HistoryStorage| match storage {
            HistoryStorage::File(_) => "history.path",
            HistoryStorage::Postgres(_) => "history.postgres",
        };
        let (from, to) = (key(old), key(new));
        self.setting(from, old, new);
        if from != to {
            self.0.push(to);
        }
    }
}

/// The keys whose settings differ. Those of targets have a list of their own.
fn applied(old: &Config, new: &Config) -> Vec<&'static str> {
    let keys = [
        (
            "web.config_file",
            old.web.config_file != new.web.config_file,
        ),
        (
            "web.kubernetes_auth",
            old.web.kubernetes_auth != new.web.kubernetes_auth,
        ),
        (
            "web.authenticate_probes",
            old.web.authenticate_probes != new.web.authenticate_probes,
        ),
        ("sharding", old.sharding != new.sharding),
        ("labels", old.labels.mapping != new.labels.mapping),
        ("label_scope", old.labels.scope != new.labels.scope),
        ("workload_label", old.workload_label != new.workload_label),
        ("thresholds", old.thresholds != new.thresholds),
        ("limits", old.limits != new.limits),
        ("overrides", old.overrides != new.overrides),
        ("retain_deleted", old.retain_deleted != new.retain_deleted),
        (
            "retain_workloads",
            old.retain_workloads != new.retain_workloads,
        ),
        ("stale_after", old.stale_after != new.stale_after),
        ("history", old.history != new.history),
        ("events", old.events != new.events),
        ("metrics", old.metrics != new.metrics),
        ("log.level", old.log_level != new.log_level),
    ];
    let changed = keys.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(key, _)| key).collect()
}

/// Whether a target reads from another API, or reads other objects there. Then an object that is missing in the next list was not
/// deleted.
pub(super) fn selects_other_objects(old: &TargetConfig, new: &TargetConfig) -> bool {
    old.endpoint != new.endpoint || !old.mode.reads_same_jobs(&new.mode)
}

/// The keys of a target that differ and that need no new read of it.
pub(super) fn applied_in_place(old: &TargetConfig, new: &TargetConfig) -> Vec<&'static str> {
    let keys = [
        (
            "targets[].controller_time_zone",
            old.controller_time_zone != new.controller_time_zone,
        ),
        ("targets[].poll", old.probes != new.probes),
    ];
    let changed = keys.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(key, _)| key).collect()
}

impl Changes {
    /// Adds keys that are in force, each once: several targets may have them.
    pub(super) fn add_applied(&mut self, keys: &[&'static str]) {
        for key in keys {
            if !self.applied.contains(key) {
                self.applied.push(key);
            }
        }
    }

    fn lists(&self) -> [(&'static str, Vec<&str>); 5] {
        fn texts(texts: &[String]) -> Vec<&str> {
            texts.iter().map(String::as_str).collect()
        }
        [
            ("targets added", texts(&self.added)),
            ("targets removed", texts(&self.removed)),
            ("targets read again", texts(&self.reread)),
            ("changed", self.applied.clone()),
            ("needs a restart", self.need_restart.clone()),
        ]
    }
}

impl fmt::Display for Changes {
    /// One line for each kind of change.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut any = false;
        for (title, items) in self.lists() {
            if !items.is_empty() {
                any = true;
                writeln!(f, "{title}: {}", items.join(", "))?;
            }
        }
        if any {
            return Ok(());
        }
        f.write_str("nothing changed\n")
    }
}

#[cfg(test)]
mod tests;
