//! Which cluster kubectl would take: which kubeconfigs are read, and what is in them together.
//!
//! The files are read and merged by kube-client 5.0. Its faults are corrected here:
//!
//! - A file in `$KUBECONFIG` that does not exist is an error; kubectl skips it.
//! - An empty `current-context` in one file hides that of the next.
//! - `$KUBECONFIG` with only colons means `~/.kube/config`; to kubectl it means no file.
//! - Any error leads to the service account of the pod, which is perhaps another cluster; to kubectl only a missing kubeconfig does.

use std::{
    collections::HashSet,
    env, io,
    path::{Path, PathBuf},
};

use kube::config::{Cluster, Context, Kubeconfig, KubeconfigError};

use crate::client::{environment::Environment, error::describe};

/// Where a pod finds its service account.
pub(super) const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// What describes the cluster.
#[derive(Debug)]
pub(super) enum Found {
    Kubeconfig(MergedKubeconfig),
    /// There is no kubeconfig, and this process runs in a pod.
    ServiceAccount(ServiceAccount),
}

/// The content of one or several kubeconfig files.
#[derive(Debug)]
pub(super) struct MergedKubeconfig {
    pub(super) kubeconfig: Kubeconfig,
    /// Names the files in messages.
    pub(super) origin: String,
    /// The files.
    pub(super) paths: Vec<PathBuf>,
}

/// A context with its cluster and the name of its user.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundContext<'a> {
    pub(super) name: &'a str,
    /// The name of the cluster.
    pub(super) cluster: &'a str,
    pub(super) settings: &'a Cluster,
    /// Empty if the context has none.
    pub(super) user: &'a str,
}

/// The service account of the pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServiceAccount {
    pub(super) host: String,
    pub(super) port: String,
    pub(super) token_file: PathBuf,
    pub(super) ca_file: PathBuf,
}

/// Reads a file that must exist.
pub(super) fn explicit(path: &Path) -> Result<MergedKubeconfig, String> {
    match read(path)? {
        Some(kubeconfig) => Ok(MergedKubeconfig {
            kubeconfig,
            origin: origin(&[path]),
            paths: vec![path.to_owned()],
        }),
        None => Err(format!(
            "cannot read the kubeconfig {}: No such file or directory",
            path.display()
        )),
    }
}

/// Searches as kubectl does: `$KUBECONFIG`, else `~/.kube/config`; else the service account in `directory`, unless a context is
/// wanted.
pub(super) fn discover(
    environment: &Environment,
    directory: &Path,
    context: Option<&str>,
) -> Result<Found, String> {
    let paths = paths(environment);
    let mut merged = Kubeconfig::default();
    let mut existing: Vec<&Path> = Vec::new();
    for path in &paths {
        let Some(kubeconfig) = read(path)? else {
            tracing::debug!(path = %path.display(), "there is no such kubeconfig");
            continue;
        };
        existing.push(path);
        merged = merged
            .merge(kubeconfig)
            .map_err(|error| format!("cannot merge {}: {}", origin(&existing), describe(&error)))?;
    }
    if !is_empty(&merged) {
        return Ok(Found::Kubeconfig(MergedKubeconfig {
            kubeconfig: merged,
            origin: origin(&existing),
            paths: existing.into_iter().map(Path::to_owned).collect(),
        }));
    }
    let nothing = what_is_missing(environment, &paths, &existing);
    if let Some(context) = context {
        return Err(format!("there is no context `{context}`: {nothing}"));
    }
    match ServiceAccount::find(environment, directory) {
        Ok(account) => Ok(Found::ServiceAccount(account)),
        Err(no_pod) => Err(format!("no cluster found: {nothing}, and {no_pod}")),
    }
}

/// The files that kubectl would read. They need not exist.
fn paths(environment: &Environment) -> Vec<PathBuf> {
    match environment.value("KUBECONFIG") {
        Some(list) => env::split_paths(&list)
            .filter(|path| !path.as_os_str().is_empty())
            .collect(),
        None => match environment.value("HOME") {
            Some(home) => vec![Path::new(&home).join(".kube/config")],
            None => Vec::new(),
        },
    }
}

/// Reads one file; `None` if it does not exist.
fn read(path: &Path) -> Result<Option<Kubeconfig>, String> {
    let shown = path.display();
    match Kubeconfig::read_from(path) {
        Ok(mut kubeconfig) => {
            kubeconfig.current_context = kubeconfig.current_context.filter(|name| !name.is_empty());
            super::blank::remove(&mut kubeconfig, path);
            check_names(&kubeconfig)
                .map_err(|problem| format!("the kubeconfig {shown} has {problem}"))?;
            Ok(Some(kubeconfig))
        }
        Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(KubeconfigError::ReadConfig(error, _)) => {
            Err(format!("cannot read the kubeconfig {shown}: {error}"))
        }
        // The error itself quotes the file, which contains secrets.
        Err(KubeconfigError::Parse(error)) => {
            let place = error
                .location()
                .map(|at| format!(" at line {} column {}", at.line(), at.column()));
            let place = place.unwrap_or_default();
            Err(format!(
                "the kubeconfig {shown} is not valid YAML{place}, or not a kubeconfig"
            ))
        }
        Err(error) => Err(format!(
            "the kubeconfig {shown} is invalid: {}",
            describe(&error)
        )),
    }
}

