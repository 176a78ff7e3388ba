//! The pages for machines: a table of routes, and one module per page. They are made at once, on the task of the connection.

use std::sync::Arc;

use http::{Request, Response};

use super::{body::Content, data::PageData, scrape_limit::ScrapeLimit};

mod livez;
mod metrics;
mod readyz;

/// Responds to a GET or HEAD request for a page.
pub(super) type Page = fn(&Request<()>, &Site) -> Response<Content>;

/// A path and its page.
pub(super) struct Route {
    pub(super) path: String,
    pub(super) page: Page,
    /// Whether the kubelet probes this page. The server responds to probes even if it is full.
    pub(super) probe: bool,
    /// Whether the page is a scrape, of which only some run at once.
    pub(super) scrape: bool,
}

/// What a page can use to make its response.
pub(super) struct Site {
    pub(super) data: Arc<dyn PageData>,
    pub(super) routes: Vec<Route>,
    pub(super) scrapes: ScrapeLimit,
}

/// All pages. The first route with a path wins.
fn routes(telemetry_path: String) -> Vec<Route> {
    let [readyz, livez] = probes();
    vec![
        Route::new(telemetry_path, metrics::respond).scrape(),
        readyz,
        livez,
    ]
}

/// The pages that the kubelet probes.
fn probes() -> [Route; 2] {
    [
        Route::new("/readyz", readyz::respond).probe(),
        Route::new("/livez", livez::respond).probe(),
    ]
}

impl Route {
    fn new(path: impl Into<String>, page: Page) -> Self {
        Self {
            path: path.into(),
            page,
            probe: false,
            scrape: false,
        }
    }

    fn scrape(self) -> Self {
        Self {
            scrape: true,
            ..self
        }
    }

    fn probe(self) -> Self {
        Self {
            probe: true,
            ..self
        }
    }
}

impl Site {
    pub(super) fn new(data: Arc<dyn PageData>, telemetry_path: String) -> Self {
        Self {
            data,
            routes: routes(telemetry_path),
            scrapes: ScrapeLimit::new(),
        }
    }

    /// The pages of the probe port.
    pub(super) fn for_probes(data: Arc<dyn PageData>) -> Self {
        Self {
            data,
            routes: probes().into(),
            scrapes: ScrapeLimit::new(),
        }
    }
}
