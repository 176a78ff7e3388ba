//! A summary of a configuration for people: the output of `--config.check`.

use std::fmt::Write as _;

use crate::model::Shard;

use super::{
    Agency, CciAuth, CciConfig, Config, EndpointConfig, KubernetesConfig, Mode, Namespaces,
    Pattern, PollConfig, Project, Scopes, Selection, TargetConfig, WebFile,
    duration::format as time,
};

mod series;
mod web;

/// The maximum number of Jobs in the list of a target.
const MAX_JOBS_LISTED: usize = 10;

/// Summarizes what `config` serves and reads, with the warnings of all stages. `web_file` is the web configuration file that it
/// names, if that is valid. Ends with a line break.
#[must_use]
pub fn describe(config: &Config, web_file: Option<&WebFile>, warnings: &[String]) -> String {
    let mut lines = Lines::default();
    lines.web(&config.web, web_file);
    lines.access(config);
    lines.series(config);
    for target in &config.targets {
        lines.target(target, config.sharding);
    }
    if !warnings.is_empty() {
        lines.title("warnings");
        for warning in warnings {
            lines.text(warning);
        }
    }
    lines.0
}

/// The lines of the summary.
#[derive(Default)]
struct Lines(String);

impl Lines {
    /// Starts a paragraph.
    fn title(&mut self, title: &str) {
        self.0.push('\n');
        self.0.push_str(title);
        self.0.push('\n');
    }

    /// Adds an indented line.
    fn text(&mut self, text: &str) {
        self.0.push_str("  ");
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// Adds a line with a name and a value.
    fn field(&mut self, name: &str, value: impl AsRef<str>) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "  {name:<13} {}", value.as_ref());
    }

    /// Adds who may look.
    fn access(&mut self, config: &Config) {
        let web = &config.web;
        let Some(auth) = &web.kubernetes_auth else {
            return;
        };
        let target = auth.target.as_deref();
        let of = target.map_or("the target".to_owned(), |name| format!("target {name}"));
        let grace = time(auth.outage_grace);
        self.field(
            "bearer tokens",
            format!("reviewed by {of}; in an outage, its answers are valid for {grace}"),
        );
        self.field(
            "",
            "needs permission to create tokenreviews and subjectaccessreviews there",
        );
        if web.authenticate_probes {
            self.field("", "/livez and /readyz need a login too");
        }
    }

    /// Adds the paragraph of a target, which this shard reads a part of.
    fn target(&mut self, target: &TargetConfig, shard: Option<Shard>) {
        match &target.name {
            Some(name) => self.title(&format!("target {name}")),
            None => self.title("target (without a name)"),
        }
        match &target.endpoint {
            EndpointConfig::Kubernetes(kubernetes) => self.field("API", kubernetes_api(kubernetes)),
            EndpointConfig::Cci(cci) => self.field("API", cci_api(cci)),
        }
        self.mode(target);
        if shard.is_some_and(|shard| !shard.is_only()) {
            self.shard(&target.mode);
        }
        self.probes(target);
    }

    /// Adds what a shard of several needs besides.
    fn shard(&mut self, mode: &Mode) {
        if let Mode::Watch(selection) = mode
            && selection.namespaces.scopes() == Scopes::All
        {
            self.field(
                "",
                "permission to list and watch namespaces; without it, this shard",
            );
            self.field("", "receives what is of other shards too, and skips it");
        }
    }

    /// Adds what is read of a target, and how.
    fn mode(&mut self, target: &TargetConfig) {
        match &target.mode {
            Mode::Watch(selection) => {
                self.field("mode", "watch");
                self.selection(selection);
                self.time_zone(target);
                self.permissions("list and watch", selection);
            }
            Mode::PollJobs { jobs, poll } => {
                let method = if poll.by_list { ", by list" } else { "" };
                let jobs_count = count(jobs.len(), "job");
                self.field("mode", format!("poll {jobs_count}{method}"));
                for job in jobs.iter().take(MAX_JOBS_LISTED) {
                    self.field("", format!("{}/{}", job.namespace, job.name));
                }
                if let Some(more @ 1..) = jobs.len().checked_sub(MAX_JOBS_LISTED) {
                    self.field("", format!("and {more} more"));
                }
                self.poll(poll);
                let permission = if poll.by_list {
                    "permission to list jobs in their namespaces, else to get jobs/status"
                } else {
                    "permission to get jobs/status in their namespaces"
                };
                self.field("needs", permission);
            }
            Mode::PollLists { selection, poll } => {
                self.field("mode", "poll lists");
                self.selection(selection);
                self.time_zone(target);
                self.poll(poll);
                self.permissions("list", selection);
            }
        }
    }

    /// Adds which Jobs can be probed that are not configured.
    fn probes(&mut self, target: &TargetConfig) {
        if !target.probes.any {
            return;
        }
        let timeout = time(target.probes.timeout);
        let rate = target.probes.requests_per_second;
        self.field(
            "probes",
            format!("any job, timeout {timeout}, {rate} per second"),
        );
        self.field("", "need permission to get jobs/status");
    }

    /// Adds the namespaces and the label selector.
    fn selection(&mut self, selection: &Selection) {
        let Namespaces { include, exclude } = &selection.namespaces;
        match selection.namespaces.scopes() {
            Scopes::Named(names) => self.field("namespaces", names.join(", ")),
            Scopes::All if include.is_empty() => self.field("namespaces", "all"),
            Scopes::All => self.field("namespaces", list(include)),
        }
        if !exclude.is_empty() {
            self.field("excluding", list(exclude));
        }
        if let Some(selector) = &selection.label_selector {
            self.field("selector", selector);
        }
    }

    /// Adds the default time zone of schedules.
    fn time_zone(&mut self, target: &TargetConfig) {
        let zone = target.controller_time_zone.name();
        self.field("schedules", format!("without a time zone are in {zone}"));
    }

    /// Adds the interval and the rate limits.
    fn poll(&mut self, poll: &PollConfig) {
        let (interval, timeout) = (time(poll.interval), time(poll.timeout));
        let (concurrency, rate) = (poll.concurrency, poll.requests_per_second);
        self.field("interval", format!("{interval}, request timeout {timeout}"));
        self.field(
            "limits",
            format!("{concurrency} concurrent requests, {rate} per second"),
        );
    }

    /// Adds the permissions that the credentials need.
    fn permissions(&mut self, verbs: &str, selection: &Selection) {
        let objects = if selection.pods {
            "jobs, cronjobs and pods"
        } else {
            "jobs and cronjobs"
        };
        let scope = match selection.namespaces.scopes() {
            Scopes::All => "in all namespaces (a ClusterRole)",
            Scopes::Named(_) => "in these namespaces (a Role in each)",
        };
        self.field("needs", format!("permission to {verbs} {objects} {scope}"));
    }
}

