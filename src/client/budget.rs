//! The number of connections to APIs that may be open at a time, so that enough file descriptors are left for serving.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tower::{BoxError, Service, ServiceExt as _};

/// A request waits this long for one of the connections. Its own timeout would not say why it failed.
const WAIT: Duration = Duration::from_secs(3);

/// The connections of all targets together. Without a limit by default.
#[derive(Clone, Default)]
pub struct ConnectionBudget(Option<Slots>);

#[derive(Clone)]
struct Slots {
    limit: usize,
    free: Arc<Semaphore>,
}

/// Connects within a budget.
#[derive(Clone)]
pub(super) struct BudgetedConnector {
    pub(super) connector: HttpConnector,
    pub(super) budget: ConnectionBudget,
}

/// A connection that counts until it is dropped.
pub(super) struct BudgetedStream<S> {
    stream: S,
    _slot: Option<OwnedSemaphorePermit>,
}

/// All connections are in use.
#[derive(Debug, thiserror::Error)]
#[error("no connection is free: all {0} that the limit of open files leaves for APIs are in use")]
struct NoneFree(usize);

impl ConnectionBudget {
    /// At most this many connections.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        let free = Arc::new(Semaphore::new(limit));
        Self(Some(Slots { limit, free }))
    }

    async fn acquire(&self) -> Result<Option<OwnedSemaphorePermit>, NoneFree> {
        let Some(Slots { limit, free }) = &self.0 else {
            return Ok(None);
        };
        match timeout(WAIT, free.clone().acquire_owned()).await {
            Ok(Ok(slot)) => Ok(Some(slot)),
            _ => Err(NoneFree(*limit)),
        }
    }
}

impl Service<Uri> for BudgetedConnector {
    type Response = BudgetedStream<<HttpConnector as Service<Uri>>::Response>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let Self { connector, budget } = self.clone();
        Box::pin(async move {
            let slot = budget.acquire().await?;
            let stream = connector.oneshot(address).await?;
            Ok(BudgetedStream {
                stream,
                _slot: slot,
            })
        })
    }
}

impl<S: Read + Unpin> Read for BudgetedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: Write + Unpin> Write for BudgetedStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, buffer)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, buffers)
    }
}

impl<S: Connection> Connection for BudgetedStream<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}
