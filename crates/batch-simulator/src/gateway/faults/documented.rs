//! The published errors as a table.
//!
//! The texts are from the CCI error code page, the API Gateway error code page, the IAM token pages and public issues.

use std::borrow::Cow;

use crate::gateway::error::{ErrorBody, ErrorFormat, NAMESPACE_REQUIRED};

/// Every documented error. The last ones are from other services and from proxies; the vendor's SDKs handle them.
pub static DOCUMENTED: &[ErrorBody] = &[
    // The API gateway.
    gateway(
        404,
        "APIGW.0101",
        "The API does not exist or has not been published in the environment",
    ),
    gateway(400, "APIGW.0201", "Bad request"),
    gateway(413, "APIGW.0201", "Request entity too large"),
    gateway(414, "APIGW.0201", "Request URI too large"),
    gateway(494, "APIGW.0201", "Request headers too large"),
    gateway(502, "APIGW.0201", "Backend unavailable"),
    gateway(504, "APIGW.0201", "Backend timeout"),
    gateway(
        401,
        "APIGW.0301",
        "Incorrect IAM authentication information: verify aksk signature fail",
    ),
    gateway(
        401,
        "APIGW.0301",
        "Incorrect IAM authentication information: AK access failed to reach the limit,forbidden",
    ),
    gateway(
        401,
        "APIGW.0301",
        "Incorrect IAM authentication information: decrypt token fail",
    ),
    gateway(
        401,
        "APIGW.0301",
        "Incorrect IAM authentication information: Get secretKey failed,ak:EXAMPLEAK00000000000,err:ak not exist",
    ),
    gateway(
        401,
        "APIGW.0301",
        "Incorrect IAM authentication information: x-auth-token not found",
    ),
    gateway(
        403,
        "APIGW.0302",
        "The IAM user is not authorized to access the API.",
    ),
    gateway(403, "APIGW.0306", "API access denied."),
    gateway(401, "APIGW.0307", "The token must be updated."),
    gateway(
        429,
        "APIGW.0308",
        "The throttling threshold has been reached: policy ip over ratelimit,limit:5,time:5 second",
    ),
    gateway(403, "APIGW.0310", "The project is unavailable."),
    gateway(500, "APIGW.0601", "Internal server error."),
    gateway(
        503,
        "APIGW.0613",
        "The IAM service is currently unavailable.",
    ),
    gateway(
        401,
        "APIG.0301",
        "Incorrect IAM authentication information: decrypt token fail",
    ),
    gateway(401, "APIC.0307", "The token must be updated."),
    without_request_id(
        404,
        "APIGW.0101",
        "The API does not exist or has not been published in the environment",
    ),
    // CCI.
    cci(400, "BadRequest", "CCI.01.400105", NAMESPACE_REQUIRED),
    cci(401, "Unauthorized", "CCI.01.401102", NO_AGENCY),
    cci(403, "Forbidden", "CCI.01.403122", NO_AGENCY),
    cci(
        403,
        "Forbidden",
        "CCI.01.403103",
        "user's token can not match auth token for resourceUser's",
    ),
    cci(
        403,
        "Forbidden",
        "CCI.01.403104",
        "current user has no right",
    ),
    cci(
        403,
        "Forbidden",
        "CCI.01.403113",
        "insufficient operation permission, require cci:namespaceSubResource:get",
    ),
    cci(
        403,
        "Forbidden",
        "CCI.01.403114",
        "insufficient operation permission, require cci:namespaceSubResource:list",
    ),
    cci(404, "NotFound", "CCI.01.404101", "no agency found for user"),
    cci(409, "Conflict", "CCI.02.409101", "object is being changed"),
    cci(
        500,
        "InternalError",
        "CCI.01.500101",
        "find no cluster endpoint for namespace reports from icluster response header",
    ),
    // The Kubernetes behind it.
    kubernetes(401, "Unauthorized", "Unauthorized"),
    kubernetes(
        403,
        "Forbidden",
        "jobs.batch \"pi\" is forbidden: User \"exporter\" cannot get resource \"jobs/status\" in API group \"batch\" in the namespace \"namespace-test\"",
    ),
    kubernetes(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
    ),
    kubernetes(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result.",
    ),
    kubernetes(
        429,
        "TooManyRequests",
        "Too many requests, please try again later.",
    ),
    kubernetes(
        500,
        "InternalError",
        "Internal error occurred: etcdserver: request timed out",
    ),
    kubernetes(
        503,
        "ServiceUnavailable",
        "the server is currently unable to handle the request",
    ),
    kubernetes(
        504,
        "Timeout",
        "Timeout: request did not complete within the allotted timeout",
    ),
    // IAM.
    iam(400, "Bad Request", "The request body is invalid"),
    iam(401, "Unauthorized", "The username or password is wrong."),
    iam(401, "Unauthorized", "The X-Auth-Token is invalid!"),
    iam(403, "Forbidden", "You have no right to do this action"),
    iam(404, "Not Found", "The resource could not be found."),
    iam(
        500,
        "Internal Server Error",
        "An unexpected error prevented the server from fulfilling your request.",
    ),
    iam(503, "Service Unavailable", "The service is unavailable."),
    // Other services and proxies.
    body(
        403,
        ErrorFormat::Iam {
            code: Some("IAM.0002"),
            title: "Forbidden",
            message: Cow::Borrowed("You are not authorized to perform the requested action."),
        },
    ),
    body(
        403,
        ErrorFormat::Raw {
            content_type: "application/json",
            body: Cow::Borrowed(
                "{\"encoded_authorization_message\":\"XXXXXXXXXXXXXXXXXXXX\",\"error_msg\":\"no permission\"}",
            ),
        },
    ),
    body(
        500,
        ErrorFormat::Raw {
            content_type: "application/json",
            body: Cow::Borrowed("{\"ret\":[{\"errorMsg\":\"unknown\"}]}"),
        },
    ),
    body(
        502,
        ErrorFormat::Raw {
            content_type: "text/html",
            body: Cow::Borrowed(
                "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>\r\n",
            ),
        },
    ),
];

