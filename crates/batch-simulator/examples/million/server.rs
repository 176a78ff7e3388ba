//! The HTTP side: lists and watches of the whole cluster, `/version`, and `/churn`, which changes the objects.

use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Frame, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::watch::Sender,
    task::JoinSet,
    time::{Instant, interval},
};

use super::{
    body::{Page, Watch},
    cluster::{Cluster, Kind, Position},
    object::Templates,
};

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// How often the constant churn is applied.
const TICK: Duration = Duration::from_millis(100);

/// Runs to start, end and delete.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Churn {
    pub(crate) new: u32,
    pub(crate) ended: u32,
    pub(crate) deleted: u32,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) cluster: Mutex<Cluster>,
    pub(crate) templates: Templates,
    /// Wakes the watches after each change.
    pub(crate) writes: Sender<()>,
    /// Whether watches can start with a streamed list.
    pub(crate) watch_list: bool,
}

// === impl Shared ===

impl Shared {
    /// Applies `churn` at once.
    fn apply(&self, churn: Churn) {
        let now = now();
        let mut cluster = self.cluster.lock();
        (0..churn.new).for_each(|_| cluster.add(now));
        (0..churn.ended).for_each(|_| cluster.end(now));
        (0..churn.deleted).for_each(|_| cluster.delete());
        drop(cluster);
        self.writes.send_replace(());
    }
}

/// Seconds since the epoch.
pub(crate) fn now() -> u32 {
    u32::try_from(Timestamp::now().as_second()).unwrap_or_default()
}

/// Accepts connections. Does not return.
pub(crate) async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let shared = shared.clone();
                let service = service_fn(move |request| {
                    let response = respond(&shared, &request);
                    async move { Ok::<_, Infallible>(response) }
                });
                connections.spawn(
                    http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        }
    }
}

/// Applies `rate` each second. Does not return.
pub(crate) async fn churn(shared: Arc<Shared>, rate: Churn) {
    let start = Instant::now();
    let mut ticks = interval(TICK);
    let mut applied = Churn::default();
    loop {
        ticks.tick().await;
        let millis = u32::try_from(start.elapsed().as_millis()).unwrap_or(u32::MAX);
        let due = |rate: u32| u32::try_from(u64::from(rate) * u64::from(millis) / 1000);
        let due = |rate| due(rate).unwrap_or(u32::MAX);
        let total = Churn {
            new: due(rate.new),
            ended: due(rate.ended),
            deleted: due(rate.deleted),
        };
        shared.apply(Churn {
            new: total.new - applied.new,
            ended: total.ended - applied.ended,
            deleted: total.deleted - applied.deleted,
        });
        applied = total;
    }
}

/// Responds to one request.
pub(crate) fn respond<B>(shared: &Arc<Shared>, request: &Request<B>) -> Response<Body> {
    let query = Query::parse(request.uri().query().unwrap_or_default());
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/version") => {
            document(StatusCode::OK, &json!({"major": "1", "minor": "36"}))
        }
        (&Method::GET, "/apis/batch/v1/jobs") => collection(shared, Kind::Job, &query),
        (&Method::GET, "/apis/batch/v1/cronjobs") => collection(shared, Kind::CronJob, &query),
        (&Method::GET, "/api/v1/pods") => collection(shared, Kind::Pod, &query),
        (&Method::POST, "/churn") => {
            let number = |name| query.number(name).unwrap_or(0);
            shared.apply(Churn {
                new: number("new"),
                ended: number("ended"),
                deleted: number("deleted"),
            });
            let cluster = shared.cluster.lock();
            let jobs = cluster.count(Kind::Job);
            document(
                StatusCode::OK,
                &json!({"version": cluster.version(), "jobs": jobs}),
            )
        }
        _ => status(StatusCode::NOT_FOUND, "NotFound"),
    }
}

fn collection(shared: &Arc<Shared>, kind: Kind, query: &Query) -> Response<Body> {
    // A selector that is ignored would show objects that nobody asked for.
    let selected = [query.text("labelSelector"), query.text("fieldSelector")];
    let all = match kind {
        Kind::Job | Kind::CronJob => [None, None],
        Kind::Pod => [
            Some("batch.kubernetes.io%2Fjob-name"),
            Some("status.phase%21%3DSucceeded"),
        ],
    };
    if selected != all {
        return status(StatusCode::BAD_REQUEST, "BadRequest");
    }
    if !query.has("watch") {
        let limit = query.number("limit").unwrap_or(0);
        let page = match query.text("continue").map(Token::parse) {
            None => Page::new(shared, kind, limit, Position::default(), None),
            Some(Some(Token { version, start })) => {
                Page::new(shared, kind, limit, start, Some(version))
            }
            Some(None) => return status(StatusCode::BAD_REQUEST, "BadRequest"),
        };
        return streamed(stream::unfold(page, |mut page| async {
            Some((page.frame()?, page))
        }));
    }
    let initial = query.has("sendInitialEvents");
    if initial && !shared.watch_list {
        return status(StatusCode::UNPROCESSABLE_ENTITY, "Invalid");
    }
    let from = query
        .text("resourceVersion")
        .and_then(|text| text.parse().ok());
    let timeout = Duration::from_secs(query.number("timeoutSeconds").unwrap_or(1800).into());
    let watch = match (initial, from) {
        (false, Some(version)) => Watch::after(shared, kind, version, timeout),
        _ => Watch::with_initial_events(shared, kind, timeout),
    };
    streamed(stream::unfold(watch, |mut watch| async {
        Some((watch.frame().await?, watch))
    }))
}

/// A response whose body is made while it is sent.
fn streamed(frames: impl futures_util::Stream<Item = Vec<u8>> + Send + 'static) -> Response<Body> {
    let frames = frames.map(|frame| Ok(Frame::data(Bytes::from(frame))));
    response(StatusCode::OK, StreamBody::new(frames).boxed_unsync())
}

fn document(code: StatusCode, value: &serde_json::Value) -> Response<Body> {
    let body = Full::new(Bytes::from(format!("{value}\n")));
    response(code, body.boxed_unsync())
}

/// A failure, as API servers report it.
fn status(code: StatusCode, reason: &str) -> Response<Body> {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code.as_u16()});
    document(code, &status)
}

fn response(code: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// The parameters of a request.
struct Query(HashMap<String, String>);

impl Query {
    fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        Self(
            pairs
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    fn has(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|value| !matches!(value, "" | "0" | "false"))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.text(name)?.parse().ok()
    }
}

/// Where a list continues: the version of its first page, and the place of the next object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) version: u64,
    pub(crate) start: Position,
}

impl Token {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.');
        let version = numbers.next()?.parse().ok()?;
        let [rank, number] = [numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?];
        Some(Self {
            version,
            start: Position { rank, number },
        })
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Position { rank, number } = self.start;
        write!(f, "{}.{rank}.{number}", self.version)
    }
}
