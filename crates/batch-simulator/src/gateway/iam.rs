//! The token service of IAM: `POST /v3/auth/tokens`.
//!
//! [`super::identity`] checks the password and stores the token. A header of the response has the token, and the body its properties.

use http::{HeaderValue, Method, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Gateway,
    error::ErrorBody,
    identity::{Credential, TokenGrant},
    signature::ReceivedRequest,
};
use crate::api::Body;

/// A valid login.
struct Login<'a> {
    method: &'static str,
    domain: &'a str,
    holder: String,
    agent_operator: bool,
    in_project: bool,
}

/// Responds to a request. Also returns its credential.
pub(super) fn respond(
    gateway: &Gateway,
    request: ReceivedRequest<'_>,
) -> (Credential, Result<Response<Body>, ErrorBody>) {
    let is_token_path = request.uri.path() == "/v3/auth/tokens";
    if !is_token_path || request.method != Method::POST {
        let message = "The resource could not be found.";
        let error = ErrorBody::iam(404, "Not Found", message);
        return (Credential::None, Err(error));
    }
    let body = read(request).ok_or_else(invalid_body);
    let login = match &body {
        Ok(body) => log_in(gateway, request, body),
        Err(error) => Err(error.clone()),
    };
    match login {
        Ok(login) => {
            let credential = Credential::Token(login.holder.clone());
            (credential, Ok(grant(gateway, request, &login)))
        }
        Err(error) => (Credential::None, Err(error)),
    }
}

fn invalid_body() -> ErrorBody {
    ErrorBody::iam(400, "Bad Request", "The request body is invalid")
}

/// The JSON body, if the content type is JSON.
fn read(request: ReceivedRequest<'_>) -> Option<Value> {
    let content_type = request.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    (media_type == "application/json").then_some(())?;
    serde_json::from_slice(request.body).ok()
}

fn log_in<'a>(
    gateway: &Gateway,
    request: ReceivedRequest<'_>,
    body: &'a Value,
) -> Result<Login<'a>, ErrorBody> {
    let identity = &body["auth"]["identity"];
    let text = |value: &'a Value| value.as_str().ok_or_else(invalid_body);
    let in_project = in_project(gateway, &body["auth"]["scope"])?;
    let methods = identity["methods"].as_array();
    let methods = methods.map(Vec::as_slice).unwrap_or_default();
    match methods {
        [method] if method == "password" => {
            let user = &identity["password"]["user"];
            let (domain, name) = (text(&user["domain"]["name"])?, text(&user["name"])?);
            let password = text(&user["password"])?;
            let user = gateway.identities().log_in(domain, name, password)?;
            Ok(Login {
                method: "password",
                domain,
                holder: user.name,
                agent_operator: user.agent_operator,
                in_project,
            })
        }
        [method] if method == "assume_role" => {
            let role = &identity["assume_role"];
            let (domain, name) = (text(&role["domain_name"])?, text(&role["agency_name"])?);
            let token = request.headers.get("x-auth-token");
            let token = token.and_then(|token| token.to_str().ok());
            let agency = gateway
                .identities()
                .assume(token.unwrap_or_default(), domain, name)?;
            Ok(Login {
                method: "assume_role",
                domain,
                holder: agency.name,
                agent_operator: false,
                in_project,
            })
        }
        _ => Err(invalid_body()),
    }
}

/// Whether the scope is the project, by name or id. A project takes precedence over a domain.
fn in_project(gateway: &Gateway, scope: &Value) -> Result<bool, ErrorBody> {
    let project = &scope["project"];
    if project.is_null() {
        return Ok(false);
    }
    let known = &gateway.options().project;
    if project["name"] == known.name.as_str() || project["id"] == known.id.as_str() {
        return Ok(true);
    }
    let message = "The resource could not be found.";
    Err(ErrorBody::iam(404, "Not Found", message))
}

fn grant(gateway: &Gateway, request: ReceivedRequest<'_>, login: &Login<'_>) -> Response<Body> {
    let options = gateway.options();
    let now = gateway.now();
    let mut rng = gateway.rng();
    let grant = TokenGrant {
        holder: login.holder.clone(),
        agent_operator: login.agent_operator,
        in_project: login.in_project,
        lifetime: options.token_lifetime,
        length: rng.usize(options.token_length.clone()),
    };
    let token = gateway.identities().issue(grant, &mut rng);
    let lifetime = SignedDuration::try_from(options.token_lifetime).unwrap_or(SignedDuration::MAX);
    let expires = now.saturating_add(lifetime).unwrap_or(now);
    let domain = json!({"id": random_id(&mut rng), "name": login.domain});
    let mut body = json!({
        "expires_at": microseconds(expires),
        "issued_at": microseconds(now),
        "methods": [login.method],
        "user": {"domain": domain, "id": random_id(&mut rng), "name": login.holder, "password_expires_at": ""},
        "roles": [{"id": "0", "name": "cci_viewer"}],
    });
    if login.in_project {
        let project = &options.project;
        body["project"] = json!({"domain": domain, "id": project.id, "name": project.name});
    } else {
        body["domain"] = domain;
    }
    if !omits_catalog(request.uri.query().unwrap_or_default()) {
        body["catalog"] =
            json!([{"endpoints": [], "id": random_id(&mut rng), "name": "cci", "type": "cci"}]);
    }
    let body = json!({ "token": body }).to_string();
    let mut response = Response::new(Full::from(body).boxed_unsync());
    *response.status_mut() = StatusCode::CREATED;
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static("application/json;charset=utf8");
    headers.insert(CONTENT_TYPE, content_type);
    if let Ok(token) = HeaderValue::try_from(token) {
        headers.insert("x-subject-token", token);
    }
    response
}

fn random_id(rng: &mut fastrand::Rng) -> String {
    format!("{:032x}", rng.u128(..))
}

/// Any value except an empty one omits the catalog.
fn omits_catalog(query: &str) -> bool {
    let mut pairs = query.split('&');
    pairs.any(|pair| {
        pair.strip_prefix("nocatalog=")
            .is_some_and(|value| !value.is_empty())
    })
}

/// A time with six decimals: `2020-01-04T09:05:22.701000Z`.
pub(super) fn microseconds(time: Timestamp) -> String {
    format!("{time:.6}")
}
