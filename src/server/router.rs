//! Finds the page for a request that [`Access`](super::Access) allows. The pages and their paths are in
//! [`pages`](super::pages).

use std::sync::Arc;

use http::{
    Method, Request, Response, StatusCode,
    header::{ALLOW, CONNECTION},
};

use super::{
    ServerSettings,
    access::AccessHandle,
    body::Content,
    connection_state::ConnectionState,
    data::PageData,
    job_probe::{self, JobProbe},
    lifecycle::{self, Lifecycle},
    pages::{Route, Site},
    prefix::Prefix,
    response::{text, unavailable, with_header},
    views::Views,
};

/// Responds to requests. Each connection has a clone, which is cheap.
#[derive(Clone)]
pub(super) struct Router {
    site: Arc<Site>,
    /// Precedes all paths.
    prefix: Prefix,
    access: AccessHandle,
    /// Not on the port of the kubelet's probes.
    lifecycle: Option<Lifecycle>,
    job_probe: Option<JobProbe>,
    /// Not on that port either.
    views: Option<Views>,
}

impl Router {
    pub(super) fn new(data: Arc<dyn PageData>, settings: &ServerSettings) -> Self {
        let prober = settings.prober.clone();
        let job_probe = prober.map(|prober| JobProbe::new(prober, settings.max_connections));
        Self {
            job_probe,
            views: Some(Views::new(data.clone(), settings)),
            prefix: Prefix::new(&settings.route_prefix),
            site: Arc::new(Site::new(data, settings.telemetry_path.clone())),
            access: settings.access.clone(),
            lifecycle: Some(Lifecycle(settings.reload.clone())),
        }
    }

    /// The router of the probe port: probes alone, for everybody.
    pub(super) fn for_probes(data: Arc<dyn PageData>) -> Self {
        Self {
            site: Arc::new(Site::for_probes(data)),
            access: AccessHandle::default(),
            lifecycle: None,
            job_probe: None,
            views: None,
            prefix: Prefix::new(""),
        }
    }

    /// The response to a request of a served connection. A scrape waits for others if there are many.
    pub(super) async fn respond(
        &self,
        request: &Request<()>,
        connection: &ConnectionState,
    ) -> Response<Content> {
        let inner = self.prefix.remove(request);
        let inner = inner.as_deref();
        let Some(access) = self.access.current() else {
            return self.respond_to_allowed(request, inner, connection).await;
        };
        let route = inner.and_then(|inner| self.route(inner));
        let is_probe = route.is_some_and(|route| route.probe);
        let mut response = match access.check(request, is_probe).await {
            Ok(()) => self.respond_to_allowed(request, inner, connection).await,
            Err(response) => response,
        };
        access.add_headers(&mut response);
        response
    }

    /// The response to a request that nothing speaks against. `inner` is the same without the prefix; `None` if its path is
    /// outside of that.
    async fn respond_to_allowed(
        &self,
        request: &Request<()>,
        inner: Option<&Request<()>>,
        connection: &ConnectionState,
    ) -> Response<Content> {
        let Some(request) = inner else {
            return self.prefix.respond_outside(request);
        };
        let route = self.route(request);
        match route {
            Some(route) if route.scrape && request.method() == Method::GET => {
                match self.site.scrapes.acquire(connection).await {
                    Some(slot) => self
                        .page(route, request)
                        .map(|content| content.holding(slot)),
                    None => unavailable("too many scrapes at once, try again later\n"),
                }
            }
            Some(route) => self.page(route, request),
            None => self.respond_beside_pages(request).await,
        }
    }

    /// The response to a request for what is made with the help of others, and not from memory.
    async fn respond_beside_pages(&self, request: &Request<()>) -> Response<Content> {
        match (request.uri().path(), &self.lifecycle, &self.job_probe) {
            (lifecycle::PATH, Some(lifecycle), _) => return lifecycle.respond(request).await,
            (job_probe::PATH, _, Some(job_probe)) => return job_probe.respond(request).await,
            _ => {}
        }
        match &self.views {
            Some(views) => views.respond(request).await,
            None => text(
                StatusCode::NOT_FOUND,
                "not found: this port serves /livez and /readyz only\n",
            ),
        }
    }

    /// The response to a connection beyond the limit: 503, but probes get their page. If they failed too, the kubelet would
    /// restart a healthy process because of many scrapers.
    pub(super) async fn respond_when_full(&self, request: &Request<()>) -> Response<Content> {
        let access = self.access.current();
        let inner = self.prefix.remove(request);
        let inner = inner.as_deref();
        let route = inner.and_then(|inner| self.route(inner));
        let mut response = match route.filter(|route| route.probe) {
            Some(route) => {
                let checked = match &access {
                    Some(access) => access.check(request, true).await,
                    None => Ok(()),
                };
                checked.map_or_else(|response| response, |()| self.page(route, request))
            }
            None => unavailable("too many connections, try again later\n"),
        };
        if let Some(access) = access {
            access.add_headers(&mut response);
        }
        with_header(response, CONNECTION, "close")
    }

    fn route(&self, request: &Request<()>) -> Option<&Route> {
        let path = request.uri().path();
        self.site.routes.iter().find(|route| route.path == path)
    }

    fn page(&self, route: &Route, request: &Request<()>) -> Response<Content> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            return with_header(response, ALLOW, "GET, HEAD");
        }
        (route.page)(request, &self.site)
    }
}

#[cfg(test)]
mod tests;
