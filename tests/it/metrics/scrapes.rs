//! Scrapes as a whole: their chunks, their moment, their duration.

use super::*;

#[test]
fn a_large_scrape_has_bounded_chunks_and_contiguous_families() {
    let mut jobs = records::jobs(5_000);
    for job in &mut jobs[..2_000] {
        let workload = WorkloadRef {
            kind: "job".into(),
            name: job.name.to_shared(),
        };
        *job = job.clone().with_workload(workload);
    }
    let metrics = metrics(vec![records::target(None, jobs, Vec::new())]);
    for format in FORMATS {
        let chunks: Vec<_> = metrics.scrape(format).collect();
        assert!(chunks.len() > 10);
        assert!(chunks.iter().all(|chunk| chunk.len() < 512 * 1024));
        let families = checker::check(format, std::str::from_utf8(&chunks.concat()).unwrap());
        assert_eq!(families["batch_job_state"].samples.len(), 5_000);
        assert_eq!(families["batch_workload_info"].samples.len(), 3_000);
    }
}

#[test]
fn a_scrape_shows_the_state_at_its_start() {
    let target = Arc::new(TargetStore::new(None, Arc::default()));
    let feed = target.clone().register(FeedScope::Jobs(None));
    feed.push(Update::Jobs(Change::Replaced(records::jobs(2_000))));
    let metrics = metrics(vec![target]);
    let mut scrape = metrics.scrape(Format::Text);
    let mut text = scrape.next().unwrap().to_vec();
    feed.push(Update::Jobs(Change::Replaced(Vec::new())));
    text.extend(scrape.flatten());
    let families = checker::check(Format::Text, std::str::from_utf8(&text).unwrap());
    assert_eq!(families["batch_job_failed_pods"].samples.len(), 2_000);
}

#[test]
fn only_complete_scrapes_are_observed() {
    let metrics = metrics(vec![records::target(None, Vec::new(), Vec::new())]);
    drop(metrics.scrape(Format::Text));
    let observed = || {
        let families = check(&metrics, Format::Text);
        let samples = &families["job_status_exporter_scrape_duration_seconds"].samples;
        samples.last().unwrap().value
    };
    assert!((observed() - 0.0).abs() < f64::EPSILON);
    assert!((observed() - 1.0).abs() < f64::EPSILON);
}

#[test]
fn a_scrape_can_be_sent_to_another_thread() {
    fn assert_send<T: Send + 'static>() {}
    assert_send::<Scrape>();
}

#[test]
fn a_name_is_escaped_among_others_that_need_no_escaping() {
    let mut jobs = records::jobs(3);
    let special = "a\"b\\c\nd";
    jobs[1].name = special.into();
    let metrics = metrics(vec![records::target(None, jobs, Vec::new())]);
    for format in FORMATS {
        for family in ["batch_job_state", "batch_job_info"] {
            let families = check(&metrics, format);
            let samples = &families[family].samples;
            let names = samples.iter().map(|sample| label(sample, "job_name"));
            assert_eq!(names.filter(|name| *name == special).count(), 1);
        }
    }
}
