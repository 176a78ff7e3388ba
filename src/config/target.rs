//! `targets[]`: one API endpoint, and what is read there.
//!
//! A key that would have no effect in the mode at hand is a problem, not a setting that is passed over.

use std::collections::{BTreeMap, BTreeSet};

use kube_cron::{self, Zone};

use super::{
    EndpointConfig, JobReference, KubernetesConfig, Mode, PollConfig, Scopes, Selection,
    TargetConfig, cci, duration, namespaces, poll,
    reader::{Node, Section, shown},
    selector, syntax,
};

/// The modes by their names in the configuration.
const MODES: [(&str, Way); 2] = [("watch", Way::Watch), ("poll", Way::PollConfig)];

/// How a target is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// List and watch.
    Watch,
    /// Ask again and again.
    PollConfig,
}

/// Reads a target, one of several or the only one. `None` if it is not clear which API is meant.
pub(super) fn read(node: &Node<'_>, several: bool) -> Option<TargetConfig> {
    let section = node.section()?;
    let name = section.get("name");
    if several && name.is_none() {
        section
            .missing("name")
            .problem("is missing; only a single target may go without");
    }
    let check = |text: &str| syntax::target_name(text).map(|()| text.to_owned());
    let name = name.and_then(|node| node.parsed(check));
    let endpoint = endpoint(&section);
    let mode = mode(&section);
    if section.find("cci").is_some() {
        check_cci_watch(&section, &mode);
    }
    let controller_time_zone = controller_time_zone(&section, &mode);
    Some(TargetConfig {
        name,
        endpoint: endpoint?,
        mode,
        controller_time_zone,
    })
}

/// Reads `kubernetes` or `cci`; with neither it is a Kubernetes API found as kubectl finds it.
fn endpoint(section: &Section<'_>) -> Option<EndpointConfig> {
    let kubernetes = section.find("kubernetes");
    let cci = section.find("cci");
    if let (Some(_), Some(cci)) = (&kubernetes, &cci) {
        cci.problem("stands beside `kubernetes`; a target has one of the two");
    }
    let cci = cci.map(|node| cci::read(&node).map(EndpointConfig::Cci));
    let kubernetes = kubernetes.map(|node| kubernetes_api(&node).map(EndpointConfig::Kubernetes));
    cci.or(kubernetes)
        .unwrap_or_else(|| Some(EndpointConfig::Kubernetes(KubernetesConfig::default())))
}

/// Reads `kubernetes`.
fn kubernetes_api(node: &Node<'_>) -> Option<KubernetesConfig> {
    let section = node.section()?;
    let kubeconfig = section.get("kubeconfig").and_then(|node| node.file_path());
    let context = section.get("context").and_then(|node| {
        let context = node.text()?;
        if context.is_empty() {
            node.problem("must be the name of a context, is empty");
        }
        Some(context.to_owned())
    });
    Some(KubernetesConfig {
        kubeconfig,
        context,
    })
}

/// Reads `mode` and the keys whose meaning depends on it.
fn mode(section: &Section<'_>) -> Mode {
    let jobs = section.get("jobs").map(|node| (jobs(&node), node));
    let poll = section.get("poll").map(|node| (poll::read(&node), node));
    let selection = Selection {
        namespaces: section
            .get("namespaces")
            .and_then(|node| namespaces::read(&node))
            .unwrap_or_default(),
        label_selector: section
            .get("label_selector")
            .and_then(|node| label_selector(&node)),
    };
    match (way(section), jobs, poll) {
        (Way::Watch, jobs, poll) => {
            if let Some((_, node)) = jobs {
                node.problem_with_hint(
                    "has no effect when watching",
                    "single jobs are polled: `mode: poll`",
                );
            }
            if let Some((_, node)) = poll {
                node.problem_with_hint("has no effect when watching", "to poll, set `mode: poll`");
            }
            Mode::Watch(selection)
        }
        (Way::PollConfig, Some((jobs, node)), poll) => {
            for key in ["namespaces", "label_selector"] {
                if let Some(other) = section.get(key) {
                    other.problem("has no effect beside `jobs`, which names each job to read");
                }
            }
            let poll = poll.map(|(poll, _)| poll).unwrap_or_default();
            if poll.by_list {
                let namespaces: BTreeSet<_> = jobs.iter().map(|job| &job.namespace).collect();
                warn_when_late(&node, "lists", namespaces.len(), poll);
            } else {
                warn_when_late(&node, "jobs", jobs.len(), poll);
            }
            Mode::PollJobs { jobs, poll }
        }
        (Way::PollConfig, None, poll) => {
            if let Some((PollConfig { by_list: true, .. }, node)) = &poll {
                let by_list = node.instead_of(format!("{}.by_list", node.path()));
                by_list.problem_with_hint(
                    "has no effect without `jobs`",
                    "lists are what is polled then",
                );
            }
            let poll = poll.map(|(poll, _)| poll).unwrap_or_default();
            if let (Scopes::Named(names), Some(node)) =
                (selection.namespaces.scopes(), section.get("namespaces"))
            {
                // Jobs and CronJobs are two lists.
                warn_when_late(&node, "lists", names.len() * 2, poll);
            }
            Mode::PollLists { selection, poll }
        }
    }
}

