//! Which workloads keep native histograms.

use super::{JOB, Workloads};
use crate::{
    config::NativeHistograms,
    model::{RestoredWorkload, WorkloadId},
};

impl Workloads {
    /// Whether the histograms of a workload have native buckets. A workload that is one Job shows none, since it runs once.
    pub(super) fn keeps_native_histograms(&self, id: &WorkloadId) -> bool {
        self.settings.native_histograms != NativeHistograms::None && &*id.kind != JOB
    }

    /// Restored workloads with native histograms if they are enabled, else without. An earlier process may have had another
    /// setting.
    pub(super) fn with_native_histograms(
        &self,
        mut workloads: Vec<RestoredWorkload>,
    ) -> Vec<RestoredWorkload> {
        let now = (self.settings.clock)().as_millisecond();
        let mut restarted = 0;
        for RestoredWorkload { id, state, .. } in &mut workloads {
            let keeps = self.keeps_native_histograms(id);
            restarted += usize::from(state.totals.set_native(keeps, now));
        }
        if restarted > 0 {
            tracing::warn!(
                target = self.target.as_deref(),
                workloads = restarted,
                "the history has no native histograms of these workloads, their histograms restart from zero"
            );
        }
        workloads
    }
}
