//! Lists: whole, or in pages of the same state.
//!
//! [`super::handler`] calls [`list`] with the registry locked.

use super::{
    error::ApiError,
    object::Object,
    options::{Continue, Options},
    registry::Registry,
    selector::Filter,
};

/// The JSON of a `JobList`, `CronJobList`, `PodList` or `NamespaceList`.
pub(super) fn list(
    registry: &Registry,
    filter: &Filter,
    options: &Options,
) -> Result<String, ApiError> {
    let version = version(registry, options)?;
    let start = options.next.as_ref().map_or("", Continue::start);
    let objects = registry
        .objects_at(filter.kind, version, &filter.prefix(), start)
        .ok_or_else(|| match &options.next {
            Some(token) => ApiError::continue_expired(token.inconsistent().encode()),
            None => ApiError::list_expired(),
        })?;
    let mut matching = objects.into_iter().filter(|object| filter.matches(object));
    let limit = match options.limit {
        0 => usize::MAX,
        limit => limit,
    };
    let page: Vec<&Object> = matching.by_ref().take(limit).map(AsRef::as_ref).collect();
    let rest = matching.count();
    let mut metadata = serde_json::json!({"resourceVersion": version.to_string()});
    if let Some(last) = page.last()
        && rest > 0
    {
        metadata["continue"] = Continue::after(&last.key, version).encode().into();
        if !filter.has_selector() {
            metadata["remainingItemCount"] = rest.into();
        }
    }
    if let Some(selector) = filter.shard_selector() {
        metadata["shardInfo"] = serde_json::json!({"selector": selector});
    }
    let (kind, api_version) = (filter.kind.as_str(), filter.kind.api_version());
    let mut body = format!(
        "{{\"kind\":\"{kind}List\",\"apiVersion\":\"{api_version}\",\"metadata\":{metadata},\"items\":["
    );
    body.reserve(page.iter().map(|object| object.item().len() + 1).sum());
    for (i, object) in page.iter().enumerate() {
        if i > 0 {
            body.push(',');
        }
        body.push_str(object.item());
    }
    body.push_str("]}\n");
    Ok(body)
}

/// The version of the requested state.
fn version(registry: &Registry, options: &Options) -> Result<u64, ApiError> {
    let current = registry.version();
    let requested = match (&options.next, options.version.as_str()) {
        (Some(token), _) => token.version().unwrap_or(current),
        (None, "" | "0") => current,
        (None, text) => text
            .parse()
            .map_err(|_| ApiError::unparsed_list_version(text))?,
    };
    if requested > current {
        return Err(ApiError::version_ahead(requested, current));
    }
    // Without `Exact`, the version is a minimum.
    if options.next.is_none() && !options.exact {
        return Ok(current);
    }
    Ok(requested)
}
