//! Walks through a list page by page, whatever is made of its objects.

use std::time::Duration;

use crate::{
    client::{Api, Error, Failure, Listing},
    decode::{self, ListMetadata},
    model::Verb,
};

/// What comes along on the way.
pub(super) enum Seen<'a> {
    /// The first object comes next. What was seen before is void.
    Beginning,
    /// An object as JSON.
    Object(&'a str),
    /// A page is done, and so many objects are to come, as far as the server tells.
    PageEnd { remaining: Option<i64> },
}

/// Lists everything, and shows it to `see`. Gives the resource version from which to watch, where the server tells one.
pub(super) async fn walk(
    api: &Api,
    listing: &Listing,
    patience: Duration,
    mut see: impl FnMut(Seen<'_>),
) -> Result<Option<String>, Error> {
    see(Seen::Beginning);
    let mut token: Option<String> = None;
    let mut restarted = false;
    loop {
        let body = match api.page(listing, token.as_deref(), patience).await {
            // The list took longer than the server remembers its state. The beginning is for another state now.
            Err(error) if error.is_expired() && token.is_some() && !restarted => {
                tracing::debug!(%error, "listing from the beginning");
                see(Seen::Beginning);
                token = None;
                restarted = true;
                continue;
            }
            page => page?,
        };
        let page = decode::page(&body).map_err(|error| nonsense(listing, error.to_string()))?;
        for item in page.items() {
            see(Seen::Object(item));
        }
        let ListMetadata {
            resource_version,
            continue_token,
            remaining_item_count: remaining,
        } = page.metadata;
        see(Seen::PageEnd { remaining });
        // Only the token tells whether there is more: a server may send shorter pages than it was asked for.
        let next = continue_token.filter(|token| !token.is_empty());
        if next.is_none() {
            return Ok(resource_version.filter(|version| !version.is_empty()));
        }
        if next == token {
            let why = "the list goes on with the same page for ever";
            return Err(nonsense(listing, why));
        }
        token = next;
    }
}

/// A list that was answered, but not with what was asked for.
pub(super) fn nonsense(listing: &Listing, why: impl Into<String>) -> Error {
    Error {
        request: Box::new(listing.request(Verb::List)),
        failure: Failure::Nonsense(why.into()),
    }
}