/// How a Kubernetes API is found.
fn kubernetes_api(kubernetes: &KubernetesConfig) -> String {
    let with_context = |kubeconfig: String| match &kubernetes.context {
        Some(context) => format!("{kubeconfig}, context {context}"),
        None => kubeconfig,
    };
    match (&kubernetes.kubeconfig, &kubernetes.context) {
        (Some(path), _) => with_context(format!("kubeconfig {}", path.display())),
        (None, Some(_)) => with_context("kubeconfig from $KUBECONFIG or ~/.kube/config".to_owned()),
        (None, None) => {
            "discovered like kubectl: $KUBECONFIG, ~/.kube/config, then the service account of the pod"
                .to_owned()
        }
    }
}

/// The endpoint and the identity of a CCI target, without secrets.
fn cci_api(cci: &CciConfig) -> String {
    let endpoint = &cci.endpoint;
    match &cci.auth {
        CciAuth::Token(token) => {
            let (Project::Name(project) | Project::Id(project)) = &token.project;
            let (user, domain) = (&token.username, &token.domain);
            let agency = match &token.agency {
                Some(Agency { domain, name }) => format!(", agency {name} of {domain}"),
                None => String::new(),
            };
            format!("{endpoint}, user {user} of {domain}{agency}, project {project}")
        }
        CciAuth::AccessKey(key) => {
            format!("{endpoint}, access key of project {}", key.project_id)
        }
        CciAuth::EcsAgency { project_id } => {
            let project = match project_id {
                Some(id) => format!(", project {id}"),
                None => String::new(),
            };
            format!("{endpoint}, agency of this ECS{project}")
        }
    }
}

/// Joins `patterns` with commas.
fn list(patterns: &[Pattern]) -> String {
    let names: Vec<_> = patterns.iter().map(Pattern::to_string).collect();
    names.join(", ")
}

/// Returns `1 job` or `2 jobs`.
fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests;
