//! Long steps on a thread of the runtime.

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task,
};

/// Takes a step that may last long: it applies a large list, or waits for another thread that does. The other tasks of this thread
/// move to another one meanwhile, so that requests about the health of the process are answered.
pub(super) fn long_step<T>(step: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    match flavor {
        Ok(RuntimeFlavor::MultiThread) => task::block_in_place(step),
        _ => step(),
    }
}
