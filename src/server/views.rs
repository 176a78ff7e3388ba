//! What is made from the state of all workloads: the HTML pages and the answers of the JSON API.
//!
//! Such a response takes some milliseconds of CPU, and may read the history. It is made on a blocking thread, a few at once, so
//! that it delays no scrape and no probe, and costs nothing while nobody looks.

use std::{sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode, header::ALLOW};
use tokio::{sync::Semaphore, task, time::timeout};

use super::{
    ServerSettings,
    body::Content,
    data::PageData,
    html,
    response::{text, unavailable, with_header},
};

/// More than a few at once only slow each other, and scrapes, down.
const MAX_VIEWS: usize = 4;

/// Maximum time that a request waits for others.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Makes the responses. Clones share the limit.
#[derive(Clone)]
pub(super) struct Views {
    data: Arc<dyn PageData>,
    site: Arc<html::Site>,
    slots: Arc<Semaphore>,
}

impl Views {
    pub(super) fn new(data: Arc<dyn PageData>, settings: &ServerSettings) -> Self {
        Self {
            data,
            site: Arc::new(html::Site::new(settings)),
            slots: Arc::new(Semaphore::new(MAX_VIEWS)),
        }
    }

    /// The response to a request whose path is not that of a page made at once.
    pub(super) async fn respond(&self, request: &Request<()>) -> Response<Content> {
        if let Some(asset) = html::asset(request.uri().path()) {
            return asset;
        }
        if !html::has(request.uri().path()) {
            return text(StatusCode::NOT_FOUND, "not found\n");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            return with_header(response, ALLOW, "GET, HEAD");
        }
        let slot = timeout(MAX_WAIT, self.slots.clone().acquire_owned()).await;
        let Ok(Ok(slot)) = slot else {
            return unavailable("too many pages at once, try again later\n");
        };
        let (data, site) = (self.data.clone(), self.site.clone());
        let request = request.clone();
        let made = task::spawn_blocking(move || {
            // Held until the work is done, even if the client has left.
            let _slot = slot;
            html::respond(&request, &*data, &site)
        });
        made.await.unwrap_or_else(|_| {
            text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the page cannot be made: the log says why\n",
            )
        })
    }
}
