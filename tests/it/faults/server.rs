//! A server that does as it is told, byte by byte: what it sends, a library would not.

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
    task::JoinSet,
    time::{Instant, sleep},
};

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) at: Instant,
    /// Path and query.
    pub(crate) target: String,
    /// The header lines as they came.
    pub(crate) head: String,
}

/// What to do for a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    steps: Vec<Step>,
    /// Whether the connection can be used again.
    complete: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    Reset,
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) address: Uri,
    requests: Arc<Mutex<Vec<Request>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Answers as `script` says.
    pub(crate) async fn start(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (noted, script) = (requests.clone(), Arc::new(script));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (noted, script) = (noted.clone(), script.clone());
                connections.spawn(async move {
                    // A client that goes away is no failure of a test.
                    let _ = serve(stream, &noted, &*script).await;
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
    noted: &Mutex<Vec<Request>>,
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
            target,
            head,
        };
        noted.lock().unwrap().push(request.clone());
        let Answer { steps, complete } = script(&request);
        for step in steps {
            match step {
                Step::Send(bytes) => {
                    stream.write_all(&bytes).await?;
                    stream.flush().await?;
                }
                Step::Wait(time) => sleep(time).await,
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
    /// `jobs`, `cronjobs` or what else is asked for last.
    pub(crate) fn resource(&self) -> &str {
        let path = self.target.split('?').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn is_watch(&self) -> bool {
        self.target.contains("?watch=1")
    }

    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value)
    }
}

// === impl Answer ===

impl Answer {
    /// Nothing but the end of the connection.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// A whole answer; the connection stays open.
    pub(crate) fn whole(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let answer = Self::head(status, headers, &format!("content-length: {}", body.len()));
        Self {
            complete: true,
            ..answer.send(body)
        }
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::whole(
            200,
            &[("content-type", "application/json")],
            body.to_string(),
        )
    }

    /// The head of an answer whose body is said to have `length` bytes.
    pub(crate) fn of_length(length: usize) -> Self {
        Self::head(200, &[], &format!("content-length: {length}"))
    }

    /// The head of an answer whose body comes in chunks.
    pub(crate) fn chunked() -> Self {
        Self::head(200, &[], "transfer-encoding: chunked")
    }

    fn head(status: u16, headers: &[(&str, &str)], framing: &str) -> Self {
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

    /// An event of a watch.
    pub(crate) fn event(self, kind: &str, object: &Value) -> Self {
        let event = serde_json::json!({"type": kind, "object": object});
        self.chunk(format!("{event}\n"))
    }

    pub(crate) fn wait(mut self, time: Duration) -> Self {
        self.steps.push(Step::Wait(time));
        self
    }

    /// Sends no more, and does not end.
    pub(crate) fn hang(self) -> Self {
        self.wait(Duration::from_hours(1))
    }

    /// Ends a body in chunks as it should be.
    pub(crate) fn end(self) -> Self {
        Self {
            complete: true,
            ..self.send("0\r\n\r\n")
        }
    }

    pub(crate) fn reset(mut self) -> Self {
        self.steps.push(Step::Reset);
        self
    }
}
