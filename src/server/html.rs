//! The pages for people, as HTML: the overview, one workload, the targets, and the configuration.
//!
//! They come from askama templates (`templates`), which escape every text. They work without scripts; `script.js` keeps them
//! current. All links are relative, and nothing is loaded from other hosts.

use askama::Template;
use http::{Request, Response, StatusCode};

use super::{
    ServerSettings,
    body::Content,
    data::PageData,
    negotiation,
    response::{html, text},
    workload_path::WorkloadPath,
};
use crate::{
    model::{self, Seconds},
    status::{Overview, TargetDetail, TargetHealth, WorkloadDetail},
};

mod assets;
mod config;
mod frame;
mod links;
mod look;
mod moment;
mod overview;
mod parameters;
mod promql;
mod targets;
mod ticks;
mod timeline;
mod workload;

use config::ConfigPage;
use overview::OverviewPage;
use targets::TargetsPage;
use workload::WorkloadPage;

/// The path of the page about targets.
const TARGETS: &str = "/targets";

/// The path of the page about the configuration.
const CONFIG: &str = "/config";

/// The directory of the pages of workloads.
const WORKLOADS: &str = "/workloads/";

/// What pages know of the server.
pub(super) struct Site {
    /// The path of the metrics without its leading slash.
    metrics: String,
    /// The address at which users see the server, without a trailing slash.
    external_url: Option<String>,
}

impl Site {
    pub(super) fn new(settings: &ServerSettings) -> Self {
        let metrics = settings.telemetry_path.trim_start_matches('/');
        Self {
            metrics: metrics.to_owned(),
            external_url: settings.external_url.clone(),
        }
    }

    /// The address of the page at `path` for users.
    fn canonical(&self, path: &str) -> Option<String> {
        let external_url = self.external_url.as_ref()?;
        Some(format!("{external_url}{path}"))
    }
}

/// The stylesheet, the script or the icon, if it is at this path.
pub(super) fn asset(path: &str) -> Option<Response<Content>> {
    assets::respond(path)
}

/// Whether there may be a page at this path.
pub(super) fn has(path: &str) -> bool {
    matches!(path, "/" | TARGETS | CONFIG) || path.starts_with(WORKLOADS)
}

/// Whether the page at this path reads the history.
pub(super) fn reads_history(path: &str) -> bool {
    path.starts_with(WORKLOADS)
}

/// The page that a request asks for.
pub(super) fn respond(
    request: &Request<()>,
    data: &dyn PageData,
    site: &Site,
) -> Response<Content> {
    let path = request.uri().path();
    let page = match path {
        "/" => Some(overview(request, data, site)),
        TARGETS => Some(targets(path, data, site)),
        CONFIG => Some(config(path, data, site)),
        _ => workload(path, data, site),
    };
    match page {
        Some(Ok(page)) => html(page, negotiation::encoding(request.headers())),
        Some(Err(error)) => {
            tracing::error!(path, error = %error, "page failed");
            text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the page cannot be made\n",
            )
        }
        None => text(StatusCode::NOT_FOUND, "not found\n"),
    }
}

fn overview(request: &Request<()>, data: &dyn PageData, site: &Site) -> askama::Result<String> {
    let uri = request.uri();
    let query = parameters::parse(uri.query());
    let targets = data.store().complete_snapshot();
    let overview = Overview::new(&targets, &query);
    OverviewPage::new(uri.path(), query, overview, now(), site).render()
}

fn targets(path: &str, data: &dyn PageData, site: &Site) -> askama::Result<String> {
    let snapshots = data.store().complete_snapshot();
    let details: Vec<_> = snapshots.iter().map(TargetDetail::new).collect();
    TargetsPage::new(path, &details, now(), site).render()
}

fn config(path: &str, data: &dyn PageData, site: &Site) -> askama::Result<String> {
    let snapshots = data.store().complete_snapshot();
    let health: Vec<_> = snapshots.iter().map(TargetHealth::new).collect();
    ConfigPage::new(path, &data.exporter(), &health, now(), site).render()
}

fn workload(path: &str, data: &dyn PageData, site: &Site) -> Option<askama::Result<String>> {
    let segments: Vec<_> = path.strip_prefix(WORKLOADS)?.split('/').collect();
    let workload = WorkloadPath::decode(segments.try_into().ok()?)?;
    let snapshots = data.store().complete_snapshot();
    let mut all = snapshots.iter();
    let snapshot = all.find(|it| workload.is_of(it.target.as_deref()))?;
    let past = data.past_runs(snapshot.target.as_deref(), &workload.id);
    let detail = WorkloadDetail::new(snapshot, &workload.id, past)?;
    let health: Vec<_> = snapshots.iter().map(TargetHealth::new).collect();
    Some(WorkloadPage::new(path, detail, &health, site).render())
}

/// The present, in seconds since the Unix epoch.
fn now() -> Seconds {
    model::now().as_second()
}

#[cfg(test)]
mod tests;
