//! Formats the errors of libraries on one line, without secrets.

use std::{error::Error as StdError, iter};

use kube::{client::AuthError, config::KubeconfigError};

use super::redact::one_line;

/// Formats an error and its causes, each once.
///
/// kube's errors about exec plugins contain the plugin's arguments and output, and its errors about an invalid kubeconfig
/// contain a piece of that file. Outer errors quote them, so a safe text replaces the whole chain.
pub(in crate::client) fn describe(error: &(dyn StdError + 'static)) -> String {
    let causes = || {
        iter::successors(Some(error), |error: &&(dyn StdError + 'static)| {
            (*error).source()
        })
    };
    let safe = causes().find_map(|cause| of_kubeconfig(cause).or_else(|| of_credentials(cause)));
    safe.unwrap_or_else(|| {
        causes().fold(String::new(), |text, cause| {
            append(text, &cause.to_string())
        })
    })
}

/// Appends a cause unless the text already contains it.
fn append(text: String, cause: &str) -> String {
    match text.as_str() {
        "" => one_line(cause),
        known if known.contains(cause) => text,
        known => one_line(&format!("{known}: {cause}")),
    }
}

fn of_kubeconfig(error: &(dyn StdError + 'static)) -> Option<String> {
    Some(match error.downcast_ref()? {
        KubeconfigError::Parse(error) => {
            let position = error
                .location()
                .map(|at| format!(" at line {} column {}", at.line(), at.column()))
                .unwrap_or_default();
            format!("the kubeconfig is not valid YAML{position}")
        }
        KubeconfigError::ReadConfig(error, path) => {
            format!("cannot read the kubeconfig {}: {error}", path.display())
        }
        KubeconfigError::LoadContext(name) => format!("the kubeconfig has no context `{name}`"),
        KubeconfigError::CurrentContextNotSet => {
            "the kubeconfig has no current context: configure one".to_owned()
        }
        _ => return None,
    })
}

fn of_credentials(error: &(dyn StdError + 'static)) -> Option<String> {
    Some(match error.downcast_ref()? {
        AuthError::AuthExecRun { out, .. } => {
            format!(
                "the exec plugin of the kubeconfig failed with {}: run it by hand to see why",
                out.status
            )
        }
        AuthError::AuthExecStart(error) => {
            format!("cannot start the exec plugin of the kubeconfig: {error}")
        }
        AuthError::AuthExecParse(_) => {
            "the output of the kubeconfig's exec plugin is not an ExecCredential".to_owned()
        }
        AuthError::InvalidBearerToken(_) => {
            "the bearer token contains characters that a header cannot carry".to_owned()
        }
        AuthError::InvalidBasicAuth(_) => {
            "the user name or password contains characters that a header cannot carry".to_owned()
        }
        AuthError::ReadTokenFile(error, path) => {
            format!("cannot read the token file {}: {error}", path.display())
        }
        AuthError::MissingCommand => {
            "the kubeconfig has an exec plugin without `command`".to_owned()
        }
        _ => "the credentials of the kubeconfig cannot be used".to_owned(),
    })
}
