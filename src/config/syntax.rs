//! The forms of names in the Kubernetes API, for checks before anything is asked of it.
//!
//! Each check answers with the rest of a sentence that begins with the quoted name.

/// The longest namespace, label value and name part of a label key.
const LONGEST_LABEL: usize = 63;
/// The longest name of most objects.
const LONGEST_SUBDOMAIN: usize = 253;

/// A namespace: a DNS label (RFC 1123).
pub(super) fn namespace(text: &str) -> Result<(), &'static str> {
    if is_dns_label(text) {
        return Ok(());
    }
    Err(
        "is not a namespace: at most 63 lower-case letters, digits and `-`, with no `-` at either end",
    )
}

/// The name of a Job: a DNS subdomain (RFC 1123).
pub(super) fn object_name(text: &str) -> Result<(), &'static str> {
    if is_dns_subdomain(text) {
        return Ok(());
    }
    Err(
        "is not a name of a Job: at most 253 lower-case letters, digits, `-` and `.`, each part with no `-` at either end",
    )
}

/// The name of a target, which is used as a label value.
pub(super) fn target_name(text: &str) -> Result<(), &'static str> {
    if is_label_name(text) {
        return Ok(());
    }
    Err(
        "is not a name: at most 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit",
    )
}

/// A label key: a name, with or without a DNS subdomain and `/` before it.
pub(super) fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_label_name(name),
        None => is_label_name(text),
    }
}

/// An annotation key: a label key whose prefix may have upper-case letters, too.
pub(super) fn is_annotation_key(text: &str) -> bool {
    is_label_key(&text.to_ascii_lowercase())
}

/// A label value: like a name, or empty.
pub(super) fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_label_name(text)
}

/// Letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn is_label_name(text: &str) -> bool {
    text.len() <= LONGEST_LABEL
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// DNS labels with dots between.
fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= LONGEST_SUBDOMAIN && text.split('.').all(is_dns_part)
}

/// A DNS label within its length.
fn is_dns_label(text: &str) -> bool {
    text.len() <= LONGEST_LABEL && is_dns_part(text)
}

/// Lower-case letters, digits and `-`, with no `-` at either end. The API does not limit the parts of a subdomain.
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
