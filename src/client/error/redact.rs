//! Removes secrets from the texts of servers, and shortens them to a log line.

/// Names of secret values. The value follows after a colon or an equals sign.
const SECRETS: [&str; 9] = [
    "x-auth-token",
    "x-subject-token",
    "x-security-token",
    "authorization",
    "signature",
    "password",
    "secret",
    "secretkey",
    "sk",
];

/// Names of values that are shortened: they are not secret, but need not be public.
const IDENTITIES: [&str; 2] = ["ak", "access"];

/// Names in Kubernetes have up to 253 characters; tokens have thousands.
const MAX_NAME: usize = 253;

/// The first 500 characters of `text`, with control characters replaced by spaces, and without logins in URLs.
pub(in crate::client) fn one_line(text: &str) -> String {
    const LIMIT: usize = 500;
    let text = &without_logins(text);
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut line: String = text.trim().chars().take(LIMIT).map(clean).collect();
    if text.trim().chars().nth(LIMIT).is_some() {
        line.push('…');
    }
    line
}

/// `text` without what comes before the `@` in URLs.
fn without_logins(text: &str) -> String {
    let mut parts = text.split("://");
    let mut safe = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_whitespace() || "/?#\"'`<>".contains(c));
        let (authority, rest) = part.split_at(end.unwrap_or(part.len()));
        safe.push_str("://");
        match authority.rsplit_once('@') {
            Some((_, host)) => safe.extend(["***@", host]),
            None => safe.push_str(authority),
        }
        safe.push_str(rest);
    }
    safe
}

/// `text` without tokens and keys, which are recognised by their names or their length.
pub(super) fn redact(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    // The kind of value that comes next, after a name and a colon or an equals sign.
    let mut expected = None;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| !is_token_char(c)).unwrap_or(rest.len());
        if length == 0 {
            safe.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(length);
        rest = after;
        match expected.take() {
            Some(ValueKind::Secret) => {
                safe.push_str("***");
                // The scheme of an Authorization header comes before the secret.
                expected = is_one_of(word, &["basic", "bearer"]).then_some(ValueKind::Secret);
            }
            Some(ValueKind::Identity) => safe.push_str(&mask(word)),
            None if word.len() > MAX_NAME => safe.push_str("***"),
            None => {
                safe.push_str(word);
                expected = ValueKind::after(word, after);
            }
        }
    }
    safe
}

/// How a value is treated.
#[derive(Clone, Copy)]
enum ValueKind {
    Secret,
    Identity,
}

impl ValueKind {
    /// The kind of value that follows the name `word`, if `rest` begins with a colon or an equals sign.
    fn after(word: &str, rest: &str) -> Option<Self> {
        let assigned = rest
            .trim_start_matches(['"', '\'', ' '])
            .starts_with([':', '=']);
        if !assigned {
            None
        } else if is_one_of(word, &SECRETS) {
            Some(Self::Secret)
        } else if is_one_of(word, &IDENTITIES) {
            Some(Self::Identity)
        } else {
            None
        }
    }
}

fn is_one_of(word: &str, names: &[&str]) -> bool {
    names.iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// Characters of tokens and keys, except the equals signs at their ends.
fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/_-.~".contains(c)
}

/// The first and last four characters of an access key, enough to recognise it.
fn mask(key: &str) -> String {
    match (key.get(..4), key.get(key.len().saturating_sub(4)..)) {
        (Some(begin), Some(end)) if key.len() >= 12 => format!("{begin}…{end}"),
        _ => "***".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_values_are_removed_and_access_keys_shortened() {
        for (text, safe) in [
            (
                "Get secretKey failed,ak:EXAMPLEAK00000000000,err:ak not exist",
                "Get secretKey failed,ak:EXAM…0000,err:ak not exist",
            ),
            ("ak:short", "ak:***"),
            ("x-auth-token not found", "x-auth-token not found"),
            ("X-Auth-Token: MIIabc+/== end", "X-Auth-Token: ***== end"),
            (
                r#"{"password": "hunter2", "name": "x"}"#,
                r#"{"password": "***", "name": "x"}"#,
            ),
            (
                "x-security-token:gQpjbi1u-example==||host",
                "x-security-token:***==||host",
            ),
            (
                "authorization: Bearer abc.def next",
                "authorization: *** *** next",
            ),
            (
                "SDK-HMAC-SHA256 Access=EXAMPLEAK00000000000, SignedHeaders=host, Signature=00ff",
                "SDK-HMAC-SHA256 Access=EXAM…0000, SignedHeaders=host, Signature=***",
            ),
            (
                "jobs.batch \"pi\" is forbidden: User \"sk\"",
                "jobs.batch \"pi\" is forbidden: User \"sk\"",
            ),
        ] {
            assert_eq!(redact(text), safe);
        }
    }

    #[test]
    fn logins_in_urls_are_removed() {
        for (text, safe) in [
            (
                "Get \"https://user:p:w@host:1/a@b\": no",
                "Get \"https://***@host:1/a@b\": no",
            ),
            ("socks5://u@h, http://h/", "socks5://***@h, http://h/"),
            ("user@host: 1://", "user@host: 1://"),
        ] {
            assert_eq!(one_line(text), safe);
        }
    }

    #[test]
    fn words_longer_than_any_name_are_removed_as_tokens() {
        let token = "MIIP".repeat(1_280);
        assert_eq!(redact(&format!("token {token}== bad")), "token ***== bad");
        let name = "a".repeat(253);
        assert_eq!(redact(&name), name);
    }
}
