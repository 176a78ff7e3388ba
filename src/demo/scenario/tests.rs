//! Ten simulated minutes of `super`, looked at event by event.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::demo::api::{ApiOptions, Kind};

/// Plays for `minutes` and looks at every Job each 50 ms, which is less than any state lasts.
async fn play(minutes: u64, mut look: impl FnMut(&SimulatedApi)) -> SimulatedApi {
    let api = SimulatedApi::new(ApiOptions {
        seed: 1,
        ..ApiOptions::default()
    });
    let looking = async {
        for _ in 0..minutes * 60 * 20 {
            sleep(Duration::from_millis(50)).await;
            look(&api);
        }
    };
    tokio::select! {
        ended = run(api.clone(), ScenarioSettings::default()) => panic!("{ended:?}"),
        () = looking => {}
    }
    api
}
