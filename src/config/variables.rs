//! The names of environment variables: which are settings, and which were probably meant to be.

use super::keys;

/// The prefix of environment variables that are settings, such as `JOB_STATUS_EXPORTER__STALE_AFTER`.
pub const ENVIRONMENT_PREFIX: &str = "JOB_STATUS_EXPORTER__";

/// The beginning of the names that may be meant as settings.
pub(super) const NAME_PREFIX: &str = "JOB_STATUS_EXPORTER";

/// What the name of a variable says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Variable {
    /// The setting with this key path.
    Setting(Vec<String>),
    /// Not a setting, but the variable in here is one. It differs in the number of underscores only.
    Misspelt(String),
    /// Not a setting, although the name begins like one. The variable in here may be meant.
    Unknown(Option<String>),
    /// Not for the exporter.
    Other,
}

/// Classifies the variable `name` with the value `value`.
pub(super) fn classify(name: &str, value: &str) -> Variable {
    let Some(rest) = name.strip_prefix(NAME_PREFIX) else {
        return Variable::Other;
    };
    if let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) {
        let path: Vec<_> = key.split("__").map(str::to_ascii_lowercase).collect();
        return match intended(key) {
            Some(intended) if !keys::is_known(&path.join(".")) => Variable::Misspelt(intended),
            _ => Variable::Setting(path),
        };
    }
    if !rest.starts_with('_') || is_of_service(rest, value) {
        return Variable::Other;
    }
    match intended(rest) {
        Some(intended) => Variable::Misspelt(intended),
        None => Variable::Unknown(similar(rest)),
    }
}

/// Whether kubelet sets this variable for a Service named `job-status-exporter`, or with a longer name.
///
/// `rest` follows the name of the exporter.
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>
fn is_of_service(rest: &str, value: &str) -> bool {
    rest.ends_with("_SERVICE_HOST")
        || rest.ends_with("_SERVICE_PORT")
        || rest.contains("_SERVICE_PORT_")
        // The value is a URL such as `tcp://10.0.0.1:9806`. The port of a user would be a number.
        || (rest.ends_with("_PORT") && value.contains("://"))
        || rest
            .rsplit_once("_PORT_")
            .is_some_and(|(_, port)| is_port_of_service(port))
}

/// Whether `text` is a port and a protocol such as `9806_TCP`, or a part of them such as `9806_TCP_ADDR`.
fn is_port_of_service(text: &str) -> bool {
    let mut parts = text.split('_');
    let is_port = parts.next().is_some_and(|port| port.parse::<u16>().is_ok());
    let is_protocol = matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"));
    let is_detail = matches!(parts.next(), None | Some("PROTO" | "PORT" | "ADDR"));
    is_port && is_protocol && is_detail && parts.next().is_none()
}

/// The variable of a setting that differs from `rest` in the number of underscores, or in case.
fn intended(rest: &str) -> Option<String> {
    let words = words(rest);
    let setting = variables().find(|variable| self::words(variable) == words);
    // Users choose the keys inside `labels`.
    let label = || Some(format!("LABELS__{}", words.strip_prefix("LABELS_")?));
    let key = setting.or_else(label)?;
    Some(format!("{ENVIRONMENT_PREFIX}{key}"))
}

/// The variable of a setting that is similar to `rest`, or of which `rest` has the last key only.
fn similar(rest: &str) -> Option<String> {
    let words = words(rest);
    let known: Vec<_> = variables().collect();
    let names = || known.iter().map(String::as_str);
    let has_this_last_key = |name: &&str| name.rsplit("__").next() == Some(words.as_str());
    let key = keys::nearest_typo(&words, names()).or_else(|| names().find(has_this_last_key))?;
    Some(format!("{ENVIRONMENT_PREFIX}{key}"))
}

/// The variables of all keys that can be set by one, without the prefix.
fn variables() -> impl Iterator<Item = String> {
    let settable = keys::KEYS.iter().filter(|key| !key.contains('['));
    settable.map(|key| key.replace('.', "__").to_ascii_uppercase())
}

