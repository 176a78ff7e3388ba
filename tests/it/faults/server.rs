//! A scripted server that controls every byte. It can send responses that an HTTP library would refuse to send.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Uri;
use job_status_exporter::client::Endpoint;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};

/// A request as received.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) at: Instant,
    /// The number of the connection.
    pub(crate) connection: usize,
    /// The path and query.
    pub(crate) target: String,
    /// The request line and the headers.
    pub(crate) head: String,
}

/// The steps that answer a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    steps: Vec<Step>,
    /// The connection stays open for the next request.
    complete: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    Pass(Arc<Semaphore>),
    Reset,
}

/// A running server. Dropping it stops it.
pub(crate) struct Server {
    pub(crate) address: Uri,
    requests: Arc<Mutex<Vec<Request>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Starts a server that answers each request with `script`.
    pub(crate) async fn start(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (recorded, script) = (requests.clone(), Arc::new(script));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (recorded, script) = (recorded.clone(), script.clone());
                connections.spawn(async move {
                    // A client that disconnects does not fail the test.
                    let _ = serve(stream, number, &recorded, &*script).await;
                });
            }
        });
        Self {
            address: address.parse().unwrap(),
            requests,
            _tasks: tasks,
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::Address(self.address.clone())
    }

    /// The requests so far whose path and query contain `part`.
    pub(crate) fn requests(&self, part: &str) -> Vec<Request> {
        let requests = self.requests.lock().unwrap();
        let wanted = requests.iter().filter(|r| r.target.contains(part));
        wanted.cloned().collect()
    }
}

async fn serve(
    stream: TcpStream,
    connection: usize,
    recorded: &Mutex<Vec<Request>>,
    script: &(impl Fn(&Request) -> Answer + Sync),
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufStream::new(stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let request = Request {
            at: Instant::now(),
            connection,
            target,
            head,
        };
        recorded.lock().unwrap().push(request.clone());
        let Answer { steps, complete } = script(&request);
        for step in steps {
            match step {
                Step::Send(bytes) => {
                    stream.write_all(&bytes).await?;
                    stream.flush().await?;
                }
                Step::Wait(time) => sleep(time).await,
                Step::Pass(gate) => gate.acquire().await.unwrap().forget(),
                Step::Reset => {
                    stream.get_ref().set_zero_linger()?;
                    return Ok(());
                }
            }
        }
        if !complete {
            return stream.shutdown().await;
        }
    }
}

// === impl Request ===

impl Request {
    /// The last segment of the path, such as `jobs` or `cronjobs`.
    pub(crate) fn resource(&self) -> &str {
        let path = self.target.split('?').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn is_watch(&self) -> bool {
        self.target.contains("?watch=1")
    }

    /// The value of a header. Its name is case-insensitive.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value)
    }
}

// === impl Answer ===

impl Answer {
    /// Closes the connection without a response.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// Sends a complete response and keeps the connection open.
    pub(crate) fn whole(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let answer = Self::head(status, headers, &format!("content-length: {}", body.len()));
        Self {
            complete: true,
            ..answer.send(body)
        }
    }

    /// Sends a complete JSON response.
    pub(crate) fn json(body: &Value) -> Self {
        Self::whole(
            200,
            &[("content-type", "application/json")],
            body.to_string(),
        )
    }

    /// Sends the head of a response with `content-length: length`.
    pub(crate) fn of_length(length: usize) -> Self {
        Self::head(200, &[], &format!("content-length: {length}"))
    }

    /// Sends the head of a response with a chunked body.
    pub(crate) fn chunked() -> Self {
        Self::head(200, &[], "transfer-encoding: chunked")
    }

    /// Sends the head of a response whose body is framed by this header.
    pub(crate) fn head(status: u16, headers: &[(&str, &str)], framing: &str) -> Self {
        let mut head = format!("HTTP/1.1 {status} -\r\n");
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        Self::none().send(format!("{head}{framing}\r\n\r\n"))
    }

    pub(crate) fn send(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.steps.push(Step::Send(bytes.as_ref().to_vec()));
        self
    }

    pub(crate) fn chunk(self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.send(format!("{:x}\r\n", bytes.len()))
            .send(bytes)
            .send("\r\n")
    }

    /// Sends a watch event.
    pub(crate) fn event(self, kind: &str, object: &Value) -> Self {
        let event = serde_json::json!({"type": kind, "object": object});
        self.chunk(format!("{event}\n"))
    }

    pub(crate) fn wait(mut self, time: Duration) -> Self {
        self.steps.push(Step::Wait(time));
        self
    }

    /// The same answer, once there is a permit for it.
    pub(crate) fn after(mut self, gate: &Arc<Semaphore>) -> Self {
        self.steps.insert(0, Step::Pass(gate.clone()));
        self
    }

    /// Sends nothing more and keeps the connection open.
    pub(crate) fn hang(self) -> Self {
        self.wait(Duration::from_hours(1))
    }

    /// Ends a chunked body properly.
    pub(crate) fn end(self) -> Self {
        Self {
            complete: true,
            ..self.send("0\r\n\r\n")
        }
    }

    /// Resets the connection.
    pub(crate) fn reset(mut self) -> Self {
        self.steps.push(Step::Reset);
        self
    }
}
