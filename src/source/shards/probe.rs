//! How a shard can read a target, by what its server knows and allows.

use std::sync::Arc;

use tokio::time::sleep;

use super::{Source, selector};
use crate::{
    backoff::Backoff,
    client::{Error, Listing, Scope},
    decode,
    model::{Resource, ShardReading},
    source::{
        feed_reporter::FeedReporter,
        reader::{PAGE_TIMEOUT, parse_page},
        watch::RETRY,
    },
};

/// Asks the server until it answers. Failures are those of `feed`.
pub(super) async fn reading(source: &Source, feed: &FeedReporter) -> ShardReading {
    let mut backoff = Backoff::new(RETRY);
    loop {
        match ask(source).await {
            Ok(reading) => return reading,
            Err(error) => {
                feed.fail(&error);
                sleep(backoff.next(error.retry_after())).await;
            }
        }
    }
}

async fn ask(source: &Source) -> Result<ShardReading, Error> {
    match first_page(source, Resource::Namespaces, None).await {
        Ok(_) => {}
        Err(error) if error.is_forbidden() || error.is_not_found() => {
            tracing::warn!(
                %error,
                hint = error.hint(),
                "the namespaces cannot be listed, so a shard has to read those of the others too"
            );
            return Ok(ShardReading::Skipping);
        }
        Err(error) => return Err(error),
    }
    let of_nothing = selector::of_nothing();
    match first_page(source, Resource::Jobs, Some(of_nothing)).await {
        Ok(selected) if selected => Ok(ShardReading::Selector),
        Ok(_) => Ok(ShardReading::Namespaces),
        // The user may read single namespaces only, or the server refuses the parameter.
        Err(error) if error.is_refused() => Ok(ShardReading::Namespaces),
        Err(error) => Err(error),
    }
}

/// Reads the first object, and returns whether the server repeats the selector. One that does not know the parameter ignores it.
async fn first_page(
    source: &Source,
    resource: Resource,
    shard_selector: Option<Arc<str>>,
) -> Result<bool, Error> {
    let listing = Listing {
        resource,
        scope: Scope::All,
        label_selector: None,
        field_selector: None,
        shard_selector,
    };
    let answer = source.api.page(&listing, 1, None, PAGE_TIMEOUT).await?;
    let body = decode::Body::new(answer.format, &answer.body);
    let page = parse_page(&listing, &body)?;
    let info = page.metadata.shard_info.as_ref();
    Ok(info.is_some_and(|info| !info.selector.is_empty()))
}
