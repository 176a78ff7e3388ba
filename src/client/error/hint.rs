//! What an operator can do about an error: by the code that the server gives, else by text, else by HTTP status.

use super::{Error, Failure, Status};
use crate::model::{Resource, Verb};

const NO_AGENCY: &str = "Huawei Cloud CCI has no agency in this account: open the CCI console once and authorise the service";
const SAME_REGION: &str = "the token is not, or no longer, good here: `iam_endpoint`, `project` and the endpoint have to be of one region";
const NOT_ALLOWED: &str = "this user may not use the API: give it permissions for CCI in IAM";
const NO_RIGHT: &str = "this user has no right to CCI: grant it the IAM actions `CCI:namespaceSubResource:Get` and `CCI:namespaceSubResource:List`";

/// [Codes of CCI](https://support.huaweicloud.com/intl/en-us/api-cci/cci_02_1005.html), and those of the
/// [gateway](https://support.huaweicloud.com/intl/en-us/devg-apisign/api-sign-errorcode.html) before it without their prefix,
/// which differs between regions.
const BY_CODE: [(&str, &str); 16] = [
    (
        "0101",
        "the gateway has no such API: check that the endpoint is that of CCI, and its region",
    ),
    ("0302", NOT_ALLOWED),
    ("0306", NOT_ALLOWED),
    ("0307", SAME_REGION),
    (
        "0308",
        "the gateway throttles: lower `poll.requests_per_second`, poll less often, or set `poll.by_list`",
    ),
    (
        "0310",
        "the project cannot be used: check its id, and whether it or the account is frozen",
    ),
    (
        "0613",
        "IAM is not available to the gateway: this passes by itself",
    ),
    (
        "CCI.01.400105",
        "CCI wants namespaces to be named: list them in full in `namespaces.include`",
    ),
    ("CCI.01.401102", NO_AGENCY),
    ("CCI.01.403122", NO_AGENCY),
    ("CCI.01.404101", NO_AGENCY),
    (
        "CCI.01.403103",
        "the credentials are of another account than the namespace",
    ),
    ("CCI.01.403104", NO_RIGHT),
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
        "CCI does not know where this namespace is: check its name, and that it is of this region and of CCI 1.0",
    ),
];

/// One code of the gateway, 0301, stands for everything that can be wrong with credentials; some refusals have no code at all.
const BY_TEXT: [(&str, &str); 7] = [
    (
        "verify aksk signature fail",
        "the signature is wrong: the secret key may be that of another access key; at log level debug the gateway's view of the request is shown",
    ),
    (
        "AK access failed to reach the limit",
        "the access key is locked for five minutes after too many wrong signatures, which may be those of another program that uses it",
    ),
    ("decrypt token fail", SAME_REGION),
    (
        "ak not exist",
        "there is no such access key: it may be deleted, misspelt, or of another account system",
    ),
    (
        "x-auth-token not found",
        "the token did not arrive in `X-Auth-Token`: check `token_header`, and proxies in between",
    ),
    (
        "refused by a policy",
        "at log level debug the reason is shown, encoded; an administrator of the account can have IAM decode it",
    ),
    ("namespaces \"", "there is no such namespace"),
];

/// rustls and the resolver tell what is wrong by text only.
const OF_CONNECTIONS: [(&str, &str); 6] = [
    (
        "UnsupportedCertVersion",
        "X.509 version 1 certificates are not supported: issue the certificate as version 3",
    ),
    (
        "UnknownIssuer",
        "the server's certificate is not signed by the cluster's certificate authority: check it",
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
        "the answer is not TLS: is this a plain HTTP port?",
    ),
];

/// What can be done about `error`.
pub(super) fn of(error: &Error) -> Option<&'static str> {
    match &error.failure {
        Failure::Status(status) => of_status(status).or_else(|| of_code(error, status.code)),
        Failure::Client(text) | Failure::Transport(text) => find(&OF_CONNECTIONS, text),
        Failure::TooLarge(_) => Some("is this address really a Kubernetes API?"),
        Failure::Suppressed(_)
        | Failure::Timeout(_)
        | Failure::Nonsense(_)
        | Failure::NotServed => None,
    }
}

fn of_status(status: &Status) -> Option<&'static str> {
    let code = status.error_code.as_deref().map(without_prefix);
    let by_code = BY_CODE.iter().find(|(known, _)| Some(*known) == code);
    match by_code {
        Some((_, hint)) => Some(hint),
        // Kubernetes names what is missing, also in messages about other things.
        None if status.is_kubernetes && status.code != 404 => None,
        None => find(&BY_TEXT, &status.message),
    }
}

fn of_code(error: &Error, code: u16) -> Option<&'static str> {
    Some(match code {
        401 => {
            "the credentials were refused: check the token, certificate or exec plugin of this target"
        }
        403 => match (error.request.verb, error.request.resource) {
            (Verb::Get, _) => "grant `get` on `jobs/status` in API group `batch` to this user",
            (_, Resource::Jobs) => {
                "grant `list` and `watch` on `jobs` in API group `batch` to this user"
            }
            (_, Resource::CronJobs) => {
                "grant `list` and `watch` on `cronjobs` in API group `batch` to this user"
            }
        },
        404 => "the address answers, but has no such API: check the server address and its version",
        // From nginx, which stands before many gateways.
        431 | 494 => "the request headers, and so the token, are too large for what is in between",
        _ => return None,
    })
}

/// The gateway's codes begin with `APIGW.`, `APIG.` or `APIC.`, by region.
fn without_prefix(code: &str) -> &str {
    ["APIGW.", "APIG.", "APIC."]
        .iter()
        .find_map(|prefix| code.strip_prefix(prefix))
        .unwrap_or(code)
}

fn find(table: &[(&str, &'static str)], text: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(part, _)| text.contains(part))
        .map(|(_, hint)| *hint)
}
