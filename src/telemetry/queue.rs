//! A queue between those who write lines and an output: standard error for the log, standard output for events.
//!
//! The output can be a pipe that nobody reads. Only the thread of the queue waits for it: a line that finds the queue full is
//! dropped and counted. A line says how many are missing once the output can be written again.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

/// The pause after an output is not ready. Another process that shares the pipe can make it non-blocking.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// A queue of lines. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct LineQueue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The most bytes of lines that wait.
    max_bytes: usize,
    state: Mutex<State>,
    /// There is a line to write.
    filled: Condvar,
    /// All lines are written.
    emptied: Condvar,
    /// Lines that were dropped in total.
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    /// The bytes of `lines`.
    bytes: usize,
    /// Whether the thread writes a line that it took.
    writing: bool,
    /// Lines that were dropped and that the output does not mention yet.
    untold: u64,
}

impl LineQueue {
    /// A queue of at most so many bytes.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self(Arc::new(Shared {
            max_bytes,
            state: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            dropped: AtomicU64::new(0),
        }))
    }

    /// Starts the thread that writes to `output`. `notice` makes the line about a number of dropped lines.
    pub(super) fn start(
        &self,
        thread: &str,
        output: impl Write + Send + 'static,
        notice: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<()> {
        let queue = self.clone();
        let run = move || queue.run(output, notice);
        thread::Builder::new().name(thread.to_owned()).spawn(run)?;
        Ok(())
    }

    /// Adds a complete line, or drops it if the queue is full. Never waits for the output.
    pub(super) fn push(&self, line: Vec<u8>) {
        let mut state = self.0.state.lock();
        // Behind dropped lines, none is accepted before the thread has said so in their place.
        if state.untold > 0 || state.bytes + line.len() > self.0.max_bytes {
            state.untold += 1;
            self.count_dropped(1);
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line);
        self.0.filled.notify_one();
    }

    /// Counts lines that were dropped before they came here.
    pub(super) fn drop_lines(&self, lines: u64) {
        let mut state = self.0.state.lock();
        state.untold += lines;
        self.count_dropped(lines);
        self.0.filled.notify_one();
    }

    /// Waits until all lines are written, at most until the `deadline`. Returns whether they are.
    pub(super) fn flush(&self, deadline: Instant) -> bool {
        let mut state = self.0.state.lock();
        while !state.is_idle() {
            if self.0.emptied.wait_until(&mut state, deadline).timed_out() {
                return state.is_idle();
            }
        }
        true
    }

    /// The number of lines that were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    fn count_dropped(&self, lines: u64) {
        self.0.dropped.fetch_add(lines, Ordering::Relaxed);
    }

    fn run(&self, mut output: impl Write, notice: impl Fn(u64) -> String) {
        loop {
            let line = self.next_line(&notice);
            if write(&mut output, &line).is_err() {
                self.count_dropped(1);
            }
        }
    }

    /// Waits for a line. The line about dropped ones comes after all that were queued before them.
    fn next_line(&self, notice: impl Fn(u64) -> String) -> Vec<u8> {
        let mut state = self.0.state.lock();
        state.writing = false;
        loop {
            if let Some(line) = state.lines.pop_front() {
                state.bytes -= line.len();
                state.writing = true;
                return line;
            }
            if state.untold > 0 {
                state.writing = true;
                return notice(std::mem::take(&mut state.untold)).into_bytes();
            }
            self.0.emptied.notify_all();
            self.0.filled.wait(&mut state);
        }
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.lines.is_empty() && !self.writing && self.untold == 0
    }
}

/// Writes a line. Waits while the output is not ready.
fn write(output: &mut impl Write, mut line: &[u8]) -> io::Result<()> {
    while !line.is_empty() {
        match output.write(line) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => line = &line[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(RETRY_INTERVAL);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const MAX_BYTES: usize = 10_000;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    /// An output that waits for a permission before each line, and hands the lines out.
    struct Gate {
        permissions: mpsc::Receiver<()>,
        lines: mpsc::Sender<String>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let closed = |_| io::Error::from(io::ErrorKind::BrokenPipe);
            self.permissions.recv().map_err(closed)?;
            let _ = self.lines.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (LineQueue, mpsc::Sender<()>, mpsc::Receiver<String>) {
        let (permit, permissions) = mpsc::channel();
        let (lines, written) = mpsc::channel();
        let queue = LineQueue::new(MAX_BYTES);
        let notice = |count| format!("{count} lost\n");
        let gate = Gate { permissions, lines };
        queue.start("test", gate, notice).unwrap();
        (queue, permit, written)
    }

    #[test]
    fn lines_beyond_a_full_queue_are_dropped_counted_and_mentioned_in_their_place() {
        let (queue, permit, written) = gated();
        let line = |length: usize| [vec![b'x'; length - 1], vec![b'\n']].concat();
        queue.push(line(1000));
        // The thread takes the first line, and then waits with it for the output.
        while queue.0.state.lock().bytes > 0 {
            thread::yield_now();
        }
        queue.push(line(MAX_BYTES - 10));
        queue.push(line(11));
        queue.push(line(5));
        assert_eq!(queue.dropped(), 2);
        assert!(!queue.flush(Instant::now() + Duration::from_millis(1)));
        for _ in 0..3 {
            permit.send(()).unwrap();
        }
        let lengths: Vec<usize> = (0..2).map(|_| written.recv().unwrap().len()).collect();
        assert_eq!(lengths, [1000, MAX_BYTES - 10]);
        assert_eq!(written.recv().unwrap(), "2 lost\n");
        assert!(queue.flush(soon()));
        queue.push(b"next\n".to_vec());
        permit.send(()).unwrap();
        assert_eq!(written.recv().unwrap(), "next\n");
        assert_eq!(queue.dropped(), 2);
    }

    #[test]
    fn lines_to_a_closed_output_are_counted() {
        let (queue, permit, _written) = gated();
        drop(permit);
        for _ in 0..3 {
            queue.push(b"line\n".to_vec());
        }
        assert!(queue.flush(soon()));
        assert_eq!(queue.dropped(), 3);
    }

    #[test]
    fn an_output_that_is_not_ready_gets_the_line_later() {
        struct Busy(u32, Vec<u8>);

        impl Write for Busy {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                if self.0 % 2 == 1 {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                self.1.push(bytes[0]);
                Ok(1)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let mut output = Busy(0, Vec::new());
        write(&mut output, b"abc").unwrap();
        assert_eq!(output.1, b"abc");
    }
}
