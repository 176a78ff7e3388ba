//! Reads the credentials of a request: the header `Authorization`.
//!
//! What cannot be read is [`Credentials::Invalid`] and costs nothing: no password is checked, and no API is asked.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use secrecy::{SecretSlice, SecretString};

/// The credentials of a request.
#[derive(Debug)]
pub(super) enum Credentials {
    /// A user and a password, as bytes: the header has no encoding.
    Basic {
        user: Vec<u8>,
        password: SecretSlice<u8>,
    },
    /// A token. It is not empty.
    Bearer(SecretString),
    /// The header is absent.
    None,
    /// The header has another scheme or is malformed, or there are several.
    Invalid,
}

impl Credentials {
    /// The credentials in `headers`. Several headers are invalid, because a proxy in front may have checked another one.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Self::None,
            (Some(value), None) => value,
            (Some(_), Some(_)) => return Self::Invalid,
        };
        let parsed = value.to_str().ok().and_then(|value| {
            let (scheme, parameter) = value.split_once(' ')?;
            let parameter = parameter.trim();
            if scheme.eq_ignore_ascii_case("basic") {
                basic(parameter)
            } else if scheme.eq_ignore_ascii_case("bearer") && !parameter.is_empty() {
                Some(Self::Bearer(parameter.into()))
            } else {
                None
            }
        });
        parsed.unwrap_or(Self::Invalid)
    }
}

/// `USER:PASSWORD` in base64. Only the password may contain a colon.
fn basic(parameter: &str) -> Option<Credentials> {
    let mut decoded = STANDARD.decode(parameter).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let password = SecretSlice::from(decoded.split_off(colon + 1));
    decoded.pop();
    Some(Credentials::Basic {
        user: decoded,
        password,
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::{prop_assert, prop_assert_eq, proptest};
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(values: &[&[u8]]) -> String {
        let values = values.iter().map(|value| {
            let value = HeaderValue::from_bytes(value).unwrap();
            (AUTHORIZATION, value)
        });
        match Credentials::read(&values.collect()) {
            Credentials::Basic { user, password } => {
                let (user, password) = (user.escape_ascii(), password.expose_secret());
                format!("basic {user} {}", password.escape_ascii())
            }
            Credentials::Bearer(token) => format!("bearer {}", token.expose_secret()),
            Credentials::None => "none".to_owned(),
            Credentials::Invalid => "invalid".to_owned(),
        }
    }

    #[test]
    fn users_and_passwords_are_bytes_and_only_a_password_has_colons() {
        for (login, expected) in [
            (&b"alice:secret"[..], "basic alice secret"),
            (b"alice:a:b", "basic alice a:b"),
            (b":", "basic  "),
            (b"al\xff:\xfe\0", r"basic al\xff \xfe\x00"),
            (b"alice", "invalid"),
            (b"", "invalid"),
        ] {
            let header = format!("Basic {}", STANDARD.encode(login));
            assert_eq!(read(&[header.as_bytes()]), expected, "{header}");
        }
    }

    #[test]
    fn malformed_headers_and_unknown_schemes_are_invalid() {
        for (header, expected) in [
            (&b"bAsIc   YTpi"[..], "basic a b"),
            (b"BEARER abc.def", "bearer abc.def"),
            (b"Basic", "invalid"),
            (b"Basic ", "invalid"),
            (b"Basic YTpi!", "invalid"),
            (b"Basic YTpiYw", "invalid"),
            (b"Basic\xa0YTpi", "invalid"),
            (b"Bearer", "invalid"),
            (b"Bearer  ", "invalid"),
            (b"Digest YTpi", "invalid"),
            (b"YTpi", "invalid"),
            (b"", "invalid"),
        ] {
            assert_eq!(read(&[header]), expected, "{}", header.escape_ascii());
        }
    }

    #[test]
    fn several_headers_are_invalid_even_if_one_would_do() {
        assert_eq!(read(&[]), "none");
        assert_eq!(read(&[b"Basic YTpi"]), "basic a b");
        assert_eq!(read(&[b"Basic YTpi", b"Basic YTpi"]), "invalid");
        assert_eq!(read(&[b"Basic YTpi", b"Bearer abc"]), "invalid");
    }

    proptest! {
        #[test]
        fn any_login_is_read_as_it_was_written(user in "[^:]*", password: Vec<u8>) {
            let login = [user.as_bytes(), b":", &password].concat();
            let header = format!("Basic {}", STANDARD.encode(login));
            let expected = format!("basic {} {}", user.as_bytes().escape_ascii(), password.escape_ascii());
            prop_assert_eq!(read(&[header.as_bytes()]), expected);
        }

        #[test]
        fn only_a_header_with_a_known_scheme_has_credentials(value: Vec<u8>) {
            let Ok(header) = HeaderValue::from_bytes(&value) else {
                return Ok(());
            };
            let text = value.to_ascii_lowercase();
            let is_known = text.starts_with(b"basic ") || text.starts_with(b"bearer ");
            prop_assert!(is_known || read(&[&value]) == "invalid", "{header:?}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let value = HeaderValue::from_static("Basic YWxpY2U6aHVudGVyMg==");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        let text = format!("{:?}", Credentials::read(&headers));
        assert!(
            !text.contains("hunter2") && text.contains("REDACTED"),
            "{text}"
        );
    }
}
