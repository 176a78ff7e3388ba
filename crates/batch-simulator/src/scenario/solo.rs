//! Jobs that no `CronJob` makes: started by hand, or by a workflow engine, again and again.
//!
//! Told what to do by [`super::cast`]. There is one run of each at a time.

use std::convert::Infallible;

use serde_json::json;

use super::{
    Stage,
    manifest::{Identity, Shape},
    run::{Birth, Plot, Run},
};
use crate::api::InvalidObject;

/// A Job that comes again.
#[derive(Debug)]
pub(super) struct Solo {
    pub(super) identity: Identity,
    pub(super) shape: Shape,
    /// What can happen; drawn anew each time.
    pub(super) plots: &'static [Plot],
    /// How many seconds a pod takes, about.
    pub(super) pace: f64,
    /// How many seconds there is none, about.
    pub(super) gap: f64,
    /// Whether it belongs to an Argo Workflow, which numbers its Jobs.
    pub(super) in_workflow: bool,
}

/// Creates the Job, plays it, deletes it when its time to live is over, and begins again.
pub(super) async fn repeat(mut stage: Stage, solo: &Solo) -> Result<Infallible, InvalidObject> {
    let mut number = 0;
    loop {
        number += 1;
        let uid = stage.api.new_uid();
        let owner = solo.in_workflow.then(|| {
            json!({
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": solo.identity.name, "uid": uid,
                "controller": true, "blockOwnerDeletion": true,
            })
        });
        let name = if solo.in_workflow {
            format!("{}-{number}", solo.identity.name)
        } else {
            solo.identity.name.to_owned()
        };
        let plot = stage.rng.choice(solo.plots).copied();
        let birth = Birth {
            identity: &solo.identity,
            shape: solo.shape,
            name: &name,
            pace: solo.pace,
            owner,
            annotations: &[],
        };
        let run = Run::create(stage.fork(), birth)?;
        let (run, _) = run.play(plot.unwrap_or(Plot::Succeed)).await?;
        let ttl = solo.shape.ttl.unwrap_or_default();
        tokio::time::sleep(std::time::Duration::from_secs(ttl.into())).await;
        run.delete();
        stage.wait(solo.gap).await;
    }
}
