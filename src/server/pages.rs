//! The pages of the server: a table of routes, and one module per page.
//!
//! To add a page, write its module and add it to [`routes`]. The landing page then links to it.

use std::sync::Arc;

use http::{Request, Response};

use super::{body::Content, data::PageData, scrape_limit::ScrapeLimit};

mod landing;
mod livez;
mod metrics;
mod readyz;

/// Path of the landing page.
const LANDING: &str = "/";

/// Responds to a GET or HEAD request for a page.
pub(super) type Page = fn(&Request<()>, &Site) -> Response<Content>;

/// A path and its page.
pub(super) struct Route {
    pub(super) path: String,
    pub(super) page: Page,
    /// The text of the landing page about this page.
    summary: &'static str,
    /// Whether the kubelet probes this page. The server responds to probes even if it is full.
    pub(super) probe: bool,
    /// Whether the page is a scrape, of which only some run at once.
    pub(super) scrape: bool,
}

/// What a page can use to make its response.
pub(super) struct Site {
    pub(super) data: Arc<dyn PageData>,
    pub(super) routes: Vec<Route>,
    /// The response to any other path.
    pub(super) not_found: &'static str,
    pub(super) scrapes: ScrapeLimit,
}

/// All pages. The first route with a path wins.
fn routes(telemetry_path: String) -> Vec<Route> {
    let [readyz, livez] = probes();
    vec![
        Route::new(telemetry_path, metrics::respond, "metrics for Prometheus").scrape(),
        readyz,
        livez,
        Route::new(LANDING, landing::respond, "this page"),
    ]
}

/// The pages that the kubelet probes.
fn probes() -> [Route; 2] {
    let (ready, live) = (
        "readiness: every target was read once",
        "liveness: the process runs",
    );
    [
        Route::new("/readyz", readyz::respond, ready).probe(),
        Route::new("/livez", livez::respond, live).probe(),
    ]
}

impl Route {
    fn new(path: impl Into<String>, page: Page, summary: &'static str) -> Self {
        Self {
            path: path.into(),
            page,
            summary,
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
            not_found: "not found\n",
            scrapes: ScrapeLimit::new(),
        }
    }

    /// The pages of the probe port.
    pub(super) fn for_probes(data: Arc<dyn PageData>) -> Self {
        Self {
            data,
            routes: probes().into(),
            not_found: "not found: this port serves /livez and /readyz only\n",
            scrapes: ScrapeLimit::new(),
        }
    }
}
