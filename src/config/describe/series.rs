//! The part of the summary that describes the series: families, labels, limits and retention.
//!
//! Rarely changed settings are listed only when they differ from the default.

use std::time::Duration;

use super::{
    super::{
        AllowList, Config, FamilyFilter, HistoryConfig, HistoryStorage, KsmConfig, LabelScope,
        LabelSource, LabelsConfig, MetricsConfig, NativeHistograms, Override, OverrideMatch,
        OverridesConfig, PerJob, PostgresConfig, ThresholdsConfig, duration::format as time,
    },
    Lines, list,
};

impl Lines {
    /// Adds the settings of all targets.
    pub(super) fn series(&mut self, config: &Config) {
        if let Some(shard) = config.sharding {
            self.field(
                "sharding",
                format!("{shard}, which has its part of the namespaces"),
            );
        }
        let (retain, stale) = (time(config.retain_deleted), time(config.stale_after));
        self.field("deleted Jobs", format!("kept for {retain} if finished"));
        let retain = time(config.retain_workloads);
        self.field("workloads", format!("kept for {retain} without Jobs"));
        if let Some(label) = &config.workload_label {
            self.field(
                "",
                format!("grouped by label {label} for Jobs without an owner"),
            );
        }
        self.field(
            "stale data",
            format!("dropped after {stale} without contact"),
        );
        self.thresholds(&config.thresholds);
        self.overrides(&config.overrides);
        self.history(config.history.as_ref());
        self.labels(&config.labels);
        self.metrics(&config.metrics);
    }

    /// Adds the default limits of workloads.
    fn thresholds(&mut self, thresholds: &ThresholdsConfig) {
        let grace = time(thresholds.start_grace);
        self.field(
            "thresholds",
            format!("runs start within {grace} of their due time"),
        );
        if let Some(limit) = thresholds.max_duration {
            self.field("", format!("runs take at most {}", time(limit)));
        }
        if let Some(limit) = thresholds.max_success_age {
            self.field(
                "",
                format!("the last success is at most {} old", time(limit)),
            );
        }
        if let failures @ 1.. = thresholds.max_failures {
            self.field("", format!("{failures} failed runs in a row are tolerated"));
        }
    }

    /// Adds a line for each override, in their order.
    fn overrides(&mut self, overrides: &OverridesConfig) {
        for (index, (matching, set)) in overrides.entries.iter().enumerate() {
            let name = if index == 0 { "overrides" } else { "" };
            self.field(name, format!("{}: {}", matched(matching), values(set)));
        }
    }

    /// Adds the file or database of the history, and its retention.
    fn history(&mut self, history: Option<&HistoryConfig>) {
        let Some(history) = history else {
            self.field("history", "none: counters restart from zero at every start");
            return;
        };
        match &history.storage {
            HistoryStorage::File(path) => self.field("history", path.display().to_string()),
            HistoryStorage::Postgres(postgres) => self.postgres(postgres),
        }
        let (runs, age) = (history.runs_per_workload, time(history.max_age));
        self.field(
            "",
            format!("at most {runs} runs of each workload, for {age}"),
        );
    }

    /// Adds the database, without its URL, which may have a password.
    fn postgres(&mut self, postgres: &PostgresConfig) {
        let (schema, url) = (&postgres.schema, postgres.url_file.display());
        let text = format!("schema {schema} of PostgreSQL, URL in {url}");
        self.field("history", text);
        if let Some(url) = &postgres.reader_url_file {
            let text = format!("runs are read with the URL in {}", url.display());
            self.field("", text);
        }
        if let Some(authorities) = &postgres.ca_file {
            let text = format!("its certificate is verified with {}", authorities.display());
            self.field("", text);
        }
    }

    /// Adds the mapped labels.
    fn labels(&mut self, labels: &LabelsConfig) {
        let mut name = "labels";
        for mapped in &labels.mapping {
            let (label, (kind, key)) = (
                &mapped.label,
                match &mapped.source {
                    LabelSource::Label(key) => ("label", key),
                    LabelSource::Annotation(key) => ("annotation", key),
                },
            );
            self.field(name, format!("{label} from {kind} {key}"));
            name = "";
        }
        if !labels.mapping.is_empty() {
            let scope = match labels.scope {
                LabelScope::Info => "on _info families",
                LabelScope::All => "on all families",
            };
            self.field("", scope);
        }
    }

    /// Adds the families and the Jobs with their own series.
    fn metrics(&mut self, metrics: &MetricsConfig) {
        match metrics.per_job {
            PerJob::All => {}
            PerJob::Active => self.field(
                "per Job",
                "series for unfinished Jobs and the last Job of each workload",
            ),
            PerJob::None => self.field("per Job", "no series, only workloads and CronJobs"),
        }
        if !metrics.spec {
            self.field(
                "spec",
                "no series that only repeat the spec of Jobs and CronJobs",
            );
        }
        let default = MetricsConfig::default();
        if metrics.families != default.families {
            let FamilyFilter { include, exclude } = &metrics.families;
            self.field("families", list(include));
            if !exclude.is_empty() {
                self.field("excluding", list(exclude));
            }
        }
        if metrics.run_duration_buckets != default.run_duration_buckets {
            let limits = metrics.run_duration_buckets.iter();
            let limits: Vec<_> = limits.map(|&s| time(Duration::from_secs_f64(s))).collect();
            self.field("run durations", format!("buckets {}", limits.join(", ")));
        }
        match metrics.native_histograms {
            NativeHistograms::None => {}
            NativeHistograms::Both => self.field("histograms", "classic and native"),
            NativeHistograms::Only => self.field("histograms", "native in the protobuf format"),
        }
        if let Some(ksm) = &metrics.kube_state_metrics {
            self.kube_state_metrics(ksm);
        }
    }

    /// Adds the families of kube-state-metrics.
    fn kube_state_metrics(&mut self, ksm: &KsmConfig) {
        self.field("kube_*", "families as in kube-state-metrics");
        let lists: [(&str, &AllowList); 4] = [
            ("job labels", &ksm.job_labels),
            ("job annotations", &ksm.job_annotations),
            ("cronjob labels", &ksm.cronjob_labels),
            ("cronjob annotations", &ksm.cronjob_annotations),
        ];
        for (what, allowed) in lists {
            if !allowed.is_empty() {
                self.field("", format!("{what}: {}", list(&allowed.keys)));
            }
        }
    }
}

/// The patterns of an override.
fn matched(matching: &OverrideMatch) -> String {
    let patterns = [
        ("target", &matching.target),
        ("namespace", &matching.namespace),
        ("type", &matching.workload_type),
        ("workload", &matching.workload),
    ];
    let set = patterns
        .into_iter()
        .filter_map(|(name, pattern)| Some(format!("{name} {}", pattern.as_ref()?)));
    let set: Vec<_> = set.collect();
    if set.is_empty() {
        return "every workload".to_owned();
    }
    set.join(", ")
}

/// The values of an override.
fn values(set: &Override) -> String {
    let values = [
        ("max_duration", set.max_duration.map(time)),
        ("max_success_age", set.max_success_age.map(time)),
        ("start_grace", set.start_grace.map(time)),
        ("max_failures", set.max_failures.map(|n| n.to_string())),
        ("severity", set.severity.clone()),
        ("runbook", set.runbook.clone()),
        ("ignore", set.ignore.map(|ignore| ignore.to_string())),
    ];
    let set = values
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key} {}", value?)));
    set.collect::<Vec<_>>().join(", ")
}
