//! Formats the errors of libraries on one line, without secrets.

use std::{error::Error as StdError, iter};

use kube::client::AuthError;

use super::redact::one_line;

/// Formats an error and its causes, each once.
///
/// kube's errors about credentials may contain them. Outer errors quote them, so a safe text replaces the whole chain.
pub(in crate::client) fn describe(error: &(dyn StdError + 'static)) -> String {
    let causes = || {
        iter::successors(Some(error), |error: &&(dyn StdError + 'static)| {
            (*error).source()
        })
    };
    let safe = causes().find_map(of_credentials);
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

fn of_credentials(error: &(dyn StdError + 'static)) -> Option<String> {
    Some(match error.downcast_ref()? {
        AuthError::InvalidBearerToken(_) => {
            "the bearer token contains characters that a header cannot carry".to_owned()
        }
        AuthError::InvalidBasicAuth(_) => {
            "the user name or password contains characters that a header cannot carry".to_owned()
        }
        _ => "the credentials of the kubeconfig cannot be used".to_owned(),
    })
}
