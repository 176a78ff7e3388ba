//! What an operator can do about an error: looked up by the error code of the server, else by text, else by HTTP status.

use super::{Error, Failure, Status};
use crate::model::{Resource, Verb};

const NO_AGENCY: &str = "Huawei Cloud CCI has no agency in this account: open the CCI console once and authorise the service";
const SAME_REGION: &str = "the token has expired or is not valid here: `iam_endpoint`, `project` and the endpoint must be of one region";
const NOT_ALLOWED: &str = "this user may not call the API: grant it permissions for CCI in IAM";
const NO_PERMISSION: &str = "this user has no permission for CCI: grant it the IAM actions `CCI:namespaceSubResource:Get` and `CCI:namespaceSubResource:List`";

/// [Codes of CCI](https://support.huaweicloud.com/intl/en-us/api-cci/cci_02_1005.html), and codes of the API
/// [gateway](https://support.huaweicloud.com/intl/en-us/devg-apisign/api-sign-errorcode.html) in front of it. The latter are
/// without their prefix, which differs between regions.
const BY_CODE: [(&str, &str); 16] = [
    (
        "0101",
        "the gateway has no such API: check host and region of the endpoint",
    ),
    ("0302", NOT_ALLOWED),
    ("0306", NOT_ALLOWED),
    ("0307", SAME_REGION),
    (
        "0308",
        "the gateway throttles requests: lower `poll.requests_per_second`, poll less often, or set `poll.by_list`",
    ),
    (
        "0310",
        "the project cannot be used: check its id, and whether the project or the account is frozen",
    ),
    (
        "0613",
        "the gateway cannot reach IAM: wait, this resolves by itself",
    ),
    (
        "CCI.01.400105",
        "CCI requires a namespace: list the full names in `namespaces.include`",
    ),
    ("CCI.01.401102", NO_AGENCY),
    ("CCI.01.403122", NO_AGENCY),
    ("CCI.01.404101", NO_AGENCY),
    (
        "CCI.01.403103",
        "the credentials belong to another account than the namespace",
    ),
    ("CCI.01.403104", NO_PERMISSION),
    (
        "CCI.01.403113",
        "grant this user the IAM action `CCI:namespaceSubResource:Get`",
    ),
    (
        "CCI.01.403114",
        "grant this user the IAM action `CCI:namespaceSubResource:List`",
    ),
    (
        "CCI.01.500101",
        "CCI has no route to this namespace: check its name, and that it is of this region and of CCI 1.0",
    ),
];

/// Parts of messages. The gateway uses one code, 0301, for all invalid credentials, and some error responses have no code.
const BY_TEXT: [(&str, &str); 7] = [
    (
        "verify aksk signature fail",
        "the signature is invalid: check that secret key and access key match; log level debug shows the request as the gateway read it",
    ),
    (
        "AK access failed to reach the limit",
        "the access key is locked for five minutes after too many invalid signatures, perhaps from another program",
    ),
    ("decrypt token fail", SAME_REGION),
    (
        "ak not exist",
        "there is no such access key: it may be deleted, misspelt, or of another cloud",
    ),
    (
        "x-auth-token not found",
        "the request arrived without a token in `X-Auth-Token`: check `token_header`, and proxies that drop headers",
    ),
    (
        "refused by a policy",
        "log level debug shows the encoded reason; an administrator of the account can decode it with IAM",
    ),
    ("namespaces \"", "there is no such namespace"),
];

