//! What is made from the state of all workloads: the HTML pages and the answers of the JSON API.
//!
//! Such a response takes some milliseconds of CPU, and may read the history. It is made on a blocking thread, a few at once, so
//! that it delays no scrape and no probe, and costs nothing while nobody looks.

use std::{sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode, header::ALLOW};
use tokio::{sync::Semaphore, task, time::timeout};

use super::{
    ServerSettings, api,
    body::Content,
    data::PageData,
    html,
    response::{text, unavailable, with_header},
};

/// More than a few at once only slow each other, and scrapes, down.
const MAX_VIEWS: usize = 4;

/// Those that read the history have slots of their own: a disk that hangs must not take the overview away, too.
const MAX_READS: usize = 2;

/// Maximum time that a request waits for others.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Makes the responses. Clones share the limit.
#[derive(Clone)]
pub(super) struct Views {
    data: Arc<dyn PageData>,
    site: Arc<html::Site>,
    slots: Arc<Semaphore>,
    /// The slots of requests that read the history.
    history_slots: Arc<Semaphore>,
}

impl Views {
    pub(super) fn new(data: Arc<dyn PageData>, settings: &ServerSettings) -> Self {
        Self {
            data,
            site: Arc::new(html::Site::new(settings)),
            slots: Arc::new(Semaphore::new(MAX_VIEWS)),
            history_slots: Arc::new(Semaphore::new(MAX_READS)),
        }
    }

    /// The response to a request whose path is not that of a page made at once.
    pub(super) async fn respond(&self, request: &Request<()>) -> Response<Content> {
        let path = request.uri().path();
        if api::is_path(path) {
            let answer = self.make(request, |request, data, _| api::respond(request, data));
            return answer.await.unwrap_or_else(api::unavailable);
        }
        if let Some(asset) = html::asset(path) {
            return asset;
        }
        if !html::has(path) {
            return text(StatusCode::NOT_FOUND, "not found\n");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            return with_header(response, ALLOW, "GET, HEAD");
        }
        let page = self.make(request, html::respond);
        page.await
            .unwrap_or_else(|| unavailable("too many pages at once, try again later\n"))
    }

    /// Makes a response on a blocking thread. `None` if there is no slot in time.
    async fn make(
        &self,
        request: &Request<()>,
        respond: fn(&Request<()>, &dyn PageData, &html::Site) -> Response<Content>,
    ) -> Option<Response<Content>> {
        let path = request.uri().path();
        let reads_history = html::reads_history(path) || api::reads_history(path);
        let slots = if reads_history {
            &self.history_slots
        } else {
            &self.slots
        };
        let slot = timeout(MAX_WAIT, slots.clone().acquire_owned()).await;
        let slot = slot.ok()?.ok()?;
        let (data, site) = (self.data.clone(), self.site.clone());
        let request = request.clone();
        let made = task::spawn_blocking(move || {
            // Held until the work is done, even if the client has left.
            let _slot = slot;
            respond(&request, &*data, &site)
        });
        Some(made.await.unwrap_or_else(|_| {
            text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the response cannot be made: the log says why\n",
            )
        }))
    }
}

#[cfg(test)]
mod tests;
