//! What surrounds each page: its head, navigation, the health of the targets, and the footer.

use jiff::Timestamp;

use super::{
    Site,
    assets::{ASSETS, Assets},
    links::Root,
    look::Look,
    moment::Moment,
};
use crate::{
    model::Seconds,
    status::{Reach, TargetHealth, phrases},
};

/// The pages of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Workloads,
    Targets,
    Configuration,
}

/// The frame of one page. The template `layout.html` shows it.
pub(super) struct Frame {
    /// The way to the other pages.
    pub(super) root: Root,
    pub(super) title: String,
    pub(super) section: Section,
    pub(super) as_of: String,
    /// Which shard this is: the workloads of the others are on their own pages.
    pub(super) shard: Option<String>,
    /// The health of all targets in a few words.
    pub(super) health: String,
    pub(super) health_look: Look,
    /// Targets that cannot be read, or not completely.
    pub(super) outages: Vec<Outage>,
    /// The path of the metrics without its leading slash.
    pub(super) metrics: String,
    /// The address of the page for users, if it is known.
    pub(super) canonical: Option<String>,
    pub(super) assets: &'static Assets,
    pub(super) version: &'static str,
}

/// A target whose facts are old or incomplete.
pub(super) struct Outage {
    pub(super) look: Look,
    pub(super) target: String,
    /// What is wrong, and how old its facts are.
    pub(super) text: String,
    pub(super) last_contact: Option<Moment>,
}

impl Frame {
    /// The frame of the page at `path`, below the root of the pages.
    pub(super) fn new(
        path: &str,
        section: Section,
        title: String,
        targets: &[TargetHealth],
        now: Seconds,
        site: &Site,
    ) -> Self {
        let outages: Vec<_> = targets
            .iter()
            .filter_map(|target| Outage::new(target, now))
            .collect();
        let bad = outages.iter().filter(|it| it.look == Look::Bad).count();
        let noun = if targets.len() == 1 {
            "target"
        } else {
            "targets"
        };
        let (health, health_look) = match (targets.len(), bad, outages.len()) {
            (0, ..) => ("no targets".to_owned(), Look::Waiting),
            (all, 0, 0) => (format!("{all} {noun} up"), Look::Fine),
            (all, 0, partly) => (
                format!("{partly} of {all} {noun} incomplete"),
                Look::Warning,
            ),
            (all, bad, _) => (format!("{bad} of {all} {noun} down"), Look::Bad),
        };
        Self {
            root: Root::from(path),
            title,
            section,
            as_of: phrases::time(now),
            shard: targets
                .first()
                .and_then(|target| target.shard)
                .map(|shard| shard.to_string()),
            health,
            health_look,
            outages,
            metrics: site.metrics.clone(),
            canonical: site.canonical(path),
            assets: &ASSETS,
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// The same without the outages, for a page that shows them itself.
    pub(super) fn without_outages(self) -> Self {
        Self {
            outages: Vec::new(),
            ..self
        }
    }

    /// The value of `aria-current` for a page of the navigation.
    pub(super) fn is(&self, section: Section) -> bool {
        self.section == section
    }
}

impl Outage {
    /// `None` if all of the target is read, and up to date.
    fn new(target: &TargetHealth, now: Seconds) -> Option<Self> {
        let look = match target.reach {
            Reach::Up if target.synced => return None,
            Reach::Up => Look::Waiting,
            Reach::Partly => Look::Warning,
            Reach::Down => Look::Bad,
        };
        let last_contact = target.last_success.map(Timestamp::as_second);
        Some(Self {
            look,
            target: target_name(target.name.as_deref()).to_owned(),
            text: phrases::health(target),
            last_contact: last_contact.map(|at| Moment::relative(at, now)),
        })
    }
}

/// The name of a target for people.
pub(super) fn target_name(name: Option<&str>) -> &str {
    name.unwrap_or("default")
}