/// Which way `mode` says. Without it: single jobs and CCI are polled, all else is watched.
fn way(section: &Section<'_>) -> Way {
    let implied = if section.get("jobs").is_some() || section.find("cci").is_some() {
        Way::PollConfig
    } else {
        Way::Watch
    };
    section
        .get("mode")
        .and_then(|node| node.choice("a mode", &MODES))
        .unwrap_or(implied)
}

/// Reads `controller_time_zone`.
fn controller_time_zone(section: &Section<'_>, mode: &Mode) -> Zone {
    let Some(node) = section.get("controller_time_zone") else {
        return Zone::default();
    };
    if let Mode::PollJobs { .. } = mode {
        node.problem("has no effect beside `jobs`: no CronJob is read then");
    }
    let Some(name) = node.text() else {
        return Zone::default();
    };
    Zone::named(name).unwrap_or_else(|error| {
        let hint = match error {
            kube_cron::Error::UnknownZone {
                suggestion: Some(name),
                ..
            } => format!("did you mean `{name}`?"),
            _ => "write its IANA name, such as `UTC` or `Europe/Berlin`".to_owned(),
        };
        let name = shown(name);
        node.problem_with_hint(format!("`{name}` is not a time zone"), hint);
        Zone::default()
    })
}

/// Reads `label_selector`.
fn label_selector(node: &Node<'_>) -> Option<String> {
    node.parsed(|text| selector::check(text).map(|()| text.trim().to_owned()))
}

/// Reads `jobs`.
fn jobs(node: &Node<'_>) -> Vec<JobReference> {
    let Some(items) = node.items() else {
        return Vec::new();
    };
    if items.is_empty() {
        node.problem_with_hint("names no job", "leave it out to read all jobs");
    }
    let mut seen = BTreeMap::new();
    let mut jobs = Vec::new();
    for item in &items {
        let Some(job) = job(item) else {
            continue;
        };
        if let Some(first) = seen.get(&job) {
            item.problem(format!("is the same job as {first}"));
            continue;
        }
        seen.insert(job.clone(), item.path());
        jobs.push(job);
    }
    jobs
}

/// Reads an item of `jobs`.
fn job(node: &Node<'_>) -> Option<JobReference> {
    let section = node.section()?;
    let text = |key, check: fn(&str) -> Result<(), &'static str>| {
        let node = section.required(key)?;
        node.parsed(|text| check(text).map(|()| text.to_owned()))
    };
    let namespace = text("namespace", syntax::namespace);
    let name = text("name", syntax::object_name);
    Some(JobReference {
        namespace: namespace?,
        name: name?,
    })
}

/// Warns when `count` requests do not fit into the interval.
fn warn_when_late(node: &Node<'_>, what: &str, count: usize, poll: PollConfig) {
    let time = poll.time_for(u32::try_from(count).unwrap_or(u32::MAX));
    if time > poll.interval {
        let rate = poll.requests_per_second;
        let seconds = time.as_secs_f64().ceil();
        let interval = duration::format(poll.interval);
        node.warn(format!(
            "{count} {what} at {rate} requests per second take {seconds} s, longer than the interval of {interval}"
        ));
    }
}

/// CCI cannot be watched across namespaces.
fn check_cci_watch(section: &Section<'_>, mode: &Mode) {
    if let Mode::Watch(Selection { namespaces, .. }) = mode
        && namespaces.scopes() == Scopes::All
    {
        section.node.problem_with_hint(
            "CCI can be watched in single namespaces only",
            "name each in `namespaces.include`, without `*`, or use `mode: poll`",
        );
    }
}
