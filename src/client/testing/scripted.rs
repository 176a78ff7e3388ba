//! A server with scripted responses, for tests over real HTTP.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::Duration,
};

/// Sends one scripted response per connection.
pub(in crate::client) struct ScriptedServer {
    pub(in crate::client) address: SocketAddr,
    thread: JoinHandle<Vec<String>>,
}

impl ScriptedServer {
    pub(in crate::client) fn new(responses: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let exchange = |response: String| {
                let mut stream = accept(&listener);
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut head, mut length) = (String::new(), 0);
                while !head.ends_with("\r\n\r\n") {
                    let from = head.len();
                    reader.read_line(&mut head).unwrap();
                    let line = head[from..].to_ascii_lowercase();
                    if let Some(value) = line.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                stream.write_all(response.as_bytes()).unwrap();
                head + &String::from_utf8(body).unwrap()
            };
            responses.into_iter().map(exchange).collect()
        });
        Self { address, thread }
    }

    /// The requests, when all responses are sent.
    pub(in crate::client) fn requests(self) -> Vec<String> {
        self.thread.join().unwrap()
    }
}

/// The next connection; panics if none comes within ten seconds.
fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    for _ in 0..2_000 {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).unwrap();
            return stream;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("no connection for the next response");
}

/// A response with these header lines, after which the connection is closed.
pub(in crate::client) fn response(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}
