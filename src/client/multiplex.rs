//! Sends the requests of one client over few connections: HTTP/2 where the server has it, else HTTP/1.1.
//!
//! A watch occupies a stream of HTTP/2 for minutes, and servers limit the streams of a connection, to 100 or 250 as a rule. A
//! request beyond the limit would wait until a watch ends. So there are several connections, and none has more streams than its
//! server allows. hyper-util's client has one connection only, and serves HTTP/1.1 here.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, Uri};
use http_body::{Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::http2,
    rt::{Read, Write},
};
use hyper_util::{
    client::legacy::{self, connect::Connection},
    rt::{TokioExecutor, TokioTimer},
};
use kube::client::Body;
use parking_lot::Mutex;
use tokio::{sync, task::JoinSet, time::timeout};
use tower::{BoxError, Service, ServiceExt as _, service_fn, util::BoxCloneSyncService};

/// No connection has more streams than this, whatever the server allows. A connection that breaks takes them along.
const MAX_STREAMS: usize = 80;

/// A connection that is silent for this long gets a ping, and is closed if the answer takes as long again.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// For the first message of the server.
const SETTINGS_TIMEOUT: Duration = Duration::from_secs(5);

const SETTINGS_CHECK: Duration = Duration::from_millis(2);

/// A request that was not sent, because its connection closed, is tried on so many connections.
const ATTEMPTS: usize = 3;

type Http1 = BoxCloneSyncService<Request<Body>, Response<Incoming>, BoxError>;

/// An HTTP client that uses few connections.
pub(super) struct Multiplex<C: Service<Uri>>(Arc<Pool<C>>);

struct Pool<C: Service<Uri>> {
    connector: C,
    /// Never held across an await.
    connections: Mutex<Vec<Http2>>,
    /// Held during a connect. Whether the server has no HTTP/2.
    is_http1: sync::Mutex<bool>,
    http1: Http1,
    /// A new connection for `http1`, which found out that the server has no HTTP/2.
    first: Arc<Mutex<Option<C::Response>>>,
}

/// A connection with HTTP/2.
struct Http2 {
    sender: http2::SendRequest<Body>,
    /// How many streams the server allows.
    limit: Arc<AtomicUsize>,
    task: Arc<ConnectionTask>,
}

/// The task of a connection. Each stream keeps it running, so the number of references tells the number of streams.
struct ConnectionTask {
    _task: JoinSet<()>,
}

/// The body of a response. Its stream counts until it is dropped.
pub(super) struct StreamBody {
    body: Incoming,
    _stream: Option<Arc<ConnectionTask>>,
}

impl<C> Multiplex<C>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    /// `connector` offers HTTP/2 to servers. With `None` requests use `http1_connector` only, which does not.
    pub(super) fn new(connector: Option<C>, http1_connector: C) -> Self {
        let first = Arc::new(Mutex::new(None));
        let taken = first.clone();
        let is_http1 = connector.is_none();
        let fallback = http1_connector.clone();
        let http1_connector = service_fn(move |address: Uri| {
            let (first, connector) = (taken.lock().take(), http1_connector.clone());
            Box::pin(async move {
                match first {
                    Some(stream) => Ok(stream),
                    None => connector.oneshot(address).await.map_err(Into::into),
                }
            })
        });
        let http1: legacy::Client<_, Body> =
            legacy::Client::builder(TokioExecutor::new()).build(http1_connector);
        Self(Arc::new(Pool {
            connector: connector.unwrap_or(fallback),
            connections: Mutex::default(),
            is_http1: sync::Mutex::new(is_http1),
            http1: BoxCloneSyncService::new(http1.map_err(Into::into)),
            first,
        }))
    }
}

