//! What `--config.check` says of the series: which there are, for how long, and with which labels.
//!
//! Settings that most leave alone are mentioned only where they are not.

use std::time::Duration;

use super::{
    super::{
        AllowList, Config, FamilyFilter, HistoryConfig, KsmConfig, LabelScope, LabelsConfig,
        MetricsConfig, Origin, PerJob, ThresholdsConfig, duration::format as time,
    },
    Lines, list,
};

impl Lines {
    /// All that concerns every target.
    pub(super) fn series(&mut self, settings: &Config) {
        let (retain, stale) = (time(settings.retain_deleted), time(settings.stale_after));
        self.field(
            "deleted Jobs",
            format!("stay for {retain} if they had finished"),
        );
        let retain = time(settings.retain_workloads);
        self.field("workloads", format!("stay for {retain} without Jobs"));
        if let Some(label) = &settings.workload_label {
            self.field(
                "",
                format!("are named by the label {label} where a Job has it and no CronJob"),
            );
        }
        self.field(
            "stale data",
            format!("is dropped after {stale} without contact"),
        );
        self.thresholds(&settings.thresholds);
        self.history(settings.history.as_ref());
        self.labels(&settings.labels);
        self.metrics(&settings.metrics);
    }

    /// The limits of workloads.
    fn thresholds(&mut self, thresholds: &ThresholdsConfig) {
        let grace = time(thresholds.start_grace);
        self.field(
            "thresholds",
            format!("runs start within {grace} of their due time"),
        );
        if let Some(most) = thresholds.max_duration {
            self.field("", format!("runs take at most {}", time(most)));
        }
        if let Some(most) = thresholds.max_success_age {
            self.field(
                "",
                format!("the last success is at most {} old", time(most)),
            );
        }
    }

    /// Where runs are kept.
    fn history(&mut self, history: Option<&HistoryConfig>) {
        let Some(history) = history else {
            self.field("history", "none: counts begin anew with each start");
            return;
        };
        self.field("history", history.path.display().to_string());
        let (runs, age) = (history.runs_per_workload, time(history.max_age));
        self.field(
            "",
            format!("at most {runs} runs of each workload, for {age}"),
        );
    }

    /// The mapped labels.
    fn labels(&mut self, labels: &LabelsConfig) {
        let mut name = "labels";
        for mapped in &labels.mapping {
            let (label, (kind, key)) = (
                &mapped.label,
                match &mapped.origin {
                    Origin::Label(key) => ("label", key),
                    Origin::Annotation(key) => ("annotation", key),
                },
            );
            self.field(name, format!("{label} is the {kind} {key}"));
            name = "";
        }
        if !labels.mapping.is_empty() {
            let scope = match labels.scope {
                LabelScope::Info => "on the info families",
                LabelScope::All => "on all families",
            };
            self.field("", scope);
        }
    }

    /// Which families there are, and for which Jobs.
    fn metrics(&mut self, metrics: &MetricsConfig) {
        match metrics.per_job {
            PerJob::All => {}
            PerJob::Active => self.field(
                "per Job",
                "only those not finished, and the last of each workload",
            ),
            PerJob::None => self.field("per Job", "nothing, only workloads and CronJobs"),
        }
        let default = MetricsConfig::default();
        if metrics.families != default.families {
            let FamilyFilter { include, exclude } = &metrics.families;
            self.field("families", list(include));
            if !exclude.is_empty() {
                self.field("leaving out", list(exclude));
            }
        }
        if metrics.run_duration_buckets != default.run_duration_buckets {
            let limits = metrics.run_duration_buckets.iter();
            let limits: Vec<_> = limits.map(|&s| time(Duration::from_secs_f64(s))).collect();
            self.field(
                "run durations",
                format!("in buckets up to {}", limits.join(", ")),
            );
        }
        if let Some(families) = &metrics.kube_state_metrics {
            self.kube_state_metrics(families);
        }
    }

    /// The families of kube-state-metrics.
    fn kube_state_metrics(&mut self, families: &KsmConfig) {
        self.field("kube_*", "as kube-state-metrics has them");
        let lists: [(&str, &AllowList); 4] = [
            ("job labels", &families.job_labels),
            ("job annotations", &families.job_annotations),
            ("cronjob labels", &families.cronjob_labels),
            ("cronjob annotations", &families.cronjob_annotations),
        ];
        for (what, allowed) in lists {
            if !allowed.is_empty() {
                self.field("", format!("{what}: {}", list(&allowed.keys)));
            }
        }
    }
}