/// Parts of messages of rustls and the resolver, which have no codes.
const BY_CONNECTION_TEXT: [(&str, &str); 11] = [
    (
        "proxy authorization required",
        "the proxy wants a user and a password: write them into its URL, http://USER:PASSWORD@HOST:PORT",
    ),
    (
        "tunnel error",
        "the connection to the proxy failed, or it refuses to connect to the API: check `proxy-url`, HTTPS_PROXY and NO_PROXY",
    ),
    (
        "SOCKS error",
        "the connection to the proxy failed, or it refuses to connect to the API: check `proxy-url`, HTTPS_PROXY and NO_PROXY",
    ),
    (
        "received fatal alert",
        "the server ended the TLS handshake: if it asks for a client certificate, check `client-certificate`, and whether it has expired",
    ),
    (
        "CaUsedAsEndEntity",
        "the server's certificate is that of a certificate authority: let the authority issue one for the server",
    ),
    (
        "UnsupportedCertVersion",
        "X.509 version 1 certificates are not supported: issue the certificate as version 3",
    ),
    (
        "UnknownIssuer",
        "the server's certificate is not signed by a trusted certificate authority: check `certificate-authority` in the kubeconfig, or `ca_file`",
    ),
    (
        "NotValidForName",
        "the server's certificate is for another name: check the server address or `tls-server-name`",
    ),
    ("Expired", "a certificate has expired"),
    (
        "Connection refused",
        "nothing listens at this address: is the API server up?",
    ),
    (
        "InvalidMessage",
        "the response is not TLS: is this a plain HTTP port?",
    ),
];

/// The hint for `error`, if there is one.
pub(super) fn for_error(error: &Error) -> Option<&'static str> {
    match &error.failure {
        Failure::Status(status) => for_status(status).or_else(|| for_code(error, status.code)),
        Failure::TooLarge(_) => Some("is this address really a Kubernetes API?"),
        Failure::LimitExceeded { hint, .. } => Some(hint),
        Failure::RateLimit(_) => {
            Some("raise `poll.requests_per_second`, or probe and poll less often")
        }
        other => for_connection(other),
    }
}

/// The hint for a failure to create a client or to connect.
pub(super) fn for_connection(failure: &Failure) -> Option<&'static str> {
    match failure {
        Failure::NoClient(text)
        | Failure::NoCluster(text)
        | Failure::Transport(text)
        | Failure::TlsAlert(text) => find(&BY_CONNECTION_TEXT, text),
        Failure::Status(_)
        | Failure::TooLarge(_)
        | Failure::Suppressed(_)
        | Failure::Timeout(_)
        | Failure::InvalidResponse(_)
        | Failure::RateLimit(_)
        | Failure::LimitExceeded { .. }
        | Failure::NotServed => None,
    }
}

fn for_status(status: &Status) -> Option<&'static str> {
    let code = status.error_code.as_deref().map(without_prefix);
    let by_code = BY_CODE.iter().find(|(known, _)| Some(*known) == code);
    match by_code {
        Some((_, hint)) => Some(hint),
        // Messages of Kubernetes contain these texts also in other errors.
        None if status.is_kubernetes && status.code != 404 => None,
        None => find(&BY_TEXT, &status.message),
    }
}

fn for_code(error: &Error, code: u16) -> Option<&'static str> {
    Some(match code {
        401 => {
            "the credentials were rejected: check the token, certificate or exec plugin of this target"
        }
        403 => match (error.request.verb, error.request.resource) {
            (Verb::Get, _) => "grant `get` on `jobs/status` in API group `batch` to this user",
            (_, Resource::Jobs) => {
                "grant `list` and `watch` on `jobs` in API group `batch` to this user"
            }
            (_, Resource::CronJobs) => {
                "grant `list` and `watch` on `cronjobs` in API group `batch` to this user"
            }
            (_, Resource::Pods) => {
                "grant `list` and `watch` on `pods` in the core API group to this user, or set `pods.enabled: false`"
            }
            (_, Resource::Namespaces) => {
                "grant `list` and `watch` on `namespaces` in the core API group to this user"
            }
        },
        404 => "the server responds, but has no such API: check the server address and its version",
        // Sent by nginx, which many gateways use.
        431 | 494 => {
            "the request headers are too large for a proxy in between: the token may be too long"
        }
        _ => return None,
    })
}

/// Removes the prefix of a gateway code. It is `APIGW.`, `APIG.` or `APIC.`, depending on the region.
fn without_prefix(code: &str) -> &str {
    ["APIGW.", "APIG.", "APIC."]
        .iter()
        .find_map(|prefix| code.strip_prefix(prefix))
        .unwrap_or(code)
}

/// The hint for the first entry of `table` whose text is part of `text`.
fn find(table: &[(&str, &'static str)], text: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(part, _)| text.contains(part))
        .map(|(_, hint)| *hint)
}
