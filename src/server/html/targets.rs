//! `/targets`: what is read from where, and what fails.

use askama::Template;
use jiff::Timestamp;

use super::{
    Site,
    frame::{Frame, Section, target_name},
    look::Look,
    moment::Moment,
};
use crate::{
    model::{Credential, CredentialExpiry, Renewable, Seconds},
    status::{Reach, TargetDetail, TargetHealth, VerbRequests, phrases},
    store::{FeedHealth, UndecodableObject},
};

/// The page.
#[derive(Template)]
#[template(path = "targets.html")]
pub(super) struct TargetsPage {
    frame: Frame,
    targets: Vec<Target>,
}

/// A target.
struct Target {
    look: Look,
    name: String,
    health: String,
    facts: Vec<(&'static str, String)>,
    last_contact: Option<Moment>,
    failing: Vec<FailingFeed>,
    /// Failing feeds beyond those that are listed.
    more_failing: usize,
    credentials: Vec<CredentialRow>,
    requests: Vec<RequestRow>,
    restarts: Vec<String>,
    undecodable: Vec<String>,
    undecodable_count: usize,
    missing_jobs: Vec<String>,
    missing_count: usize,
}

/// A feed whose last attempt failed.
struct FailingFeed {
    feed: String,
    since: Moment,
    last_attempt: Moment,
    last_success: Option<Moment>,
    error: String,
    hint: Option<&'static str>,
}

struct CredentialRow {
    name: &'static str,
    expires: Moment,
    renewal: &'static str,
    look: Look,
}

struct RequestRow {
    verb: &'static str,
    codes: String,
    duration: String,
}

impl TargetsPage {
    pub(super) fn new(path: &str, details: &[TargetDetail], now: Seconds, site: &Site) -> Self {
        let health: Vec<TargetHealth> = details.iter().map(|it| it.health.clone()).collect();
        let title = "Targets".to_owned();
        Self {
            // The table says it in more detail.
            frame: Frame::new(path, Section::Targets, title, &health, now, site).without_outages(),
            targets: details.iter().map(Target::new).collect(),
        }
    }
}

impl Target {
    fn new(detail: &TargetDetail) -> Self {
        let health = &detail.health;
        let now = detail.now;
        let failing: Vec<_> = detail
            .feeds
            .iter()
            .filter_map(|it| FailingFeed::new(it, now))
            .collect();
        let last_contact = health.last_success.map(Timestamp::as_second);
        let status = &detail.status;
        Self {
            look: match health.reach {
                Reach::Up if health.synced => Look::Fine,
                Reach::Up => Look::Waiting,
                Reach::Partly => Look::Warning,
                Reach::Down => Look::Bad,
            },
            name: target_name(health.name.as_deref()).to_owned(),
            health: phrases::health(health),
            facts: facts(detail),
            last_contact: last_contact.map(|at| Moment::relative(at, now)),
            more_failing: health.failing_feeds.saturating_sub(failing.len()),
            failing,
            credentials: credentials(detail),
            requests: requests(detail),
            restarts: detail
                .watch_restarts
                .iter()
                .map(|(resource, reason, count)| {
                    format!("{} {} × {count}", resource.as_str(), reason.as_str())
                })
                .collect(),
            undecodable: detail.undecodable.iter().map(undecodable).collect(),
            undecodable_count: status.undecodable_jobs + status.undecodable_cronjobs,
            missing_jobs: detail
                .missing_jobs
                .iter()
                .map(|(namespace, name)| format!("{namespace}/{name}"))
                .collect(),
            missing_count: health.missing_jobs,
        }
    }
}

fn facts(detail: &TargetDetail) -> Vec<(&'static str, String)> {
    let status = &detail.status;
    let mut facts = Vec::new();
    if let Some(description) = &detail.description {
        let api = if description.cci {
            "Huawei Cloud CCI"
        } else {
            "Kubernetes"
        };
        facts.push(("API", api.to_owned()));
        if let Some(address) = &description.address {
            facts.push(("Address", address.clone()));
        }
        facts.push(("Mode", phrases::mode(&description.mode).to_owned()));
        facts.push(("Scope", phrases::scope(&description.mode)));
    }
    if let Some(shard) = detail.shard {
        facts.push(("Shard", phrases::shard(shard, detail.shard_reading)));
    }
    let known = |count: usize| {
        if status.synced {
            count.to_string()
        } else {
            "not known yet".to_owned()
        }
    };
    facts.push(("Workloads", detail.health.workloads.to_string()));
    facts.push(("Jobs", known(status.jobs)));
    facts.push(("CronJobs", known(status.cronjobs)));
    facts.push((
        "Feeds",
        format!("{}, {} failing", status.feeds, status.failing_feeds),
    ));
    for (name, count) in [
        ("Invalid annotations", status.invalid_annotations),
        ("Label values cut", status.truncated_values),
        ("Workloads left out", status.dropped_workloads),
    ] {
        if count > 0 {
            facts.push((name, count.to_string()));
        }
    }
    facts
}

fn credentials(detail: &TargetDetail) -> Vec<CredentialRow> {
    let row = |(credential, expiry): &(Credential, CredentialExpiry)| {
        let at = expiry.at.as_second();
        let is_renewed = expiry.renewable == Renewable::Yes;
        CredentialRow {
            name: credential.as_str(),
            expires: Moment::relative(at, detail.now),
            renewal: if is_renewed {
                "renewed by itself"
            } else {
                "to be renewed by hand"
            },
            look: if at <= detail.now {
                Look::Bad
            } else {
                Look::Fine
            },
        }
    };
    detail.credentials.iter().map(row).collect()
}

fn requests(detail: &TargetDetail) -> Vec<RequestRow> {
    let row = |requests: &VerbRequests| {
        let codes = requests.codes.iter();
        let codes: Vec<_> = codes
            .map(|(code, count)| format!("{} × {count}", code.as_str()))
            .collect();
        RequestRow {
            verb: requests.verb.as_str(),
            codes: codes.join(", "),
            duration: format!("{:.1} ms", requests.average_duration * 1000.0),
        }
    };
    detail.requests.iter().map(row).collect()
}

fn undecodable(object: &UndecodableObject) -> String {
    format!(
        "{} {}/{}",
        object.resource.as_str(),
        object.namespace,
        object.name
    )
}

impl FailingFeed {
    fn new(feed: &FeedHealth, now: Seconds) -> Option<Self> {
        let failure = feed.failure.as_ref()?;
        let moment = |at: Timestamp| Moment::relative(at.as_second(), now);
        Some(Self {
            feed: phrases::feed(&feed.scope),
            since: moment(failure.since),
            last_attempt: moment(failure.last_attempt),
            last_success: feed.last_success.map(moment),
            error: failure.error.message.to_string(),
            hint: failure.error.hint,
        })
    }
}
