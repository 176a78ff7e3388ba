//! The TLS handshake of a connection that was just accepted.
//!
//! The time limit is that of the [`TimedStream`] below. A client that speaks plain HTTP gets an answer that says so.

use std::{io, time::Duration};

use rustls::{CertificateError, OtherError, ServerConnection, server::Acceptor};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Instant, timeout},
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};
use tracing::{debug, warn};

use super::{HTTP2, TlsHandle};
use crate::{
    log_limit::Admitted,
    server::{connection_state::ConnectionState, listener::Peer, timeouts::TimedStream},
};

/// Maximum of encrypted bytes that wait for the client. One record has 16 KiB.
const BUFFER_BYTES: usize = 32 * 1024;

/// Maximum size of a plain request that is read before the answer. Bytes that are left unread can make the system drop the
/// answer.
const MAX_PLAIN_BYTES: usize = 16 * 1024;

/// Maximum time to read a plain request, and again to wait for the client to close.
const PLAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// What a client of plain HTTP reads.
const PLAIN_MESSAGE: &str = "this port speaks HTTPS, the request was plain HTTP\n";

/// A connection after its handshake.
pub(in crate::server) struct Handshaken<Io> {
    pub(in crate::server) stream: TlsStream<TimedStream<Io>>,
    /// Whether client and server agreed on HTTP/2.
    pub(in crate::server) is_http2: bool,
}

impl TlsHandle {
    /// Waits for the handshake. `None` if there is no connection to serve: then the reason is in the log.
    pub(in crate::server) async fn accept<Io: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: TimedStream<Io>,
        peer: Peer,
        state: &ConnectionState,
    ) -> Option<Handshaken<Io>> {
        match self.handshake(stream, peer, state).await {
            Ok(Some(stream)) => {
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
                state.finish_handshake(is_http2);
                Some(Handshaken { stream, is_http2 })
            }
            Ok(None) => None,
            Err(error) => {
                self.log(peer, &error);
                None
            }
        }
    }

    async fn handshake<Io: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: TimedStream<Io>,
        peer: Peer,
        state: &ConnectionState,
    ) -> io::Result<Option<TlsStream<TimedStream<Io>>>> {
        let accepted = state.current().since;
        let first = stream.read_u8().await?;
        // A record of TLS begins with its type, a small number, and HTTP with the name of a method.
        if first.is_ascii_uppercase() {
            debug!(%peer, "a client sent HTTP to a port that speaks HTTPS");
            answer_plain(stream).await?;
            return Ok(None);
        }
        state.start_handshake(accepted);
        let mut acceptor = Acceptor::default();
        acceptor.read_tls(&mut [first].as_slice())?;
        let start = LazyConfigAcceptor::new(acceptor, stream).await?;
        // Not earlier, so that a client that connects before a change and sends its first message later gets the new settings.
        let limit = |session: &mut ServerConnection| session.set_buffer_limit(Some(BUFFER_BYTES));
        let stream = start.into_stream_with(self.current(), limit).await?;
        Ok(Some(stream))
    }

    /// A client that goes away or waits is no news. What it refuses, or what the server refuses, an operator has to know.
    fn log(&self, peer: Peer, error: &io::Error) {
        let refusal = error
            .get_ref()
            .and_then(<dyn std::error::Error + Send + Sync>::downcast_ref::<rustls::Error>);
        let Some(refusal) = refusal else {
            debug!(%peer, %error, "TLS handshake failed");
            return;
        };
        let error = describe(refusal);
        let admitted = self.shared.log.lock().admit(Instant::now());
        if let Some(Admitted { left_out }) = admitted {
            warn!(%peer, error, left_out, "TLS handshake failed");
        }
    }
}

/// The error as text. That of the library shows an error of our own as code.
fn describe(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(own))) => {
            own.to_string()
        }
        error => error.to_string(),
    }
}

/// Says that the port speaks HTTPS.
async fn answer_plain<Io: AsyncRead + AsyncWrite + Unpin>(
    mut stream: TimedStream<Io>,
) -> io::Result<()> {
    // A client without a whole head in time gets its answer too.
    let _ = timeout(PLAIN_TIMEOUT, read_head(&mut stream)).await;
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\n\
         Connection: close\r\n\
         \r\n\
         {PLAIN_MESSAGE}",
        PLAIN_MESSAGE.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    let mut rest = tokio::io::sink();
    let mut limited = stream.take(MAX_PLAIN_BYTES as u64);
    let _ = timeout(PLAIN_TIMEOUT, tokio::io::copy(&mut limited, &mut rest)).await;
    Ok(())
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut head = Vec::new();
    while head.len() < MAX_PLAIN_BYTES && memchr::memmem::find(&head, b"\r\n\r\n").is_none() {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(())
}
