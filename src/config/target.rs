//! `targets[]`: one API endpoint and what is read there.
//!
//! A key without effect in the configured mode is a problem and not ignored.

use std::collections::{BTreeMap, BTreeSet};

use kube_cron::{self, Zone};

use super::{
    EndpointConfig, JobReference, KubernetesConfig, Mode, PollConfig, ProbeConfig, Scopes,
    Selection, TargetConfig, cci, duration, namespaces, poll,
    reader::{Node, Section, quoted},
    selector, syntax,
};

/// The values of `mode`.
const MODES: [(&str, ModeName); 2] = [("watch", ModeName::Watch), ("poll", ModeName::Poll)];

/// A value of `mode`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ModeName {
    Watch,
    Poll,
}

/// Reads a target, which needs a name if there are several. `None` means that its endpoint is invalid.
pub(super) fn read(node: &Node<'_>, several: bool) -> Option<TargetConfig> {
    let section = node.section()?;
    let name = section.get("name");
    if several && name.is_none() {
        section
            .missing("name")
            .problem("is missing; it is required for more than one target");
    }
    let check = |text: &str| syntax::target_name(text).map(|()| text.to_owned());
    let name = name.and_then(|node| node.parsed(check));
    let endpoint = endpoint(&section);
    let (mode, probes) = mode(&section);
    if section.find("cci").is_some() {
        check_cci_watch(&section, &mode);
    }
    let controller_time_zone = controller_time_zone(&section, &mode);
    Some(TargetConfig {
        name,
        endpoint: endpoint?,
        mode,
        probes,
        controller_time_zone,
    })
}

/// Reads `kubernetes` or `cci`. Without both, the API is discovered like kubectl does.
fn endpoint(section: &Section<'_>) -> Option<EndpointConfig> {
    let kubernetes = section.find("kubernetes");
    let cci = section.find("cci");
    if let (Some(_), Some(cci)) = (&kubernetes, &cci) {
        cci.problem("conflicts with `kubernetes`; a target has one of the two");
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
            node.problem("must be a context name, is empty");
        }
        Some(context.to_owned())
    });
    Some(KubernetesConfig {
        kubeconfig,
        context,
    })
}

/// Reads `mode` and the keys that depend on it.
fn mode(section: &Section<'_>) -> (Mode, ProbeConfig) {
    let jobs = section.get("jobs").map(|node| (jobs(&node), node));
    let poll = section.get("poll");
    let selection = Selection {
        namespaces: section
            .get("namespaces")
            .and_then(|node| namespaces::read(&node))
            .unwrap_or_default(),
        label_selector: section
            .get("label_selector")
            .and_then(|node| label_selector(&node)),
        pods: section.get("pods").is_some_and(|node| pods(&node)),
    };
    match (mode_name(section), jobs) {
        (ModeName::Watch, jobs) => {
            if let Some((_, node)) = jobs {
                node.problem_with_hint(
                    "has no effect in watch mode",
                    "set `mode: poll` to poll single jobs",
                );
            }
            let probes = poll.map(|node| poll::read_watched(&node));
            (Mode::Watch(selection), probes.unwrap_or_default())
        }
        (ModeName::Poll, Some((jobs, node))) => {
            for key in ["namespaces", "label_selector"] {
                if let Some(other) = section.get(key) {
                    other.problem("has no effect with `jobs`, which lists every job to read");
                }
            }
            if let (true, Some(node)) = (selection.pods, section.get("pods")) {
                node.problem_with_hint(
                    "has no effect with `jobs`: pods are listed or watched",
                    "omit `jobs` to read all jobs of the namespaces",
                );
            }
            let (poll, any) = poll.map(|node| poll::read(&node)).unwrap_or_default();
            if poll.by_list {
                let namespaces: BTreeSet<_> = jobs.iter().map(|job| &job.namespace).collect();
                warn_if_too_slow(&node, "lists", namespaces.len(), poll);
            } else {
                warn_if_too_slow(&node, "jobs", jobs.len(), poll);
            }
            let probes = ProbeConfig::new(any, poll);
            (Mode::PollJobs { jobs, poll }, probes)
        }
        (ModeName::Poll, None) => poll_lists(section, selection, poll.as_ref()),
    }
}

/// The mode that polls lists. Checks the keys that depend on it.
fn poll_lists(
    section: &Section<'_>,
    selection: Selection,
    node: Option<&Node<'_>>,
) -> (Mode, ProbeConfig) {
    let (poll, any) = node.map(poll::read).unwrap_or_default();
    if let (true, Some(node)) = (poll.by_list, node) {
        let by_list = node.for_unset_key(format!("{}.by_list", node.path()));
        by_list.problem_with_hint(
            "has no effect without `jobs`",
            "a target without `jobs` always polls lists",
        );
    }
    if let (Scopes::Named(names), Some(node)) =
        (selection.namespaces.scopes(), section.get("namespaces"))
    {
        // Jobs and CronJobs are two lists, pods another one.
        let lists = if selection.pods { 3 } else { 2 };
        warn_if_too_slow(&node, "lists", names.len() * lists, poll);
    }
    let probes = ProbeConfig::new(any, poll);
    (Mode::PollLists { selection, poll }, probes)
}

/// Reads `mode`. The default is to poll single jobs and CCI, and to watch everything else.
fn mode_name(section: &Section<'_>) -> ModeName {
    let default = if section.get("jobs").is_some() || section.find("cci").is_some() {
        ModeName::Poll
    } else {
        ModeName::Watch
    };
    section
        .get("mode")
        .and_then(|node| node.choice(&MODES))
        .unwrap_or(default)
}

/// Reads `controller_time_zone`.
fn controller_time_zone(section: &Section<'_>, mode: &Mode) -> Zone {
    let Some(node) = section.get("controller_time_zone") else {
        return Zone::default();
    };
    if let Mode::PollJobs { .. } = mode {
        node.problem("has no effect with `jobs`: no CronJobs are read");
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
            _ => "use an IANA name such as `UTC` or `Europe/Berlin`".to_owned(),
        };
        let name = quoted(name);
        node.problem_with_hint(format!("`{name}` is not a time zone"), hint);
        Zone::default()
    })
}

/// Reads `label_selector`.
fn label_selector(node: &Node<'_>) -> Option<String> {
    let check = |text: &str| selector::check(text).map(|()| text.trim().to_owned());
    node.parsed_or_hint(check, |text| Some(selector::hint(text)))
}

/// Reads `pods`.
fn pods(node: &Node<'_>) -> bool {
    let section = node.section();
    let enabled = section.and_then(|section| section.get("enabled")?.boolean());
    enabled.unwrap_or(false)
}

/// Reads `jobs`.
fn jobs(node: &Node<'_>) -> Vec<JobReference> {
    let Some(items) = node.items() else {
        return Vec::new();
    };
    if items.is_empty() {
        node.problem_with_hint("lists no jobs", "omit the key to read all jobs");
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

/// Warns if `count` requests take longer than the interval.
fn warn_if_too_slow(node: &Node<'_>, what: &str, count: usize, poll: PollConfig) {
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

/// Checks that a watch on CCI names its namespaces. CCI has no watch across namespaces.
fn check_cci_watch(section: &Section<'_>, mode: &Mode) {
    if let Mode::Watch(Selection { namespaces, .. }) = mode
        && namespaces.scopes() == Scopes::All
    {
        section.node.problem_with_hint(
            "CCI cannot be watched across all namespaces",
            "list each namespace in `namespaces.include` without `*`, or set `mode: poll`",
        );
    }
}
