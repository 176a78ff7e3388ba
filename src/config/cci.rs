//! `cci`: the endpoint and the credentials of Huawei Cloud CCI.
//!
//! The configuration has the paths of secret files, never their contents, so it can be printed.

use std::path::{Path, PathBuf};

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
    /// The certificate authorities for the API and IAM, instead of those of the system.
    pub ca_file: Option<PathBuf>,
    /// How requests are authenticated.
    pub auth: CciAuth,
}

/// How requests to CCI are authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CciAuth {
    /// A token that IAM issues for a password.
    Token(TokenAuth),
    /// A signature on every request.
    AccessKey(KeyAuth),
    /// A signature with temporary keys from the agency of the elastic cloud server (ECS).
    EcsAgency {
        /// The id of the project.
        project_id: Option<String>,
    },
}

/// Credentials for a token that IAM issues for a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenAuth {
    /// The IAM endpoint of the region.
    pub iam_endpoint: Uri,
    /// The account name.
    pub domain: String,
    /// The IAM user name.
    pub username: String,
    /// The file that holds the password.
    pub password_file: PathBuf,
    /// The project that the token is scoped to.
    pub project: Project,
    /// The agency that the user assumes.
    pub agency: Option<Agency>,
    /// The request header that carries the token.
    pub header: HeaderName,
}

/// An access key that signs requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAuth {
    /// The access key id.
    pub access_key: AccessKey,
    /// The file that holds the secret access key.
    pub secret_key_file: PathBuf,
    /// The id of the project.
    pub project_id: String,
    /// The file that holds the security token of a temporary access key.
    pub security_token_file: Option<PathBuf>,
}

/// The id of an access key. A temporary key gets a new id at each renewal, so a file can hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessKey {
    /// The id itself.
    Given(String),
    /// The file that holds it.
    File(PathBuf),
}

impl CciConfig {
    /// The files with secrets and certificate authorities.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let secrets = match &self.auth {
            CciAuth::Token(token) => [Some(&token.password_file), None, None],
            CciAuth::AccessKey(key) => [
                match &key.access_key {
                    AccessKey::Given(_) => None,
                    AccessKey::File(path) => Some(path),
                },
                Some(&key.secret_key_file),
                key.security_token_file.as_ref(),
            ],
            CciAuth::EcsAgency { .. } => [None, None, None],
        };
        let files = secrets.into_iter().chain([self.ca_file.as_ref()]);
        files.flatten().map(PathBuf::as_path)
    }
}

/// An agency of another account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agency {
    /// The account that delegates its permissions.
    pub domain: String,
    /// The name of the agency in that account.
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
        ca_file: valid_if_set(ca_file)?,
        auth: auth?,
    })
}

/// `None` for an invalid value, `Some(None)` for an absent one.
#[allow(
    clippy::option_option,
    reason = "the outer one: is it set; the inner one: is it valid"
)]
fn valid_if_set<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        Some(value) => value.map(Some),
        None => Some(None),
    }
}

/// Reads `auth`, which has exactly one of three methods.
fn auth(node: &Node<'_>) -> Option<CciAuth> {
    let section = node.section()?;
    let token = section.find("token");
    let key = section.find("aksk");
    let agency = section.find("ecs_agency");
    let methods = [&token, &key, &agency];
    if methods.into_iter().flatten().count() != 1 {
        node.problem("must have exactly one of `token`, `aksk` and `ecs_agency`");
    }
    let token = token.map(|node| token_auth(&node).map(CciAuth::Token));
    let key = key.map(|node| access_key_auth(&node).map(CciAuth::AccessKey));
    let agency = agency.map(|node| ecs_agency_auth(&node));
    token.or(key).or(agency)?
}

/// Reads `token`.
fn token_auth(node: &Node<'_>) -> Option<TokenAuth> {
    let section = node.section()?;
    let iam_endpoint = section
        .required("iam_endpoint")
        .and_then(|node| network::api_url(&node));
    let domain = required_text(&section, "domain");
    let username = required_text(&section, "username");
    let password_file = section
        .required("password_file")
        .and_then(|node| node.file_path());
    let project = match (section.get("project"), section.get("project_id")) {
        (Some(name), None) => non_empty_text(&name).map(Project::Name),
        (None, Some(id)) => non_empty_text(&id).map(Project::Id),
        _ => {
            node.problem("must have exactly one of `project` and `project_id`");
            None
        }
    };
    let agency = section.get("agency").map(|node| agency(&node));
    let header = match section.get("token_header") {
        Some(node) => node.parsed(token_header),
        None => Some(HeaderName::from_static("x-auth-token")),
    };
    Some(TokenAuth {
        iam_endpoint: iam_endpoint?,
        domain: domain?,
        username: username?,
        password_file: password_file?,
        project: project?,
        agency: valid_if_set(agency)?,
        header: header?,
    })
}

/// Reads `agency`.
fn agency(node: &Node<'_>) -> Option<Agency> {
    let section = node.section()?;
    let domain = required_text(&section, "domain");
    let name = required_text(&section, "name");
    Some(Agency {
        domain: domain?,
        name: name?,
    })
}

/// Parses the name of the header that carries the token.
fn token_header(text: &str) -> Result<HeaderName, &'static str> {
    let name = HeaderName::try_from(text).map_err(|_| "is not a valid header name")?;
    // The HTTP client sets these headers itself.
    let reserved = [
        ACCEPT,
        CONNECTION,
        CONTENT_LENGTH,
        HOST,
        TRANSFER_ENCODING,
        USER_AGENT,
    ];
    if reserved.contains(&name) {
        return Err("is a header that the HTTP client sets itself");
    }
    Ok(name)
}

/// Reads `aksk`.
fn access_key_auth(node: &Node<'_>) -> Option<KeyAuth> {
    let section = node.section()?;
    let access_key = match (section.get("access_key"), section.get("access_key_file")) {
        (Some(key), None) => header_text(&key).map(AccessKey::Given),
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
        .and_then(|node| header_text(&node));
    let security_token_file = section
        .get("security_token_file")
        .map(|node| node.file_path());
    Some(KeyAuth {
        access_key: access_key?,
        secret_key_file: secret_key_file?,
        project_id: project_id?,
        security_token_file: valid_if_set(security_token_file)?,
    })
}

/// Reads `ecs_agency`.
fn ecs_agency_auth(node: &Node<'_>) -> Option<CciAuth> {
    let section = node.section()?;
    let project_id = section.get("project_id").map(|node| header_text(&node));
    Some(CciAuth::EcsAgency {
        project_id: valid_if_set(project_id)?,
    })
}

/// Reads `key`, which is required and not empty.
fn required_text(section: &Section<'_>, key: &'static str) -> Option<String> {
    section.required(key).and_then(|node| non_empty_text(&node))
}

/// Reads text that is not empty.
fn non_empty_text(node: &Node<'_>) -> Option<String> {
    let text = node.text()?;
    if text.trim().is_empty() {
        node.problem("must not be empty");
        return None;
    }
    Some(text.to_owned())
}

/// Reads text without the characters that a header value or a signature cannot contain.
fn header_text(node: &Node<'_>) -> Option<String> {
    let text = non_empty_text(node)?;
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b',')
    {
        node.problem("must be printable ASCII characters without spaces and commas");
        return None;
    }
    Some(text)
}
