//! Compares the counters with the simulated Jobs themselves, without faults.

use job_status_exporter::model::{Job, JobState, Seconds};

use super::{
    Simulation,
    world::{ADOPTED, BEGIN, HOUR, Life},
};

#[tokio::test(start_paused = true)]
async fn a_month_without_faults_is_counted_exactly() {
    let simulation = Simulation::new(5, 100, false, 0).run().await;
    let last = simulation.now;
    let snapshot = simulation.store.expect("it runs").snapshot();
    let (mut compared, mut missed) = (0, 0);
    // Most CronJobs are not deleted, so the counters of their workloads stay.
    for workload in snapshot.workloads.iter().filter(|it| it.is_cronjob()) {
        let of_workload = |life: &&Life<Job>| {
            let (_, job) = life.states.last().unwrap();
            *job.workload_name() == *workload.id.name
        };
        let lives: Vec<_> = simulation.world.jobs.iter().filter(of_workload).collect();
        // The first lists are complete only after some minutes.
        let early = |life: &&Life<Job>| (BEGIN..BEGIN + HOUR).contains(&life.gone);
        if lives.iter().any(early) || workload.id.name.starts_with(ADOPTED) {
            continue;
        }
        let end = |life: &Life<Job>| life.states.last().and_then(|(_, job)| job.end());
        let ended = |wanted: JobState| {
            let within = |life: &&&Life<Job>| {
                let state = life.states.last().map(|(_, job)| job.state);
                state == Some(wanted) && end(life).is_some_and(|at| (BEGIN..last).contains(&at))
            };
            lives.iter().filter(within).count() as u64
        };
        let unfinished = lives.iter().filter(|life| end(life).is_none());
        let deleted = unfinished.filter(|life| (BEGIN..last).contains(&life.gone));
        let totals = &workload.state.totals;
        assert_eq!(
            totals.succeeded,
            ended(JobState::Complete),
            "{:?}",
            workload.id
        );
        let skipped = simulation.world.skipped.iter();
        let mut skipped = skipped.filter(|(name, _)| *name == workload.id.name);
        // Due times around the first and the last judgement count or not.
        let edges = |due: Seconds| (BEGIN - HOUR..BEGIN + HOUR).contains(&due) || due > last - HOUR;
        if skipped.clone().all(|(_, due)| !edges(*due)) {
            let schedule = workload.state.schedule.as_deref().unwrap();
            let skipped = skipped.by_ref().filter(|(_, due)| *due > BEGIN).count();
            assert_eq!(schedule.missed, skipped as u64, "{:?}", workload.id);
            missed += skipped;
        }
        assert_eq!(totals.failed, ended(JobState::Failed), "{:?}", workload.id);
        assert_eq!(totals.deleted, deleted.count() as u64, "{:?}", workload.id);
        compared += 1;
    }
    assert!(compared > 50 && missed > 30, "{compared} {missed}");
}
