//! Whose labels and annotations a workload has.

use super::*;

fn saying(severity: &str, invalid: &[&str]) -> WorkloadAnnotations {
    let invalid = invalid
        .iter()
        .map(|value| ("max-duration", Name::from(*value)));
    WorkloadAnnotations {
        severity: Some(severity.into()),
        invalid: invalid.collect(),
        ..WorkloadAnnotations::default()
    }
}

fn invalid(slice: &TargetStore) -> u64 {
    slice.snapshot().status.invalid_annotations
}

fn severity(slice: &TargetStore) -> Option<String> {
    let severity = tick(slice).annotations?.severity?;
    Some(severity.to_string())
}

#[tokio::test(start_paused = true)]
async fn the_cronjob_speaks_before_its_jobs_and_the_latest_job_before_older_ones() {
    let slice = slice();
    let job = |number, severity, team: &str| Job {
        annotations: Some(Box::new(saying(severity, &[]))),
        labels: Some([Name::from(team)].into()),
        ..running(number)
    };
    list(&slice, [job(2, "second", "b"), job(1, "first", "a")]);
    assert_eq!(severity(&slice).as_deref(), Some("second"));
    let spoken = CronJob {
        annotations: Some(Box::new(saying("cronjob", &[]))),
        labels: Some([Name::from("c")].into()),
        ..cronjob("c")
    };
    apply_cronjob(&slice, spoken.clone());
    apply(&slice, job(3, "third", "d"));
    assert_eq!(severity(&slice).as_deref(), Some("cronjob"));
    assert_eq!(&*tick(&slice).labels.unwrap()[0], "c");
    // Without the CronJob its last word stands until a Job has something to say.
    slice.push(CRONJOBS, Update::CronJobs(Change::Deleted(spoken)));
    assert_eq!(severity(&slice).as_deref(), Some("cronjob"));
    apply(&slice, job(4, "fourth", "e"));
    assert_eq!(severity(&slice).as_deref(), Some("fourth"));
    assert_eq!(&*tick(&slice).labels.unwrap()[0], "e");
    apply(&slice, running(5));
    assert_eq!(severity(&slice), None);
}

#[tokio::test(start_paused = true)]
async fn an_annotation_that_makes_no_sense_counts_once_while_it_stays() {
    let slice = slice();
    let says = |values: &[&str]| CronJob {
        annotations: Some(Box::new(saying("page", values))),
        ..cronjob("c")
    };
    // Its Jobs have it from the template.
    let job = |number| Job {
        annotations: Some(Box::new(saying("page", &["soon"]))),
        ..running(number)
    };
    apply(&slice, job(1));
    assert_eq!(invalid(&slice), 1);
    apply(&slice, job(2));
    apply_cronjob(&slice, says(&["soon"]));
    list(&slice, [job(1), job(3)]);
    let list = vec![says(&["soon"])];
    slice.push(CRONJOBS, Update::CronJobs(Change::Replaced(list)));
    assert_eq!(invalid(&slice), 1);
    apply_cronjob(&slice, says(&["later"]));
    assert_eq!(invalid(&slice), 2);
    apply_cronjob(&slice, says(&["later", "never"]));
    assert_eq!(invalid(&slice), 3);
    apply_cronjob(&slice, says(&[]));
    assert_eq!(invalid(&slice), 3);
    apply_cronjob(&slice, says(&["soon"]));
    assert_eq!(invalid(&slice), 4);
}