impl<C> Pool<C>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    async fn send(&self, mut request: Request<Body>) -> Result<Response<StreamBody>, BoxError> {
        for _ in 0..ATTEMPTS {
            let Some((mut sender, stream)) = self.stream(request.uri()).await? else {
                let response = self.http1.clone().oneshot(request).await?;
                return Ok(response.map(|body| StreamBody {
                    body,
                    _stream: None,
                }));
            };
            let mut error = match sender.try_send_request(request).await {
                Ok(response) => {
                    return Ok(response.map(|body| StreamBody {
                        body,
                        _stream: Some(stream),
                    }));
                }
                Err(error) => error,
            };
            request = match error.take_message() {
                Some(unsent) => unsent,
                None => return Err(error.into_error().into()),
            };
        }
        Err("the server closes each connection before it reads the request".into())
    }

    /// A connection with a free stream; `None` if the server has no HTTP/2.
    async fn stream(&self, address: &Uri) -> Result<Option<Stream>, BoxError> {
        if let Some(stream) = self.free_stream() {
            return Ok(Some(stream));
        }
        let mut is_http1 = self.is_http1.lock().await;
        if *is_http1 {
            return Ok(None);
        }
        // The request that held the lock before may have connected.
        if let Some(stream) = self.free_stream() {
            return Ok(Some(stream));
        }
        let connect = self.connector.clone().oneshot(address.clone());
        let stream = connect.await.map_err(Into::into)?;
        if stream.connected().is_negotiated_h2() {
            let connection = Http2::new(stream).await?;
            let stream = connection.stream();
            self.connections.lock().push(connection);
            Ok(Some(stream))
        } else {
            *self.first.lock() = Some(stream);
            *is_http1 = true;
            Ok(None)
        }
    }

    fn free_stream(&self) -> Option<Stream> {
        let mut connections = self.connections.lock();
        connections.retain(|connection| !connection.sender.is_closed());
        let free = connections.iter().find(|connection| connection.has_room());
        free.map(Http2::stream)
    }
}

/// A connection, and what makes the stream count.
type Stream = (http2::SendRequest<Body>, Arc<ConnectionTask>);

impl Http2 {
    /// Starts HTTP/2 on a connection, and waits until the server has told its limits.
    async fn new<S>(stream: S) -> Result<Self, BoxError>
    where
        S: Read + Write + Send + Unpin + 'static,
    {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_INTERVAL)
            .keep_alive_while_idle(true)
            .initial_max_send_streams(0);
        let (sender, mut connection) = builder.handshake(stream).await?;
        let settings = async {
            while connection.current_max_send_streams() == 0 {
                // hyper wakes nobody when the settings arrive.
                match timeout(SETTINGS_CHECK, &mut connection).await {
                    Ok(Ok(())) => return Err("the server closed the connection at once".into()),
                    Ok(Err(error)) => return Err(BoxError::from(error)),
                    Err(_) => {}
                }
            }
            Ok(())
        };
        timeout(SETTINGS_TIMEOUT, settings)
            .await
            .map_err(|_| "the server sends no settings of HTTP/2")??;
        let limit = Arc::new(AtomicUsize::new(connection.current_max_send_streams()));
        let current = limit.clone();
        let mut task = JoinSet::new();
        task.spawn(poll_fn(move |context| {
            let outcome = Pin::new(&mut connection).poll(context);
            current.store(connection.current_max_send_streams(), Ordering::Relaxed);
            // Each of its requests reports the error.
            outcome.map(drop)
        }));
        let task = Arc::new(ConnectionTask { _task: task });
        Ok(Self {
            sender,
            limit,
            task,
        })
    }

    fn has_room(&self) -> bool {
        let streams = Arc::strong_count(&self.task) - 1;
        streams < MAX_STREAMS.min(self.limit.load(Ordering::Relaxed))
    }

    fn stream(&self) -> Stream {
        (self.sender.clone(), self.task.clone())
    }
}

impl<C: Service<Uri>> Clone for Multiplex<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C> Service<Request<Body>> for Multiplex<C>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = Response<StreamBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let pool = self.0.clone();
        Box::pin(async move { pool.send(request).await })
    }
}

impl http_body::Body for StreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
