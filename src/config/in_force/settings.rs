//! The sections of the configuration other than `targets`.

use super::Settings;
use crate::config::{
    Config, EventsConfig, FamilyFilter, HistoryConfig, HistoryStorage, KsmConfig,
    KubernetesAuthConfig, LabelsConfig, LimitsConfig, ListLimits, MetricsConfig, Override,
    OverrideMatch, OverridesConfig, PostgresConfig, ThresholdsConfig, WebConfig,
};
use crate::model::Shard;

impl Settings<'_> {
    /// Adds everything.
    pub(super) fn config(&mut self, config: &Config) {
        let Config {
            web,
            targets,
            sharding,
            labels,
            workload_label,
            thresholds,
            limits,
            overrides,
            retain_deleted,
            retain_workloads,
            stale_after,
            history,
            events: EventsConfig { log },
            metrics,
            log_level,
            warnings: _,
        } = config;
        self.web(web);
        for (position, target) in targets.iter().enumerate() {
            self.target(&format!("targets[{position}]"), target);
        }
        self.sharding(*sharding);
        self.labels(labels);
        self.add("workload_label", workload_label);
        self.thresholds(thresholds);
        self.limits(limits);
        self.overrides(overrides);
        self.add("retain_deleted", retain_deleted);
        self.add("retain_workloads", retain_workloads);
        self.add("stale_after", stale_after);
        self.history(history.as_ref());
        self.add("events.log", log);
        self.metrics(metrics);
        self.add("log.level", log_level);
    }

    fn web(&mut self, web: &WebConfig) {
        let WebConfig {
            config_file,
            listen_addresses,
            systemd_socket,
            probe_listen_address,
            telemetry_path,
            external_url,
            route_prefix,
            max_connections,
            ready_grace,
            shutdown_timeout,
            kubernetes_auth,
            authenticate_probes,
            enable_lifecycle,
        } = web;
        self.add("web.config_file", config_file);
        self.add("web.listen_address", &listen_addresses[..]);
        self.add("web.systemd_socket", systemd_socket);
        self.add("web.probe_listen_address", probe_listen_address);
        self.add("web.telemetry_path", telemetry_path);
        self.add("web.external_url", external_url);
        let prefix = Some(route_prefix.as_str()).filter(|prefix| !prefix.is_empty());
        self.add("web.route_prefix", prefix.unwrap_or("/"));
        self.add("web.max_connections", max_connections);
        self.add("web.ready_grace", ready_grace);
        self.add("web.shutdown_timeout", shutdown_timeout);
        if let Some(KubernetesAuthConfig {
            target,
            outage_grace,
        }) = kubernetes_auth
        {
            self.add("web.kubernetes_auth.target", target);
            self.add("web.kubernetes_auth.outage_grace", outage_grace);
        }
        self.add("web.authenticate_probes", authenticate_probes);
        self.add("web.enable_lifecycle", enable_lifecycle);
    }

    fn sharding(&mut self, sharding: Option<Shard>) {
        self.add("sharding.shards", &sharding.map(Shard::shards));
        if let Some(shard) = sharding {
            self.add("sharding.shard", &shard.index());
        }
    }

    fn labels(&mut self, labels: &LabelsConfig) {
        let LabelsConfig { mapping, scope } = labels;
        for mapped in mapping {
            self.add(format!("labels.{}", mapped.label), &mapped.source);
        }
        self.add("label_scope", scope);
    }

    fn thresholds(&mut self, thresholds: &ThresholdsConfig) {
        let ThresholdsConfig {
            max_duration,
            max_success_age,
            start_grace,
            max_failures,
        } = thresholds;
        self.add("thresholds.max_duration", max_duration);
        self.add("thresholds.max_success_age", max_success_age);
        self.add("thresholds.start_grace", start_grace);
        self.add("thresholds.max_failures", max_failures);
    }

    fn limits(&mut self, limits: &LimitsConfig) {
        let LimitsConfig {
            workloads,
            label_value_bytes,
            list,
        } = limits;
        let ListLimits {
            objects,
            pages,
            bytes,
            duration,
        } = list;
        self.add("limits.workloads", workloads);
        self.add("limits.label_value_bytes", label_value_bytes);
        self.add("limits.list_objects", objects);
        self.add("limits.list_pages", pages);
        self.add("limits.list_bytes", bytes);
        self.add("limits.list_duration", duration);
    }

    fn overrides(&mut self, overrides: &OverridesConfig) {
        let OverridesConfig { entries } = overrides;
        for (position, (matched, set)) in entries.iter().enumerate() {
            self.override_match(&format!("overrides[{position}].match"), matched);
            self.override_set(&format!("overrides[{position}].set"), set);
        }
    }

    fn override_match(&mut self, path: &str, matched: &OverrideMatch) {
        let OverrideMatch {
            target,
            namespace,
            workload_type,
            workload,
        } = matched;
        self.add_given(format!("{path}.target"), target.as_ref());
        self.add_given(format!("{path}.namespace"), namespace.as_ref());
        self.add_given(format!("{path}.workload_type"), workload_type.as_ref());
        self.add_given(format!("{path}.workload"), workload.as_ref());
    }

    fn override_set(&mut self, path: &str, set: &Override) {
        let Override {
            max_duration,
            max_success_age,
            start_grace,
            max_failures,
            severity,
            runbook,
            ignore,
        } = set;
        self.add_given(format!("{path}.max_duration"), max_duration.as_ref());
        self.add_given(format!("{path}.max_success_age"), max_success_age.as_ref());
        self.add_given(format!("{path}.start_grace"), start_grace.as_ref());
        self.add_given(format!("{path}.max_failures"), max_failures.as_ref());
        self.add_given(format!("{path}.severity"), severity.as_ref());
        self.add_given(format!("{path}.runbook"), runbook.as_ref());
        self.add_given(format!("{path}.ignore"), ignore.as_ref());
    }

    fn history(&mut self, history: Option<&HistoryConfig>) {
        let Some(HistoryConfig {
            storage,
            runs_per_workload,
            max_age,
        }) = history
        else {
            self.add("history.path", &None::<String>);
            return;
        };
        match storage {
            HistoryStorage::File(path) => self.add("history.path", path),
            HistoryStorage::Postgres(postgres) => self.postgres(postgres),
        }
        self.add("history.runs_per_workload", runs_per_workload);
        self.add("history.max_age", max_age);
    }

    fn postgres(&mut self, postgres: &PostgresConfig) {
        let PostgresConfig {
            url_file,
            reader_url_file,
            schema,
            ca_file,
        } = postgres;
        self.add("history.postgres.url_file", url_file);
        self.add("history.postgres.reader_url_file", reader_url_file);
        self.add("history.postgres.schema", schema);
        self.add("history.postgres.ca_file", ca_file);
    }

    fn metrics(&mut self, metrics: &MetricsConfig) {
        let MetricsConfig {
            per_job,
            spec,
            families: FamilyFilter { include, exclude },
            run_duration_buckets,
            cache_size,
            native_histograms,
            kube_state_metrics,
        } = metrics;
        self.add("metrics.per_job", per_job);
        self.add("metrics.spec", spec);
        self.add("metrics.include", &include[..]);
        self.add("metrics.exclude", &exclude[..]);
        self.add("metrics.run_duration_buckets", &run_duration_buckets[..]);
        self.add("metrics.cache_size", cache_size);
        self.add("metrics.native_histograms", native_histograms);
        let ksm = "metrics.kube_state_metrics";
        self.add(format!("{ksm}.enabled"), &kube_state_metrics.is_some());
        if let Some(KsmConfig {
            job_labels,
            job_annotations,
            cronjob_labels,
            cronjob_annotations,
        }) = kube_state_metrics
        {
            self.add(format!("{ksm}.job_labels"), &job_labels.keys[..]);
            self.add(format!("{ksm}.job_annotations"), &job_annotations.keys[..]);
            self.add(format!("{ksm}.cronjob_labels"), &cronjob_labels.keys[..]);
            let annotations = &cronjob_annotations.keys[..];
            self.add(format!("{ksm}.cronjob_annotations"), annotations);
        }
    }
}
