//! The token service of IAM: `POST /v3/auth/tokens`.
//!
//! Called by [`super::server`]; [`super::identity`] decides. The token is in a header of the answer, what it is good for in the body.

use http::{HeaderValue, Method, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Gateway, error::ErrorBody, identity::Grant, journal::Credential, signature::Received};
use crate::api::Body;

/// What a valid request asks for.
struct Asked<'a> {
    method: &'static str,
    domain: &'a str,
    holder: String,
    agent_operator: bool,
    in_project: bool,
}

/// Answers a request, and says whose it was.
pub(super) fn answer(
    gateway: &Gateway,
    request: Received<'_>,
) -> (Credential, Result<Response<Body>, ErrorBody>) {
    let is_token_path = request.uri.path() == "/v3/auth/tokens";
    if !is_token_path || request.method != Method::POST {
        let message = "The resource could not be found.";
        let error = ErrorBody::iam(404, "Not Found", message);
        return (Credential::None, Err(error));
    }
    let body = read(request).ok_or_else(invalid_body);
    let asked = match &body {
        Ok(body) => asked(gateway, request, body),
        Err(error) => Err(error.clone()),
    };
    match asked {
        Ok(asked) => {
            let credential = Credential::Token(asked.holder.clone());
            (credential, Ok(grant(gateway, request, &asked)))
        }
        Err(error) => (Credential::None, Err(error)),
    }
}

fn invalid_body() -> ErrorBody {
    ErrorBody::iam(400, "Bad Request", "The request body is invalid")
}

/// The body, where it is announced as JSON and is JSON.
fn read(request: Received<'_>) -> Option<Value> {
    let content_type = request.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    (media_type == "application/json").then_some(())?;
    serde_json::from_slice(request.body).ok()
}

fn asked<'a>(
    gateway: &Gateway,
    request: Received<'_>,
    body: &'a Value,
) -> Result<Asked<'a>, ErrorBody> {
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
            let user = gateway.identity().log_in(domain, name, password)?;
            Ok(Asked {
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
                .identity()
                .assume(token.unwrap_or_default(), domain, name)?;
            Ok(Asked {
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

/// Whether the scope is the project, by name or id, rather than none at all; the project wins over a domain.
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

fn grant(gateway: &Gateway, request: Received<'_>, asked: &Asked<'_>) -> Response<Body> {
    let options = gateway.options();
    let now = gateway.now();
    let mut rng = gateway.rng();
    let grant = Grant {
        holder: asked.holder.clone(),
        agent_operator: asked.agent_operator,
        in_project: asked.in_project,
        life: options.token_life,
        length: rng.usize(options.token_length.clone()),
    };
    let token = gateway.identity().issue(grant, &mut rng);
    let life = SignedDuration::try_from(options.token_life).unwrap_or(SignedDuration::MAX);
    let expires = now.saturating_add(life).unwrap_or(now);
    let domain = json!({"id": rng_id(&mut rng), "name": asked.domain});
    let mut body = json!({
        "expires_at": microseconds(expires),
        "issued_at": microseconds(now),
        "methods": [asked.method],
        "user": {"domain": domain, "id": rng_id(&mut rng), "name": asked.holder, "password_expires_at": ""},
        "roles": [{"id": "0", "name": "cci_viewer"}],
    });
    if asked.in_project {
        let project = &options.project;
        body["project"] = json!({"domain": domain, "id": project.id, "name": project.name});
    } else {
        body["domain"] = domain;
    }
    if !asks_for_no_catalog(request.uri.query().unwrap_or_default()) {
        body["catalog"] =
            json!([{"endpoints": [], "id": rng_id(&mut rng), "name": "cci", "type": "cci"}]);
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

fn rng_id(rng: &mut fastrand::Rng) -> String {
    format!("{:032x}", rng.u128(..))
}

/// Any value but an empty one will do.
fn asks_for_no_catalog(query: &str) -> bool {
    let mut pairs = query.split('&');
    pairs.any(|pair| {
        pair.strip_prefix("nocatalog=")
            .is_some_and(|value| !value.is_empty())
    })
}

/// `2020-01-04T09:05:22.701000Z`: always six decimals.
pub(super) fn microseconds(time: Timestamp) -> String {
    format!("{time:.6}")
}