/// `text` with one underscore in place of several, and none at its ends.
fn words(text: &str) -> String {
    let words: Vec<_> = text.split('_').filter(|word| !word.is_empty()).collect();
    words.join("_").to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(path: &[&str]) -> Variable {
        Variable::Setting(path.iter().map(|&key| key.to_owned()).collect())
    }

    #[test]
    fn names_with_two_underscores_are_settings() {
        for (name, path) in [
            (
                "JOB_STATUS_EXPORTER__STALE_AFTER",
                ["stale_after"].as_slice(),
            ),
            (
                "JOB_STATUS_EXPORTER__WEB__LISTEN_ADDRESS",
                &["web", "listen_address"],
            ),
            (
                "JOB_STATUS_EXPORTER__LABELS__TEAM_NAME",
                &["labels", "team_name"],
            ),
            ("JOB_STATUS_EXPORTER__TARGETS", &["targets"]),
            // The reader reports these.
            ("JOB_STATUS_EXPORTER__NO_KEY", &["no_key"]),
            (
                "JOB_STATUS_EXPORTER__TARGETS__0__NAME",
                &["targets", "0", "name"],
            ),
            ("JOB_STATUS_EXPORTER__", &[""]),
        ] {
            assert_eq!(classify(name, "x"), setting(path), "{name}");
        }
    }

    #[test]
    fn a_wrong_number_of_underscores_leads_to_the_setting() {
        for (name, intended) in [
            ("JOB_STATUS_EXPORTER_STALE_AFTER", "STALE_AFTER"),
            ("JOB_STATUS_EXPORTER_STALE__AFTER", "STALE_AFTER"),
            ("JOB_STATUS_EXPORTER___STALE_AFTER", "STALE_AFTER"),
            ("JOB_STATUS_EXPORTER__STALE__AFTER", "STALE_AFTER"),
            (
                "JOB_STATUS_EXPORTER_WEB_LISTEN_ADDRESS",
                "WEB__LISTEN_ADDRESS",
            ),
            (
                "JOB_STATUS_EXPORTER__WEB_LISTEN_ADDRESS",
                "WEB__LISTEN_ADDRESS",
            ),
            (
                "JOB_STATUS_EXPORTER_METRICS_KUBE_STATE_METRICS_ENABLED",
                "METRICS__KUBE_STATE_METRICS__ENABLED",
            ),
            ("JOB_STATUS_EXPORTER_TARGETS", "TARGETS"),
            ("JOB_STATUS_EXPORTER_LABELS_TEAM", "LABELS__TEAM"),
            ("JOB_STATUS_EXPORTER_history_path", "HISTORY__PATH"),
        ] {
            let intended = Variable::Misspelt(format!("{ENVIRONMENT_PREFIX}{intended}"));
            assert_eq!(classify(name, "x"), intended, "{name}");
        }
    }

    #[test]
    fn other_names_that_begin_like_a_setting_are_unknown() {
        for (name, similar) in [
            ("JOB_STATUS_EXPORTER_STALE_AFTR", Some("STALE_AFTER")),
            (
                "JOB_STATUS_EXPORTER_LISTEN_ADDRESS",
                Some("WEB__LISTEN_ADDRESS"),
            ),
            ("JOB_STATUS_EXPORTER_VERSION", None),
            ("JOB_STATUS_EXPORTER_PORT", None),
            ("JOB_STATUS_EXPORTER_PORT_NUMBER", None),
        ] {
            let similar = similar.map(|key| format!("{ENVIRONMENT_PREFIX}{key}"));
            assert_eq!(classify(name, "9806"), Variable::Unknown(similar), "{name}");
        }
    }

    #[test]
    fn variables_of_services_and_of_others_are_not_for_the_exporter() {
        for (name, value) in [
            ("JOB_STATUS_EXPORTER_SERVICE_HOST", "10.0.0.1"),
            ("JOB_STATUS_EXPORTER_SERVICE_PORT", "9806"),
            ("JOB_STATUS_EXPORTER_SERVICE_PORT_HTTP", "9806"),
            ("JOB_STATUS_EXPORTER_PORT", "tcp://10.0.0.1:9806"),
            ("JOB_STATUS_EXPORTER_PORT_9806_TCP", "tcp://10.0.0.1:9806"),
            ("JOB_STATUS_EXPORTER_PORT_9806_TCP_PROTO", "tcp"),
            ("JOB_STATUS_EXPORTER_PORT_9806_TCP_PORT", "9806"),
            ("JOB_STATUS_EXPORTER_PORT_9806_TCP_ADDR", "10.0.0.1"),
            ("JOB_STATUS_EXPORTER_METRICS_SERVICE_HOST", "10.0.0.1"),
            ("JOB_STATUS_EXPORTER_METRICS_PORT", "udp://10.0.0.1:9806"),
            (
                "JOB_STATUS_EXPORTER_METRICS_PORT_9806_UDP",
                "udp://10.0.0.1:9806",
            ),
            ("JOB_STATUS_EXPORTERS", "x"),
            ("JOB_STATUS_EXPORTER", "x"),
            ("STALE_AFTER", "x"),
            ("PATH", "/bin"),
        ] {
            assert_eq!(classify(name, value), Variable::Other, "{name}");
        }
    }
}
