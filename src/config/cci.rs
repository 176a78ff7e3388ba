//! `cci`: where Huawei Cloud CCI is, and who asks.
//!
//! Secrets stay in their files: only the paths are known here, so nothing secret can be printed.

use std::path::PathBuf;

use http::Uri;

use super::{
    network,
    reader::{Node, Section},
};

/// A Huawei Cloud CCI endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cci {
    /// The Kubernetes API of a region: https, or http on a loopback address.
    pub endpoint: Uri,
    /// Who asks.
    pub auth: CciAuth,
}

/// How requests to CCI are authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CciAuth {
    /// With a token that IAM gives for a password.
    Token {
        /// The IAM of the region.
        iam_endpoint: Uri,
        /// The account.
        domain: String,
        /// The IAM user.
        username: String,
        /// The file that holds the password.
        password_file: PathBuf,
        /// What the token is for.
        project: Project,
    },
    /// With a signature on every request.
    AccessKey {
        /// The public half of the key pair.
        access_key: String,
        /// The file that holds the secret half.
        secret_key_file: PathBuf,
        /// The project that is asked.
        project_id: String,
        /// The file that holds the token of a temporary key pair.
        security_token_file: Option<PathBuf>,
    },
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
pub(super) fn read(node: &Node<'_>) -> Option<Cci> {
    let section = node.section()?;
    let endpoint = section
        .required("endpoint")
        .and_then(|node| network::api_url(&node));
    let auth = section.required("auth").and_then(|node| auth(&node));
    Some(Cci {
        endpoint: endpoint?,
        auth: auth?,
    })
}

/// Reads `auth`: one of the two ways.
fn auth(node: &Node<'_>) -> Option<CciAuth> {
    let section = node.section()?;
    let token = section.find("token");
    let key = section.find("aksk");
    if token.is_some() == key.is_some() {
        node.problem("must have exactly one of `token` and `aksk`");
    }
    let token = token.map(|node| token_auth(&node));
    let key = key.map(|node| key_auth(&node));
    token.or(key)?
}

/// Reads `token`.
fn token_auth(node: &Node<'_>) -> Option<CciAuth> {
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
    Some(CciAuth::Token {
        iam_endpoint: iam_endpoint?,
        domain: domain?,
        username: username?,
        password_file: password_file?,
        project: project?,
    })
}

/// Reads `aksk`.
fn key_auth(node: &Node<'_>) -> Option<CciAuth> {
    let section = node.section()?;
    let access_key = required_word(&section, "access_key");
    let secret_key_file = section
        .required("secret_key_file")
        .and_then(|node| node.file_path());
    let project_id = required_word(&section, "project_id");
    let security_token_file = section
        .get("security_token_file")
        .map(|node| node.file_path());
    Some(CciAuth::AccessKey {
        access_key: access_key?,
        secret_key_file: secret_key_file?,
        project_id: project_id?,
        // Wrong is not the same as absent.
        security_token_file: match security_token_file {
            Some(path) => Some(path?),
            None => None,
        },
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
