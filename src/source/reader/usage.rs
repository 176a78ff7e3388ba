//! Checks a list against its limits while it is read, in pages or as a stream.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
};

use tokio::time::Instant;

use crate::{client::Failure, config::ListLimits, decode::Object};

/// A server that filters the objects of a page may send a page without any. It does not send many in a row.
const MAX_EMPTY_PAGES: u32 = 100;

/// The longest continue token. It is part of a URL, and the tokens of API servers have some hundred bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// What was read of a list so far.
pub(in crate::source) struct ListUsage {
    limits: ListLimits,
    started: Instant,
    objects: u64,
    pages: u64,
    bytes: u64,
    empty_pages: u32,
    /// Hashes of the continue tokens and of the first object of each page.
    seen: HashSet<u64>,
    hasher: RandomState,
}

impl ListUsage {
    /// A list that starts now.
    pub(in crate::source) fn new(limits: ListLimits) -> Self {
        Self {
            limits,
            started: Instant::now(),
            objects: 0,
            pages: 0,
            bytes: 0,
            empty_pages: 0,
            seen: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// What was read is void, and the list is read again from its start. The responses still count.
    pub(in crate::source) fn restart(&mut self) {
        self.objects = 0;
        self.empty_pages = 0;
        self.seen.clear();
    }

    /// A page of this many bytes and objects arrived. `first` is its first object.
    pub(in crate::source) fn add_page(
        &mut self,
        bytes: usize,
        objects: usize,
        first: Option<Object<'_>>,
    ) -> Result<(), Failure> {
        self.pages += 1;
        self.bytes += bytes as u64;
        self.objects += objects as u64;
        self.empty_pages = if objects == 0 {
            self.empty_pages + 1
        } else {
            0
        };
        if self.empty_pages > MAX_EMPTY_PAGES {
            return Err(invalid("too many pages in a row have no objects"));
        }
        // No two objects are the same. Anything else than an object is undecodable, and may be repeated.
        let first = first.and_then(Object::content);
        if first.is_some_and(|first| !self.is_new(first)) {
            return Err(invalid("the server sends the same page again"));
        }
        self.check()
    }

    /// The page leads to another one by this continue token.
    pub(in crate::source) fn add_token(&mut self, token: &str) -> Result<(), Failure> {
        if token.len() > MAX_TOKEN {
            return Err(invalid("the continue token is too long"));
        }
        if !self.is_new(token.as_bytes()) {
            return Err(invalid("the server repeats a continue token"));
        }
        Ok(())
    }

    /// The stream has this many bytes so far.
    pub(in crate::source) fn set_bytes(&mut self, bytes: u64) -> Result<(), Failure> {
        self.bytes = bytes;
        self.check()
    }

    /// An object arrived in the stream.
    pub(in crate::source) fn add_object(&mut self) -> Result<(), Failure> {
        self.objects += 1;
        self.check()
    }

    fn is_new(&mut self, bytes: &[u8]) -> bool {
        self.seen.insert(self.hasher.hash_one(bytes))
    }

    fn check(&self) -> Result<(), Failure> {
        let ListLimits {
            objects,
            pages,
            bytes,
            duration,
        } = self.limits;
        let (problem, hint) = if self.objects > objects {
            (
                format!("the list has more than {objects} objects"),
                "raise `limits.list_objects` if there are so many objects, or read fewer namespaces",
            )
        } else if self.pages > pages {
            (
                format!("the list has more than {pages} pages"),
                "raise `limits.list_pages` if there are so many objects, or read fewer namespaces",
            )
        } else if self.bytes > bytes {
            (
                format!("the list has more than {bytes} bytes"),
                "raise `limits.list_bytes` if the objects are so large, or read fewer namespaces",
            )
        } else if self.started.elapsed() > duration {
            (
                format!("the list takes longer than {duration:?}"),
                "raise `limits.list_duration` if the API is so slow, or read fewer namespaces",
            )
        } else {
            return Ok(());
        };
        Err(Failure::LimitExceeded { problem, hint })
    }
}

fn invalid(reason: &str) -> Failure {
    Failure::InvalidResponse(format!(
        "{reason}, so the list has no end: is there a gateway that ignores `continue`?"
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: ListLimits = ListLimits {
        objects: 1000,
        pages: 5,
        bytes: 10_000,
        duration: Duration::from_mins(1),
    };

    /// The number of pages that are accepted, and the problem with the next one.
    fn read(
        pages: impl IntoIterator<Item = (usize, usize)>,
        limits: ListLimits,
    ) -> (usize, String) {
        let mut usage = ListUsage::new(limits);
        for (number, (bytes, objects)) in pages.into_iter().enumerate() {
            let first = format!("{{{number}}}");
            let first = (objects > 0).then_some(first.as_str().into());
            let outcome = usage
                .add_page(bytes, objects, first)
                .and_then(|()| usage.add_token(&number.to_string()));
            if let Err(failure) = outcome {
                return (number, failure.to_string());
            }
        }
        panic!("the list has an end");
    }

    #[test]
    fn a_list_ends_at_each_limit() {
        let problem = |(pages, problem): (usize, String)| (pages, problem);
        assert_eq!(
            problem(read([(10, 500); 10], LIMITS)),
            (2, "the list has more than 1000 objects".to_owned())
        );
        assert_eq!(
            problem(read([(10, 1); 10], LIMITS)),
            (5, "the list has more than 5 pages".to_owned())
        );
        assert_eq!(
            problem(read([(4000, 1); 10], LIMITS)),
            (2, "the list has more than 10000 bytes".to_owned())
        );
        let (pages, problem) = read([(10, 0); 1000], ListLimits::default());
        assert_eq!(pages, 100);
        assert!(problem.contains("too many pages"), "{problem}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_ends_after_its_time() {
        let mut usage = ListUsage::new(LIMITS);
        tokio::time::advance(LIMITS.duration).await;
        assert!(usage.add_object().is_ok() && usage.set_bytes(1).is_ok());
        tokio::time::advance(Duration::from_secs(1)).await;
        for outcome in [
            usage.add_object(),
            usage.set_bytes(1),
            usage.add_page(1, 1, None),
        ] {
            let problem = outcome.unwrap_err().to_string();
            assert_eq!(problem, "the list takes longer than 60s");
        }
    }

    #[test]
    fn a_token_or_page_that_was_seen_before_ends_the_list_unless_it_restarted() {
        let mut usage = ListUsage::new(ListLimits::default());
        for token in ["x", "y", "z"] {
            usage.add_token(token).unwrap();
        }
        for token in ["x", "y", "z", &"t".repeat(MAX_TOKEN + 1)] {
            assert!(usage.add_token(token).is_err(), "{token}");
        }
        usage.add_page(1, 1, Some("{1}".into())).unwrap();
        usage.add_page(1, 1, Some("null".into())).unwrap();
        usage.add_page(1, 1, Some("null".into())).unwrap();
        assert!(usage.add_page(1, 1, Some("{1}".into())).is_err());
        usage.restart();
        usage.add_token("x").unwrap();
        usage.add_page(1, 1, Some("{1}".into())).unwrap();
    }
}
