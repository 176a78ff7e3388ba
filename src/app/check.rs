//! Checks what the configuration refers to: the web configuration file, files of targets, the history, metric families. Nothing is
//! started or sent.
//!
//! The start and `--config.check` report the same problems, all at once. An API that does not answer is none: that shows on
//! `/metrics`.

use std::{
    collections::BTreeSet,
    error, fmt, fs, iter,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{Error, file_watch::WatchedFile, plan::TargetPlan, web::PreparedWeb};
use crate::{
    client::Failure,
    config::{Config, HistoryConfig, WebConfig},
    history::{History, HistorySettings},
    metrics::MetricsSettings,
};

/// The result of the checks.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// What is probably a mistake.
    pub(super) warnings: Vec<String>,
    /// What the server applies of the web configuration file, if that is valid or there is none.
    pub(super) web: Option<PreparedWeb>,
    /// What prevents the start.
    problems: Vec<StartProblem>,
}

/// Something that the configuration refers to and that cannot be used.
#[derive(Debug)]
pub struct StartProblem {
    /// What is wrong.
    pub(super) text: String,
    /// How to fix it.
    pub(super) hint: Option<&'static str>,
}

// === impl Checks ===

impl Checks {
    /// Checks all that `config` refers to. Adds the addresses of the targets that can be used to their plans.
    pub(super) async fn run(config: &Config, plans: &mut [TargetPlan]) -> Self {
        let warnings = config.warnings.iter().map(ToString::to_string);
        let mut checks = Self {
            warnings: warnings.collect(),
            ..Self::default()
        };
        checks.load_web_file(config);
        for plan in &mut *plans {
            match plan.endpoint.address().await {
                Ok(address) => plan.address = Some(address),
                Err(failure) => checks
                    .problems
                    .push(StartProblem::of_target(&plan.title, &failure)),
            }
        }
        let files = plans.iter().flat_map(|plan| plan.endpoint.files());
        let web_files = checks.web.iter().flat_map(|web| web.file.files());
        let web_files = web_files.chain(config.web.config_file.as_deref());
        let history_files = config.history.iter().flat_map(HistoryConfig::files);
        let other_files = web_files.chain(history_files).map(Path::to_owned);
        let warnings = exposed_files(files.chain(other_files));
        checks.warnings.extend(warnings);
        if let Some(settings) = HistorySettings::from_config(config)
            && let Err(error) = History::check(&settings)
        {
            checks
                .problems
                .push(StartProblem::new(&error, error.hint()));
        }
        let metrics = MetricsSettings::from_config(config);
        checks
            .warnings
            .extend(metrics.warnings(config.history.is_some()));
        if !metrics.selects_any(config.history.is_some()) {
            checks.problems.push(StartProblem::no_families());
        }
        checks
    }

    /// Reads the web configuration file.
    fn load_web_file(&mut self, config: &Config) {
        match PreparedWeb::load(&config.web) {
            Ok(mut web) => {
                self.warnings.append(&mut web.warnings);
                self.warnings.extend(plain_logins(&config.web, &web));
                self.web = Some(web);
            }
            Err(unusable) => self.problems.push(unusable.problem),
        }
    }

    /// An error with all problems, if there are any.
    pub(super) fn outcome(self) -> Result<(), Error> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Error::Unusable(self.problems))
        }
    }
}

/// A warning if passwords or tokens arrive in plain text from other hosts.
fn plain_logins(config: &WebConfig, web: &PreparedWeb) -> Option<String> {
    let needs_login = !web.file.users.is_empty() || config.kubernetes_auth.is_some();
    let mut addresses = config.listen_addresses.iter();
    let remote = addresses.find(|address| address.tcp().is_some_and(|tcp| !tcp.ip().is_loopback()));
    let address = remote.filter(|_| needs_login && web.tls.is_none())?;
    Some(format!(
        "clients of {address} send passwords or tokens in plain text: set `tls_server_config` in the file of `web.config_file`"
    ))
}

