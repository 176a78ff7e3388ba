//! The syntax of names in the Kubernetes API.
//!
//! The error of each check completes a sentence that starts with the quoted name.

/// The maximum length of a namespace, a label value and the name part of a label key.
const MAX_LABEL_LENGTH: usize = 63;
/// The maximum length of the name of most objects.
const MAX_SUBDOMAIN_LENGTH: usize = 253;

/// Checks a namespace: a DNS label (RFC 1123).
pub(super) fn namespace(text: &str) -> Result<(), &'static str> {
    if is_dns_label(text) {
        return Ok(());
    }
    Err(
        "is not a valid namespace: at most 63 lower-case letters, digits and `-`, without a `-` at either end",
    )
}

/// Checks the name of a Job: a DNS subdomain (RFC 1123).
pub(super) fn object_name(text: &str) -> Result<(), &'static str> {
    if is_dns_subdomain(text) {
        return Ok(());
    }
    Err(
        "is not a valid Job name: at most 253 lower-case letters, digits, `-` and `.`, each part without a `-` at either end",
    )
}

/// Checks the name of a target, which is a label value.
pub(super) fn target_name(text: &str) -> Result<(), &'static str> {
    if is_label_name(text) {
        return Ok(());
    }
    Err(
        "is not a valid target name: at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends",
    )
}

/// Whether `text` is a label key: a name, optionally after a DNS subdomain and `/`.
pub(super) fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_label_name(name),
        None => is_label_name(text),
    }
}

/// Whether `text` is an annotation key: a label key whose prefix may also have upper-case letters.
pub(super) fn is_annotation_key(text: &str) -> bool {
    is_label_key(&text.to_ascii_lowercase())
}

/// Whether `text` is a label value: a name, or empty.
pub(super) fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_label_name(text)
}

/// Whether `text` is letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn is_label_name(text: &str) -> bool {
    text.len() <= MAX_LABEL_LENGTH
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Whether `text` is DNS labels separated by dots.
fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= MAX_SUBDOMAIN_LENGTH && text.split('.').all(is_dns_part)
}

/// Whether `text` is a DNS label.
fn is_dns_label(text: &str) -> bool {
    text.len() <= MAX_LABEL_LENGTH && is_dns_part(text)
}

/// Whether `text` is a DNS label of any length. The API does not limit the length of the parts of a subdomain.
fn is_dns_part(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_dns_labels() {
        for good in ["a", "kube-system", "0", &"x".repeat(63)] {
            assert!(namespace(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "a.b",
            "a_b",
            "a b",
            "ä",
            "a*",
            &"x".repeat(64),
        ] {
            assert!(namespace(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn object_names_are_dns_subdomains() {
        for good in ["a", "nightly.report-1", &"x".repeat(253)] {
            assert!(object_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "a..b", "a.-b", "a/b", "A", &"x".repeat(254)] {
            assert!(object_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn target_names_are_label_values_but_not_empty() {
        for good in ["prod", "Prod_eu-1.b", "0", &"x".repeat(63)] {
            assert!(target_name(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a.", "a b", "a/b", "ä", &"x".repeat(64)] {
            assert!(target_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn label_keys_may_have_a_prefix() {
        for good in ["tier", "app.kubernetes.io/name", "A_b"] {
            assert!(is_label_key(good), "{good}");
        }
        for bad in ["", "/name", "app/", "a/b/c", "App.io/name", "a b"] {
            assert!(!is_label_key(bad), "{bad}");
        }
    }

    #[test]
    fn annotation_keys_may_have_upper_case_prefixes() {
        for good in ["owner", "App.io/name", "example.com/onCall"] {
            assert!(is_annotation_key(good), "{good}");
        }
        for bad in ["", "a b", "/name", "a_b.io/name"] {
            assert!(!is_annotation_key(bad), "{bad}");
        }
    }
}