/// A name that occurs twice in one file is an error for kubectl. kube-client takes the first.
fn check_names(kubeconfig: &Kubeconfig) -> Result<(), String> {
    let clusters: Vec<_> = kubeconfig
        .clusters
        .iter()
        .map(|named| &named.name)
        .collect();
    let users: Vec<_> = kubeconfig
        .auth_infos
        .iter()
        .map(|named| &named.name)
        .collect();
    let contexts: Vec<_> = kubeconfig
        .contexts
        .iter()
        .map(|named| &named.name)
        .collect();
    for (kind, names) in [
        ("clusters", clusters),
        ("users", users),
        ("contexts", contexts),
    ] {
        let mut known = HashSet::new();
        if let Some(name) = names.into_iter().find(|name| !known.insert(*name)) {
            return Err(format!("two {kind} `{name}`: rename one of them"));
        }
    }
    Ok(())
}

fn is_empty(kubeconfig: &Kubeconfig) -> bool {
    kubeconfig.clusters.is_empty()
        && kubeconfig.auth_infos.is_empty()
        && kubeconfig.contexts.is_empty()
        && kubeconfig.current_context.is_none()
}

fn origin(paths: &[&Path]) -> String {
    let shown: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    match shown.as_slice() {
        [path] => format!("the kubeconfig {path}"),
        paths => format!("the kubeconfigs {}", paths.join(", ")),
    }
}

/// Says why there is no kubeconfig.
fn what_is_missing(environment: &Environment, paths: &[PathBuf], existing: &[&Path]) -> String {
    let all: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    match (environment.value("KUBECONFIG"), existing, all.as_slice()) {
        (_, [], [path]) => format!("{} does not exist", origin(&[path])),
        (_, [_], [path]) => format!("{} is empty", origin(&[path])),
        (Some(_), _, []) => "$KUBECONFIG names no file".to_owned(),
        (None, _, []) => "neither $KUBECONFIG nor $HOME is set".to_owned(),
        (_, [], _) => format!("{}, which $KUBECONFIG names, do not exist", origin(&all)),
        _ => format!(
            "{}, which $KUBECONFIG names, do not exist or are empty",
            origin(&all)
        ),
    }
}

impl MergedKubeconfig {
    /// Finds a context; `None` is the current one.
    pub(super) fn context<'a>(
        &'a self,
        wanted: Option<&'a str>,
    ) -> Result<FoundContext<'a>, String> {
        let Self {
            kubeconfig, origin, ..
        } = self;
        let name = wanted.or(kubeconfig.current_context.as_deref());
        let name = name.ok_or_else(|| {
            format!(
                "{origin} has no current context: run `kubectl config use-context`, or configure `kubernetes.context` ({})",
                known_contexts(kubeconfig)
            )
        })?;
        let mut contexts = kubeconfig.contexts.iter();
        let found = contexts.find(|named| named.name == name);
        let found = found.and_then(|named| named.context.as_ref());
        let Context { cluster, user, .. } = found.ok_or_else(|| {
            let known = known_contexts(kubeconfig);
            format!("{origin} has no context `{name}` ({known})")
        })?;
        let mut clusters = kubeconfig.clusters.iter();
        let found = clusters.find(|named| named.name == *cluster);
        let settings = found.and_then(|named| named.cluster.as_ref());
        let settings = settings.ok_or_else(|| {
            format!("{origin} has no cluster `{cluster}`, which its context `{name}` names")
        })?;
        Ok(FoundContext {
            name,
            cluster,
            settings,
            user: user.as_deref().unwrap_or_default(),
        })
    }
}

fn known_contexts(kubeconfig: &Kubeconfig) -> String {
    let names = kubeconfig
        .contexts
        .iter()
        .map(|named| format!("`{}`", named.name));
    match names.collect::<Vec<_>>().as_slice() {
        [] => "it has no contexts".to_owned(),
        names => format!("it has {}", names.join(", ")),
    }
}

impl ServiceAccount {
    /// The service account of this pod, or why there is none.
    fn find(environment: &Environment, directory: &Path) -> Result<Self, String> {
        let variable = |name: &str| {
            let value = environment.text(name);
            value.ok_or_else(|| format!("this is no pod ({name} is not set)"))
        };
        let token_file = directory.join("token");
        let account = Self {
            host: variable("KUBERNETES_SERVICE_HOST")?,
            port: variable("KUBERNETES_SERVICE_PORT")?,
            ca_file: directory.join("ca.crt"),
            token_file,
        };
        if account.token_file.exists() {
            return Ok(account);
        }
        Err(format!(
            "this pod has no service account token ({} does not exist: is `automountServiceAccountToken` false?)",
            account.token_file.display()
        ))
    }
}

#[cfg(test)]
mod tests;