/// A warning for each file with credentials that every user of the host may change, and so every container that mounts it. Files
/// that everybody may read are normal: volumes of Secrets have them.
fn exposed_files(files: impl Iterator<Item = PathBuf>) -> Vec<String> {
    let files: BTreeSet<_> = files.collect();
    let writable = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.mode() & 0o002 != 0);
    let warn = |path: PathBuf| {
        let path = path.display();
        format!("every user of this host may change {path}: run `chmod o-w {path}`")
    };
    files.into_iter().filter(writable).map(warn).collect()
}

// === impl StartProblem ===

impl fmt::Display for StartProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl StartProblem {
    pub(super) fn of_target(title: &str, failure: &Failure) -> Self {
        let reason = match failure {
            // Its Display says that no client can be created, which is obvious here.
            Failure::NoClient(reason) | Failure::NoCluster(reason) => reason.clone(),
            other => other.to_string(),
        };
        let hint = match failure {
            Failure::NoCluster(_) => Some(
                "a target takes `kubernetes.kubeconfig` and `kubernetes.context`; without them it is $KUBECONFIG, \
                 ~/.kube/config, or the service account of the pod; `job-status-exporter demo` needs no cluster",
            ),
            other => other.hint(),
        };
        Self {
            text: format!("target {title}: {reason}"),
            hint,
        }
    }

    /// An error with its causes.
    pub(super) fn new(error: &dyn error::Error, hint: Option<&'static str>) -> Self {
        let causes = iter::successors(error.source(), |cause| (*cause).source());
        Self {
            text: causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}")),
            hint,
        }
    }

    /// A file that changed while it was in force, and is empty now. Its writer is probably not done; and an empty file in force
    /// would mean the defaults, or pages for everybody.
    pub(super) fn of_empty(files: &[WatchedFile]) -> Option<Self> {
        let empty = files.iter().find(|file| file.is_empty())?;
        Some(Self {
            text: format!("{}: the file is empty", empty.path().display()),
            hint: Some("write `{}` into a file that is meant to set nothing"),
        })
    }

    /// A demo without a page that a browser can open.
    #[cfg(feature = "demo")]
    pub(super) fn demo_without_url() -> Self {
        Self {
            text: "the demo listens on TCP addresses only, and not on unix sockets".to_owned(),
            hint: Some("write an address and port, such as `--web.listen-address=127.0.0.1:9806`"),
        }
    }

    fn no_families() -> Self {
        Self {
            text: "`metrics.include` and `metrics.exclude` leave no metric family: /metrics would be empty".to_owned(),
            hint: Some("docs/metrics.md lists the families; `kube_*` needs `metrics.kube_state_metrics.enabled: true`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::KubernetesAuthConfig;

    #[test]
    fn logins_in_plain_text_from_other_hosts_are_a_warning() {
        let config = |address: &str, reviews: bool| WebConfig {
            listen_addresses: vec![address.parse::<std::net::SocketAddr>().unwrap().into()],
            kubernetes_auth: reviews.then_some(KubernetesAuthConfig {
                target: None,
                outage_grace: std::time::Duration::ZERO,
            }),
            ..WebConfig::default()
        };
        let warns = |config: &WebConfig| plain_logins(config, &PreparedWeb::default()).is_some();
        assert!(warns(&config("0.0.0.0:9806", true)));
        assert!(!warns(&config("127.0.0.1:9806", true)));
        assert!(!warns(&config("0.0.0.0:9806", false)));
    }

    #[test]
    fn a_file_that_everybody_may_change_is_named_once() {
        let directory = tempfile::tempdir().unwrap();
        let file = |mode: u32| {
            let path = directory.path().join(format!("{mode:o}"));
            fs::write(&path, "secret").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let files = [file(0o666), file(0o644), file(0o660), file(0o666)];
        let warnings = exposed_files(files.into_iter());
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].ends_with("/666`"), "{warnings:?}");
    }
}
