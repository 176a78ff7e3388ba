//! Counts what one call allocates. The counting allocator is that of every bench that has this module.

/// Prints the allocations of `call`, and the most bytes that it has at once beyond those at its start.
#[allow(
    clippy::print_stderr,
    reason = "criterion has no other place for figures of its users"
)]
pub(crate) fn report(name: &str, call: impl FnOnce()) {
    let counted = allocation_counter::measure(call);
    eprintln!(
        "{name}: {} allocations of {} kB, {} kB at once",
        counted.count_total,
        counted.bytes_total / 1000,
        counted.bytes_max / 1000,
    );
}
