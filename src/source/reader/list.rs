//! Reads a list page by page.

use std::time::Duration;

use crate::{
    client::{Api, Error, Failure, Listing},
    decode::{self, ListMetadata},
    model::Verb,
};

/// A step in reading a list.
pub(in crate::source) enum ListStep<'a> {
    /// The list starts, or restarts: what was read before is void.
    Start,
    /// An object as JSON.
    Object(&'a str),
    /// The end of a page. `remaining` is the number of objects still to come, if the server reports it.
    PageEnd { remaining: Option<i64> },
}

/// Reads a whole list and passes each step to `on_step`. Each page must arrive within `timeout`. Returns the resource version
/// to watch from, if the server sends one.
pub(in crate::source) async fn read_list(
    api: &Api,
    listing: &Listing,
    timeout: Duration,
    mut on_step: impl FnMut(ListStep<'_>),
) -> Result<Option<String>, Error> {
    on_step(ListStep::Start);
    let mut token: Option<String> = None;
    let mut restarted = false;
    loop {
        let body = match api.page(listing, token.as_deref(), timeout).await {
            // The continue token expired: the list took longer than the server keeps its state. Earlier pages are of another
            // state than later ones would be.
            Err(error) if error.is_expired() && token.is_some() && !restarted => {
                tracing::debug!(%error, "restarting the list");
                on_step(ListStep::Start);
                token = None;
                restarted = true;
                continue;
            }
            page => page?,
        };
        let page = decode::page(&body).map_err(|error| invalid_list(listing, error.to_string()))?;
        for item in page.items() {
            on_step(ListStep::Object(item));
        }
        let ListMetadata {
            resource_version,
            continue_token,
            remaining_item_count: remaining,
        } = page.metadata;
        on_step(ListStep::PageEnd { remaining });
        // Only the token tells whether there is more: a server may send shorter pages than requested.
        let next = continue_token.filter(|token| !token.is_empty());
        if next.is_none() {
            return Ok(resource_version.filter(|version| !version.is_empty()));
        }
        if next == token {
            return Err(invalid_list(listing, "the list repeats the same page"));
        }
        token = next;
    }
}

/// The error for an answer that is not the requested list.
pub(in crate::source) fn invalid_list(listing: &Listing, reason: impl Into<String>) -> Error {
    Error {
        request: Box::new(listing.request(Verb::List)),
        failure: Failure::InvalidResponse(reason.into()),
    }
}
