//! Which files are read, and when the service account of the pod is used. `tests/e2e/kubectl.rs` compares with kubectl.

use std::fs;

use tempfile::TempDir;

use super::*;

/// A directory with kubeconfigs, a home and a service account.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write("a", &kubeconfig("a", "in-a"));
        files.write("b", &kubeconfig("b", "in-b"));
        files.write("no-current", &kubeconfig("c", ""));
        files.write("empty", "");
        files.write(
            "nothing",
            "apiVersion: v1\nkind: Config\nclusters: null\ncurrent-context: \"\"\n",
        );
        files.write("broken", "clusters: [{name: s3cret");
        files.write("twice", "users: [{name: u}, {name: v}, {name: u}]");
        files.write("account/token", "token");
        files.write("home/.kube/config", &kubeconfig("home", "in-home"));
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The names of the files, separated by colons, as paths.
    fn list(&self, names: &str) -> String {
        let path = |name| match name {
            "" => String::new(),
            name => self.path(name).display().to_string(),
        };
        names.split(':').map(path).collect::<Vec<_>>().join(":")
    }

    /// The current context that is found, `pod` for the service account, or the error.
    fn discover(&self, kubeconfig: Option<&str>, more: &[(&str, &str)]) -> Result<String, String> {
        let mut variables: Vec<_> = more
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        if let Some(names) = kubeconfig {
            variables.push(("KUBECONFIG".to_owned(), self.list(names)));
        }
        let environment = Environment::of(variables);
        let found = discover(&environment, &self.path("account"), None);
        found
            .map_err(|error| self.short(&error))
            .map(|found| match found {
                Found::Kubeconfig(merged) => {
                    let current = merged.kubeconfig.current_context;
                    current.unwrap_or_else(|| "no context".to_owned())
                }
                Found::ServiceAccount(account) => format!("pod {}:{}", account.host, account.port),
            })
    }

    /// A text without the directory.
    fn short(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

/// A kubeconfig with one context and this current one.
fn kubeconfig(name: &str, current: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: \"{current}\"\n\
         clusters: [{{name: shared, cluster: {{server: \"https://{name}.example\", certificate-authority: ca-{name}.crt}}}}]\n\
         users: [{{name: \"{name}\", user: {{token: t}}}}]\n\
         contexts: [{{name: \"in-{name}\", context: {{cluster: shared, user: \"{name}\"}}}}]\n"
    )
}

const POD: [(&str, &str); 2] = [
    ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
    ("KUBERNETES_SERVICE_PORT", "443"),
];

#[test]
fn files_are_searched_as_kubectl_searches_them() {
    let files = Files::new();
    let home = files.path("home").display().to_string();
    let home = [("HOME", home.as_str())];
    for (kubeconfig, expected) in [
        (None, "in-home"),
        (Some(""), "in-home"),
        (Some("a"), "in-a"),
        (Some("a:"), "in-a"),
        (Some(":a"), "in-a"),
        (Some("a:b"), "in-a"),
        (Some("b:a"), "in-b"),
        (Some("missing:a:missing"), "in-a"),
        (Some("empty:a"), "in-a"),
        (Some("no-current:b"), "in-b"),
        (Some("nothing:empty:missing:no-current:b:"), "in-b"),
        (Some("no-current"), "no context"),
    ] {
        assert_eq!(
            files.discover(kubeconfig, &home).as_deref(),
            Ok(expected),
            "{kubeconfig:?}"
        );
    }
}

#[test]
fn the_first_file_that_has_a_name_wins() {
    let files = Files::new();
    let environment = Environment::of([("KUBECONFIG", files.list("a:b"))]);
    let Found::Kubeconfig(merged) = discover(&environment, Path::new("/"), None).unwrap() else {
        panic!("it is a kubeconfig");
    };
    let [cluster] = merged.kubeconfig.clusters.as_slice() else {
        panic!("both clusters have one name");
    };
    let cluster = cluster.cluster.as_ref().unwrap();
    assert_eq!(cluster.server.as_deref(), Some("https://a.example"));
    let ca = files.path("ca-a.crt").display().to_string();
    assert_eq!(
        cluster.certificate_authority,
        Some(ca),
        "relative to its file"
    );
    assert_eq!(merged.kubeconfig.contexts.len(), 2);
    assert_eq!(files.short(&merged.origin), "the kubeconfigs a, b");
}

