//! How many lines skipped objects and errors cause, under paused time.

use std::{io::Write, time::Duration};

use tokio::time::advance;
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::{
    decode::Decoder,
    model::{EventCounter, FeedId, FeedScope, HealthChange, ShardReading, Sink},
};

/// Receives updates and forgets them.
struct Ignore;

impl Sink for Ignore {
    fn register(self: Arc<Self>, _: FeedScope) -> FeedHandle {
        FeedHandle::new(FeedId(0), self)
    }

    fn push(&self, _: FeedId, _: Update) -> HealthChange {
        HealthChange::default()
    }

    fn retire(&self, _: FeedId) {}

    fn set_shard_reading(&self, _: ShardReading, _: Option<usize>) {}
}

impl EventCounter for Ignore {
    fn count(&self, _: ClientEvent) {}
}

/// The log as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The lines since the last call.
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock())).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn reporter(log: &Arc<TargetLog>) -> FeedReporter {
    let handle = Arc::new(Ignore).register(FeedScope::Jobs(None));
    FeedReporter::new(handle, log.clone())
}

fn skip(feed: &FeedReporter, name: impl std::fmt::Display) {
    let json = format!(r#"{{"metadata":{{"namespace":"n","name":"{name}"}},"status":5}}"#);
    let error = Decoder::default().job(&json).unwrap_err();
    feed.skip(Resource::Jobs, &error);
}

#[tokio::test(start_paused = true)]
async fn objects_that_stay_undecodable_are_logged_once_and_a_flood_of_them_is_limited() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false);
    // While there is one subscriber only, the first test that reaches a log line decides for all threads whether it is wanted, and
    // others have no subscriber. With two, all subscribers are asked.
    let _other = tracing::Dispatch::new(NoSubscriber::new());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let target = Arc::new(TargetLog::of_target());
    let feeds = [reporter(&target), reporter(&target)];
    // A list every 30 s.
    for _ in 0..3 {
        for number in 0..15 {
            skip(&feeds[0], number);
        }
        advance(Duration::from_secs(30)).await;
    }
    assert_eq!(log.lines().len(), 15, "each object once");
    for number in 100..2_600 {
        skip(&feeds[number % 2], number);
    }
    let lines = log.lines();
    assert_eq!(lines.len(), 20);
    assert!(
        lines.iter().all(|line| !line.contains("left_out")),
        "{lines:?}"
    );
    advance(Duration::from_secs(3)).await;
    skip(&feeds[0], "next");
    feeds[1].skip_too_large(Resource::Jobs);
    let lines = log.lines();
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].contains("n/next") && lines[0].contains("left_out=2480"),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_objects_that_were_logged_are_remembered_up_to_a_limit() {
    let feed = reporter(&Arc::new(TargetLog::of_target()));
    for number in 0..MAX_UNDECODABLE + 10 {
        skip(&feed, number);
    }
    assert_eq!(feed.logged.lock().len(), 10);
}
