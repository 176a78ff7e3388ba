//! Accepts connections until shutdown. No connection outlives [`serve`].

use std::{future::Future, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// The pause after a failed accept. It prevents a busy loop when file handles run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Runs `handle` for each connection until `shutdown`, which closes the listener and all connections.
pub(crate) async fn serve<F>(
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    handle: impl Fn(TcpStream) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(handle(stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "simulator: accept connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.shutdown().await;
}
