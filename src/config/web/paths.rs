//! Where the pages are: the path of the metrics, the prefix of all paths, and the address that users see.

use http::Uri;

use crate::config::reader::Section;

/// The paths of other pages, and of directories of pages.
const RESERVED_PATHS: [&str; 7] = [
    "/",
    "/livez",
    "/readyz",
    "/probe",
    "/-/reload",
    "/targets",
    "/config",
];
const RESERVED_DIRECTORIES: [&str; 3] = ["/workloads/", "/api/", "/assets/"];

/// Reads `external_url` and `route_prefix`, which defaults to the path of the former, as with Prometheus.
pub(super) fn read(section: &Section<'_>) -> (Option<String>, String) {
    let external_url = section.get("external_url");
    let external_url = external_url.and_then(|node| node.parsed(external_url_parts));
    let prefix = section.get("route_prefix");
    let prefix = prefix.and_then(|node| node.parsed(route_prefix));
    let (external_url, path) = external_url.unzip();
    (external_url, prefix.or(path).unwrap_or_default())
}

/// Parses the path of the metrics.
pub(super) fn telemetry_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') || !text.chars().all(is_plain) {
        return Err(
            "is not a valid path such as `/metrics`: letters, digits and `/-._~`, with a leading `/`".to_owned(),
        );
    }
    let is_below = |directory: &&str| text.starts_with(*directory);
    if RESERVED_PATHS.contains(&text) || RESERVED_DIRECTORIES.iter().any(is_below) {
        return Err("is the path of another page".to_owned());
    }
    Ok(text.to_owned())
}

/// Parses a prefix of paths. `/` is none.
fn route_prefix(text: &str) -> Result<String, String> {
    let prefix = text.trim_end_matches('/');
    let is_valid = (prefix.is_empty() && !text.is_empty()) || is_path(prefix);
    if !is_valid {
        return Err(
            "is not a valid prefix such as `/jobs`, or `/` for none: letters, digits and `/-._~`, with a leading `/`"
                .to_owned(),
        );
    }
    Ok(prefix.to_owned())
}

/// Parses the address that users see. Returns it without a trailing slash, and its path.
fn external_url_parts(text: &str) -> Result<(String, String), String> {
    let invalid = || {
        "is not a valid address such as `https://example.com/jobs`: `http` or `https`, a host, and maybe a port and a path"
            .to_owned()
    };
    let uri: Uri = text.parse().map_err(|_| invalid())?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let has_login = uri.authority().is_none_or(|it| it.as_str().contains('@'));
    let path = uri.path().trim_end_matches('/');
    if !is_web || has_login || text.contains(['?', '#']) || !(path.is_empty() || is_path(path)) {
        return Err(invalid());
    }
    Ok((text.trim_end_matches('/').to_owned(), path.to_owned()))
}

/// Whether a path has segments that no client changes: not empty, no dots alone.
fn is_path(text: &str) -> bool {
    let is_segment = |it: &str| !matches!(it, "" | "." | "..") && it.chars().all(is_plain);
    text.strip_prefix('/')
        .is_some_and(|it| it.split('/').all(is_segment))
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "/-._~".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_have_a_leading_slash_and_plain_segments() {
        for (text, prefix) in [
            ("/", ""),
            ("/jobs", "/jobs"),
            ("/jobs/", "/jobs"),
            ("/a/b-c.d_e~f", "/a/b-c.d_e~f"),
        ] {
            assert_eq!(route_prefix(text).as_deref(), Ok(prefix), "{text}");
        }
        for text in ["", "jobs", "/a//b", "/a/../b", "/.", "/a b", "/a?b", "/%41"] {
            assert!(route_prefix(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_external_url_has_a_path_or_none() {
        for (text, url, path) in [
            ("http://host", "http://host", ""),
            ("https://host:8443/", "https://host:8443", ""),
            ("https://[::1]:1/a/b/", "https://[::1]:1/a/b", "/a/b"),
        ] {
            let expected = Ok((url.to_owned(), path.to_owned()));
            assert_eq!(external_url_parts(text), expected, "{text}");
        }
        for text in [
            "",
            "host",
            "/jobs",
            "ftp://host/",
            "http://",
            "http://user@host/",
            "http://host/?a",
            "http://host/#a",
            "http://host/a/../b",
        ] {
            assert!(external_url_parts(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_metrics_do_not_take_the_path_of_a_page() {
        assert!(telemetry_path("/metrics").is_ok());
        assert!(telemetry_path("/api").is_ok());
        for text in [
            "metrics",
            "/",
            "/config",
            "/workloads/-/a",
            "/api/v1/targets",
            "/a b",
        ] {
            assert!(telemetry_path(text).is_err(), "{text}");
        }
    }
}
