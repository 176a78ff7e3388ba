//! `cci`: where Huawei Cloud CCI is, and who asks.
//!
//! Secrets stay in their files: only the paths are known here, so nothing secret can be printed.

use std::path::PathBuf;

use http::{
    HeaderName, Uri,
    header::{ACCEPT, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, USER_AGENT},
};

use super::{
    network,
    reader::{Node, Section},
};

/// A Huawei Cloud CCI endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CciConfig {
    /// The Kubernetes API of a region: https, or http on a loopback address.
    pub endpoint: Uri,
    /// The certificate authorities to trust, of the API and of IAM, in place of those of the system.
    pub ca_file: Option<PathBuf>,
    /// Who asks.
    pub auth: CciAuth,
}

/// How requests to CCI are authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CciAuth {
    /// With a token that IAM gives for a password.
    Token(TokenAuth),
    /// With a signature on every request.
    AccessKey(KeyAuth),
    /// The same, with temporary keys that the elastic cloud server gets through its agency.
    EcsAgency {
        /// The project that is asked.
        project_id: Option<String>,
    },
}

/// A token that IAM gives for a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenAuth {
    /// The IAM of the region.
    pub iam_endpoint: Uri,
    /// The account.
    pub domain: String,
    /// The IAM user.
    pub username: String,
    /// The file that holds the password.
    pub password_file: PathBuf,
    /// What the token is for.
    pub project: Project,
    /// The agency that the user acts as.
    pub agency: Option<Agency>,
    /// The request header that carries the token.
    pub header: HeaderName,
}

/// A key pair to sign with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAuth {
    /// The public half.
    pub access_key: AccessKey,
    /// The file that holds the secret half.
    pub secret_key_file: PathBuf,
    /// The project that is asked.
    pub project_id: String,
    /// The file that holds the token of a temporary key pair.
    pub security_token_file: Option<PathBuf>,
}

/// The public half of a key pair. Temporary ones have a new one each time, therefore the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessKey {
    /// As it stands in the configuration.
    Given(String),
    /// The file that holds it.
    File(PathBuf),
}

/// An agency of another account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agency {
    /// The account that delegates.
    pub domain: String,
    /// The name of the agency there.
    pub name: String,
}

/// A project of an account: a region, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Project {
    /// By name, such as `cn-north-4`.
    Name(String),
    /// By id.
    Id(String),
}

/// Reads `cci`.
pub(super) fn read(node: &Node<'_>) -> Option<CciConfig> {
    let section = node.section()?;
    let endpoint = section
        .required("endpoint")
        .and_then(|node| network::api_url(&node));
    let ca_file = section.get("ca_file").map(|node| node.file_path());
    let auth = section.required("auth").and_then(|node| auth(&node));
    Some(CciConfig {
        endpoint: endpoint?,
        ca_file: right_if_set(ca_file)?,
        auth: auth?,
    })
}

/// Wrong is not the same as absent.
#[allow(
    clippy::option_option,
    reason = "the outer one: set; the inner one: right"
)]
fn right_if_set<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        Some(value) => value.map(Some),
        None => Some(None),
    }
}

/// Reads `auth`: one of the three ways.
fn auth(node: &Node<'_>) -> Option<CciAuth> {
    let section = node.section()?;
    let token = section.find("token");
    let key = section.find("aksk");
    let server = section.find("ecs_agency");
    let ways = [&token, &key, &server];
    if ways.into_iter().flatten().count() != 1 {
        node.problem("must have exactly one of `token`, `aksk` and `ecs_agency`");
    }
    let token = token.map(|node| token_auth(&node).map(CciAuth::Token));
    let key = key.map(|node| key_auth(&node).map(CciAuth::AccessKey));
    let server = server.map(|node| server_auth(&node));
    token.or(key).or(server)?
}

/// Reads `token`.
fn token_auth(node: &Node<'_>) -> Option<TokenAuth> {
    let section = node.section()?;
    let iam_endpoint = section
        .required("iam_endpoint")
        .and_then(|node| network::api_url(&node));
    let domain = required_word(&section, "domain");
    let username = required_word(&section, "username");
    let password_file = section
        .required("password_file")
        .and_then(|node| node.file_path());
    let project = match (section.get("project"), section.get("project_id")) {
        (Some(name), None) => word(&name).map(Project::Name),
        (None, Some(id)) => word(&id).map(Project::Id),
        _ => {
            node.problem("must have exactly one of `project` and `project_id`");
            None
        }
    };
    let agency = section.get("agency").map(|node| agency(&node));
    let header = match section.get("token_header") {
        Some(node) => node.parsed(header),
        None => Some(HeaderName::from_static("x-auth-token")),
    };
    Some(TokenAuth {
        iam_endpoint: iam_endpoint?,
        domain: domain?,
        username: username?,
        password_file: password_file?,
        project: project?,
        agency: right_if_set(agency)?,
        header: header?,
    })
}

/// Reads `agency`.
fn agency(node: &Node<'_>) -> Option<Agency> {
    let section = node.section()?;
    let domain = required_word(&section, "domain");
    let name = required_word(&section, "name");
    Some(Agency {
        domain: domain?,
        name: name?,
    })
}

/// The name of a header that can carry a token.
fn header(text: &str) -> Result<HeaderName, &'static str> {
    let name = HeaderName::try_from(text).map_err(|_| "is not the name of a header")?;
    // What the client writes itself would be overwritten, by this or by the token.
    let taken = [
        ACCEPT,
        CONNECTION,
        CONTENT_LENGTH,
        HOST,
        TRANSFER_ENCODING,
        USER_AGENT,
    ];
    if taken.contains(&name) {
        return Err("is a header with another purpose");
    }
    Ok(name)
}

/// Reads `aksk`.
fn key_auth(node: &Node<'_>) -> Option<KeyAuth> {
    let section = node.section()?;
    let access_key = match (section.get("access_key"), section.get("access_key_file")) {
        (Some(key), None) => header_word(&key).map(AccessKey::Given),
        (None, Some(file)) => file.file_path().map(AccessKey::File),
        _ => {
            node.problem("must have exactly one of `access_key` and `access_key_file`");
            None
        }
    };
    let secret_key_file = section
        .required("secret_key_file")
        .and_then(|node| node.file_path());
    let project_id = section
        .required("project_id")
        .and_then(|node| header_word(&node));
    let security_token_file = section
        .get("security_token_file")
        .map(|node| node.file_path());
    Some(KeyAuth {
        access_key: access_key?,
        secret_key_file: secret_key_file?,
        project_id: project_id?,
        security_token_file: right_if_set(security_token_file)?,
    })
}

/// Reads `ecs_agency`.
fn server_auth(node: &Node<'_>) -> Option<CciAuth> {
    let section = node.section()?;
    let project_id = section.get("project_id").map(|node| header_word(&node));
    Some(CciAuth::EcsAgency {
        project_id: right_if_set(project_id)?,
    })
}

/// The text under `key`, which must be there.
fn required_word(section: &Section<'_>, key: &'static str) -> Option<String> {
    section.required(key).and_then(|node| word(&node))
}

/// Text that is not empty.
fn word(node: &Node<'_>) -> Option<String> {
    let text = node.text()?;
    if text.trim().is_empty() {
        node.problem("must not be empty");
        return None;
    }
    Some(text.to_owned())
}

/// The same, of characters that a header can carry and a signature does not stumble over.
fn header_word(node: &Node<'_>) -> Option<String> {
    let text = word(node)?;
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b',')
    {
        node.problem("must be letters and digits");
        return None;
    }
    Some(text)
}