#[test]
fn only_a_missing_or_empty_kubeconfig_leads_to_the_service_account_of_the_pod() {
    let files = Files::new();
    for kubeconfig in [
        None,
        Some("missing"),
        Some("missing:missing"),
        Some(":"),
        Some("empty"),
        Some("nothing"),
    ] {
        assert_eq!(
            files.discover(kubeconfig, &POD).as_deref(),
            Ok("pod 10.0.0.1:443"),
            "{kubeconfig:?}"
        );
    }
    for (kubeconfig, expected) in [
        ("a", Ok("in-a")),
        ("no-current", Ok("no context")),
        (
            "broken",
            Err("the kubeconfig broken is not valid YAML at line 1"),
        ),
        (
            "a:broken",
            Err("the kubeconfig broken is not valid YAML at line 1"),
        ),
        (
            "twice",
            Err("the kubeconfig twice has two users `u`: rename one of them"),
        ),
        (
            "account",
            Err("cannot read the kubeconfig account: Is a directory"),
        ),
        (
            "a/b",
            Err("cannot read the kubeconfig a/b: Not a directory"),
        ),
    ] {
        match (files.discover(Some(kubeconfig), &POD), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err(expected)) => {
                assert!(error.starts_with(expected), "{error}");
                assert!(!error.contains("s3cret"), "{error}");
            }
            (actual, _) => panic!("{kubeconfig}: {actual:?}"),
        }
    }
}

const NO_POD: &str = ", and this is no pod (KUBERNETES_SERVICE_HOST is not set)";

#[test]
fn without_any_cluster_the_error_says_what_was_searched() {
    let files = Files::new();
    let nowhere = files.path("nowhere").display().to_string();
    for (kubeconfig, more, expected) in [
        (None, &[][..], format!("neither $KUBECONFIG nor $HOME is set{NO_POD}")),
        (
            None,
            &[("HOME", nowhere.as_str())][..],
            format!("the kubeconfig nowhere/.kube/config does not exist{NO_POD}"),
        ),
        (Some("x"), &[], format!("the kubeconfig x does not exist{NO_POD}")),
        (
            Some("x:y"),
            &[],
            format!("the kubeconfigs x, y, which $KUBECONFIG names, do not exist{NO_POD}"),
        ),
        (
            Some("x:empty"),
            &[],
            format!("the kubeconfigs x, empty, which $KUBECONFIG names, do not exist or are empty{NO_POD}"),
        ),
        (Some("empty"), &[], format!("the kubeconfig empty is empty{NO_POD}")),
        (Some(":"), &[], format!("$KUBECONFIG names no file{NO_POD}")),
        (
            Some("x"),
            &POD[..1],
            "the kubeconfig x does not exist, and this is no pod (KUBERNETES_SERVICE_PORT is not set)".to_owned(),
        ),
    ] {
        let error = files.discover(kubeconfig, more).unwrap_err();
        assert_eq!(error, format!("no cluster found: {expected}"));
    }
    fs::remove_file(files.path("account/token")).unwrap();
    let error = files.discover(Some("x"), &POD).unwrap_err();
    assert!(
        error.contains("this pod has no service account token (account/token does not exist"),
        "{error}"
    );
}

#[test]
fn a_context_that_is_asked_for_is_not_searched_in_the_pod() {
    let files = Files::new();
    let environment = Environment::of(POD);
    let error = discover(&environment, &files.path("account"), Some("prod")).unwrap_err();
    assert_eq!(
        error,
        "there is no context `prod`: neither $KUBECONFIG nor $HOME is set"
    );
}

#[test]
fn a_configured_file_must_exist() {
    let files = Files::new();
    let error = explicit(&files.path("missing")).unwrap_err();
    assert_eq!(
        files.short(&error),
        "cannot read the kubeconfig missing: No such file or directory"
    );
    assert!(explicit(&files.path("a")).is_ok());
}
