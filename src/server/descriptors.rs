//! File descriptors for connections, kept for when the process has no others left.
//!
//! Connections to many API servers can use up the limit of the process. `/livez` and `/metrics` respond even then.

use std::os::fd::{BorrowedFd, OwnedFd};

/// Enough for the probes and scrapes of a moment: idle connections give way when the reserve is in use.
const RESERVED: usize = 16;

/// Descriptors that stay open without a purpose until one is needed.
#[derive(Debug, Default)]
pub(super) struct DescriptorReserve {
    /// What the spare descriptors are copies of. `None` for an empty reserve.
    original: Option<OwnedFd>,
    spare: Vec<OwnedFd>,
}

impl DescriptorReserve {
    /// A full reserve, as far as the process has descriptors left. They are copies of `any`.
    pub(super) fn new(any: BorrowedFd<'_>) -> Self {
        let mut reserve = Self {
            original: any.try_clone_to_owned().ok(),
            spare: Vec::with_capacity(RESERVED),
        };
        reserve.refill();
        reserve
    }

    /// Closes one, so that a connection can be accepted. False if none is left.
    pub(super) fn release(&mut self) -> bool {
        self.spare.pop().is_some()
    }

    /// Takes back what was released, as far as the process has descriptors left.
    pub(super) fn refill(&mut self) {
        let Some(original) = &self.original else {
            return;
        };
        while self.spare.len() < RESERVED
            && let Ok(copy) = original.try_clone()
        {
            self.spare.push(copy);
        }
    }

    /// Whether the process is short of descriptors.
    pub(super) fn is_in_use(&self) -> bool {
        self.original.is_some() && self.spare.len() < RESERVED
    }
}
