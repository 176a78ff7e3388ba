//! The environment variables that kubectl reads too: `KUBECONFIG`, `HOME`, proxies, and the address of the cluster in a pod.

use std::{ffi::OsString, fmt, sync::Arc};

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// Looks up environment variables. The default is the environment of this process.
#[derive(Clone)]
pub(super) struct Environment(Arc<Lookup>);

impl Environment {
    /// The value of a variable; `None` if it is absent or empty, which is the same for kubectl.
    pub(super) fn value(&self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// The value of a variable as text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.value(name)?;
        Some(value.to_string_lossy().into_owned())
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self(Arc::new(|name| std::env::var_os(name)))
    }
}

// The values may contain the password of a proxy.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

#[cfg(test)]
impl Environment {
    /// An environment that has only these variables.
    pub(super) fn of<K: Into<String>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables: std::collections::HashMap<String, OsString> = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self(Arc::new(move |name| variables.get(name).cloned()))
    }
}