/// The vendor writes a full-width comma.
const NO_AGENCY: &str = "user has no agency to cci\u{ff0c}please apply a agency to cci";

// === impl ErrorBody ===

impl ErrorBody {
    /// The first documented error with this code: `APIGW.0307`, `CCI.01.404101`.
    #[must_use]
    pub fn documented(code: &str) -> Option<Self> {
        let error = DOCUMENTED.iter().find(|error| error.code() == Some(code));
        error.cloned()
    }

    /// The error code in the body, if it has one.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self.format {
            ErrorFormat::Kubernetes { error_code, .. } => error_code,
            ErrorFormat::Gateway { code, .. } => Some(code),
            ErrorFormat::Iam { code, .. } => code,
            ErrorFormat::Raw { .. } => None,
        }
    }
}

const fn body(status: u16, format: ErrorFormat) -> ErrorBody {
    ErrorBody { status, format }
}

const fn gateway(status: u16, code: &'static str, message: &'static str) -> ErrorBody {
    from_gateway(status, code, message, true)
}

const fn without_request_id(status: u16, code: &'static str, message: &'static str) -> ErrorBody {
    from_gateway(status, code, message, false)
}

const fn from_gateway(
    status: u16,
    code: &'static str,
    message: &'static str,
    request_id: bool,
) -> ErrorBody {
    let message = Cow::Borrowed(message);
    body(
        status,
        ErrorFormat::Gateway {
            code,
            message,
            request_id,
        },
    )
}

const fn cci(
    status: u16,
    reason: &'static str,
    error_code: &'static str,
    message: &'static str,
) -> ErrorBody {
    from_kubernetes(status, reason, Some(error_code), message)
}

const fn kubernetes(status: u16, reason: &'static str, message: &'static str) -> ErrorBody {
    from_kubernetes(status, reason, None, message)
}

const fn from_kubernetes(
    status: u16,
    reason: &'static str,
    error_code: Option<&'static str>,
    message: &'static str,
) -> ErrorBody {
    let message = Cow::Borrowed(message);
    body(
        status,
        ErrorFormat::Kubernetes {
            reason,
            message,
            error_code,
        },
    )
}

const fn iam(status: u16, title: &'static str, message: &'static str) -> ErrorBody {
    let message = Cow::Borrowed(message);
    body(
        status,
        ErrorFormat::Iam {
            code: None,
            title,
            message,
        },
    )
}
