//! Polling by list: all objects of one kind in one scope.

use std::time::Duration;

use super::{PollFailure, PollItem, PollSuccess, finish};
use crate::source::reader::{CronJobs, Jobs, Pods, ResourceReader, WatchedResource};

/// A list that is polled.
pub(in crate::source) enum ListPoll {
    Jobs(ResourceReader<Jobs>),
    CronJobs(ResourceReader<CronJobs>),
    Pods(ResourceReader<Pods>),
}

impl PollItem for ListPoll {
    async fn poll(&mut self, timeout: Duration) -> Result<PollSuccess<Self>, PollFailure> {
        match self {
            Self::Jobs(reader) => poll(reader, timeout).await,
            Self::CronJobs(reader) => poll(reader, timeout).await,
            Self::Pods(reader) => poll(reader, timeout).await,
        }
    }
}

async fn poll<R: WatchedResource>(
    reader: &mut ResourceReader<R>,
    timeout: Duration,
) -> Result<PollSuccess<ListPoll>, PollFailure> {
    reader.select_by_version().await;
    let outcome = match reader.list(timeout).await {
        Ok((records, _)) => {
            reader.end_list(records);
            Ok(())
        }
        Err(error) if error.is_not_served() => {
            reader.report_not_served();
            Ok(())
        }
        Err(error) => Err(error),
    };
    finish(&reader.feed, outcome)
}
