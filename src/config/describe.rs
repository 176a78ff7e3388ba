//! What a configuration means, in words: the output of `--config.check`.

use std::fmt::Write as _;

use super::{
    Agency, CciAuth, CciConfig, Config, EndpointConfig, KubernetesConfig, Mode, Namespaces,
    Pattern, PollConfig, Project, Scopes, Selection, TargetConfig, duration::format as time,
};

mod series;

/// Jobs named in full; more are counted.
const JOBS_SHOWN: usize = 10;

/// What would be served and watched with `settings`, for a person to read. Ends with a line break.
#[must_use]
pub fn describe(settings: &Config) -> String {
    let mut lines = Lines::default();
    let web = &settings.web;
    for address in &web.listen_addresses {
        lines.field("serves", format!("http://{address}{}", web.telemetry_path));
    }
    lines.series(settings);
    for target in &settings.targets {
        lines.target(target);
    }
    if !settings.warnings.is_empty() {
        lines.title("warnings");
        for warning in &settings.warnings {
            lines.text(&warning.to_string());
        }
    }
    lines.0
}

/// The text so far.
#[derive(Default)]
struct Lines(String);

impl Lines {
    /// Begins a paragraph.
    fn title(&mut self, title: &str) {
        self.0.push('\n');
        self.0.push_str(title);
        self.0.push('\n');
    }

    /// An indented line.
    fn text(&mut self, text: &str) {
        self.0.push_str("  ");
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// A named fact.
    fn field(&mut self, name: &str, value: impl AsRef<str>) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "  {name:<13} {}", value.as_ref());
    }

    /// A target.
    fn target(&mut self, target: &TargetConfig) {
        match &target.name {
            Some(name) => self.title(&format!("target {name}")),
            None => self.title("target (without a name)"),
        }
        match &target.endpoint {
            EndpointConfig::Kubernetes(kubernetes) => self.field("API", kubernetes_api(kubernetes)),
            EndpointConfig::Cci(cci) => self.field("API", cci_api(cci)),
        }
        match &target.mode {
            Mode::Watch(selection) => {
                self.field("mode", "watch");
                self.selection(selection);
                self.time_zone(target);
                self.rights("list and watch jobs and cronjobs", &selection.namespaces);
            }
            Mode::PollJobs { jobs, poll } => {
                let way = if poll.by_list { ", by list" } else { "" };
                let jobs_count = count(jobs.len(), "job");
                self.field("mode", format!("poll {jobs_count}{way}"));
                for job in jobs.iter().take(JOBS_SHOWN) {
                    self.field("", format!("{}/{}", job.namespace, job.name));
                }
                if let Some(more @ 1..) = jobs.len().checked_sub(JOBS_SHOWN) {
                    self.field("", format!("and {more} more"));
                }
                self.poll(poll);
                let right = if poll.by_list {
                    "the right to list jobs in their namespaces, else to get jobs/status"
                } else {
                    "the right to get jobs/status in their namespaces"
                };
                self.field("needs", right);
            }
            Mode::PollLists { selection, poll } => {
                self.field("mode", "poll lists");
                self.selection(selection);
                self.time_zone(target);
                self.poll(poll);
                self.rights("list jobs and cronjobs", &selection.namespaces);
            }
        }
    }

    /// Which objects are read.
    fn selection(&mut self, selection: &Selection) {
        let Namespaces { include, exclude } = &selection.namespaces;
        match selection.namespaces.scopes() {
            Scopes::Named(names) => self.field("namespaces", names.join(", ")),
            Scopes::All if include.is_empty() => self.field("namespaces", "all"),
            Scopes::All => self.field("namespaces", list(include)),
        }
        if !exclude.is_empty() {
            self.field("leaving out", list(exclude));
        }
        if let Some(selector) = &selection.label_selector {
            self.field("labels", selector);
        }
    }

    /// How schedules are understood.
    fn time_zone(&mut self, target: &TargetConfig) {
        let zone = target.controller_time_zone.name();
        self.field(
            "schedules",
            format!("in {zone} where they name no time zone"),
        );
    }

    /// How often requests are made.
    fn poll(&mut self, poll: &PollConfig) {
        let (interval, timeout) = (time(poll.interval), time(poll.timeout));
        let (concurrency, rate) = (poll.concurrency, poll.requests_per_second);
        self.field(
            "every",
            format!("{interval}, each request at most {timeout}"),
        );
        self.field(
            "limits",
            format!("{concurrency} requests at a time, {rate} per second"),
        );
    }

    /// What the credentials must allow.
    fn rights(&mut self, verbs: &str, namespaces: &Namespaces) {
        let scope = match namespaces.scopes() {
            Scopes::All => "in all namespaces (a ClusterRole)",
            Scopes::Named(_) => "in these namespaces (a Role in each)",
        };
        self.field("needs", format!("the right to {verbs} {scope}"));
    }
}

/// Where a Kubernetes API is found.
fn kubernetes_api(kubernetes: &KubernetesConfig) -> String {
    let context = |found: String| match &kubernetes.context {
        Some(context) => format!("{found}, context {context}"),
        None => found,
    };
    match (&kubernetes.kubeconfig, &kubernetes.context) {
        (Some(path), _) => context(format!("kubeconfig {}", path.display())),
        (None, Some(_)) => context("kubeconfig from $KUBECONFIG or ~/.kube/config".to_owned()),
        (None, None) => {
            "as kubectl finds it: $KUBECONFIG, ~/.kube/config, else the service account of the pod"
                .to_owned()
        }
    }
}

/// Where CCI is and who asks.
fn cci_api(cci: &CciConfig) -> String {
    let endpoint = &cci.endpoint;
    match &cci.auth {
        CciAuth::Token(token) => {
            let (Project::Name(project) | Project::Id(project)) = &token.project;
            let (user, domain) = (&token.username, &token.domain);
            let agency = match &token.agency {
                Some(Agency { domain, name }) => format!(", as agency {name} of {domain}"),
                None => String::new(),
            };
            format!("{endpoint}, as {user} of {domain}{agency} in {project}")
        }
        CciAuth::AccessKey(key) => {
            format!("{endpoint}, with an access key in {}", key.project_id)
        }
        CciAuth::EcsAgency { project_id } => {
            let project = match project_id {
                Some(id) => format!(" in {id}"),
                None => String::new(),
            };
            format!("{endpoint}, with the agency of this server{project}")
        }
    }
}

/// `patterns` with commas between.
fn list(patterns: &[Pattern]) -> String {
    let names: Vec<_> = patterns.iter().map(Pattern::to_string).collect();
    names.join(", ")
}

/// `1 job`, `2 jobs`.
fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests;
