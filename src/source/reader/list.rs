//! Reads a list page by page.

use std::time::Duration;

use tokio::time::sleep;

use super::usage::ListUsage;
use crate::{
    client::{Answer, Api, BodyFormat, Error, Failure, Listing},
    config::ListLimits,
    decode::{self, ListMetadata, Object, Page},
    model::Verb,
};

/// The pause after a page with far fewer objects than requested, so that a list of such pages is no flood of requests.
const SHORT_PAGE_PAUSE: Duration = Duration::from_millis(100);

/// Objects per page of a list. Larger pages need fewer requests; smaller pages need less memory here and in the server.
const PAGE_SIZE: usize = 500;

/// A step in reading a list.
pub(in crate::source) enum ListStep<'a> {
    /// The list starts, or restarts: what was read before is void.
    Start,
    /// An object.
    Object(Object<'a>),
    /// The end of a page. `remaining` is the number of objects still to come, if the server reports it.
    PageEnd { remaining: Option<i64> },
}

/// Reads a whole list within `limits` and passes each step to `on_step`. Each page must arrive within `timeout`. Returns the
/// resource version to watch from, if the server sends one.
pub(in crate::source) async fn read_list(
    api: &Api,
    listing: &Listing,
    limits: ListLimits,
    timeout: Duration,
    mut on_step: impl FnMut(ListStep<'_>),
) -> Result<Option<String>, Error> {
    let mut usage = ListUsage::new(limits);
    let mut size = PAGE_SIZE;
    let mut token: Option<String> = None;
    let mut restarted = false;
    on_step(ListStep::Start);
    loop {
        let Answer { format, body } = match api.page(listing, size, token.as_deref(), timeout).await
        {
            // The continue token expired: the list took longer than the server keeps its state. Earlier pages are of another
            // state than later ones would be.
            Err(error) if error.is_expired() && token.is_some() && !restarted => {
                tracing::debug!(%error, "restarting the list");
                on_step(ListStep::Start);
                usage.restart();
                token = None;
                restarted = true;
                continue;
            }
            // Large objects: those who may write them must not be able to stop the list.
            Err(error) if error.is_too_large() && size > 1 => {
                size = (size / 10).max(1);
                tracing::debug!(%error, size, "requesting smaller pages");
                continue;
            }
            page => page?,
        };
        let answer = decode::Body::new(format, &body);
        let page = match parse_page(listing, &answer) {
            // What lies between may handle JSON alone.
            Err(error) if format != BodyFormat::Json => {
                api.request_json(&error);
                return Err(error);
            }
            page => page?,
        };
        usage
            .add_page(body.len(), page.len(), page.items().next())
            .map_err(|failure| list_error(listing, failure))?;
        let page_is_short = page.len() < size / 20;
        for item in page.items() {
            on_step(ListStep::Object(item));
        }
        let ListMetadata {
            resource_version,
            continue_token,
            remaining_item_count: remaining,
            shard_info: _,
        } = page.metadata;
        on_step(ListStep::PageEnd { remaining });
        // Only the token tells whether there is more: a server may send shorter pages than requested.
        token = continue_token.filter(|token| !token.is_empty());
        let Some(token) = &token else {
            return Ok(resource_version.filter(|version| !version.is_empty()));
        };
        usage
            .add_token(token)
            .map_err(|failure| list_error(listing, failure))?;
        if page_is_short {
            sleep(SHORT_PAGE_PAUSE).await;
        }
    }
}

/// Parses a page of a list of these objects.
pub(in crate::source) fn parse_page<'a>(
    listing: &Listing,
    answer: &'a decode::Body<'_>,
) -> Result<Page<'a>, Error> {
    let page = answer
        .page()
        .map_err(|error| invalid_list(listing, error.to_string()))?;
    match page.unexpected_kind(listing.resource) {
        Some(kind) => Err(invalid_list(listing, format!("it is a {kind:.64?}"))),
        None => Ok(page),
    }
}

/// The error for an answer that is not the requested list.
pub(in crate::source) fn invalid_list(listing: &Listing, reason: impl Into<String>) -> Error {
    list_error(listing, Failure::InvalidResponse(reason.into()))
}

fn list_error(listing: &Listing, failure: Failure) -> Error {
    Error {
        request: Box::new(listing.request(Verb::List)),
        failure,
    }
}
