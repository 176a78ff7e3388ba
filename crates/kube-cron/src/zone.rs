//! Time zones by name, from the data in the binary. Results are the same on every machine.

use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};

use super::{
    Seconds,
    error::{Error, quote},
};

/// The similarity of a name that may be meant, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.9;
/// No name is this long.
const MAX_SIMILAR_BYTES: usize = 64;

/// A time zone of the IANA database.
///
/// Cheap to clone. The default is UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(pub(super) TimeZone);

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Looks up a time zone by its name, such as `Europe/Berlin`.
    ///
    /// Names are case-sensitive, as for the API server. `Local` is not a name: it would be a different zone on every
    /// machine.
    ///
    /// # Errors
    ///
    /// Returns [`Error::UnknownZone`] if no zone has this name. The error suggests a name that differs only in case.
    ///
    /// # Examples
    ///
    /// ```
    /// use kube_cron::Zone;
    ///
    /// assert_eq!(Zone::named("Europe/Berlin")?.name(), "Europe/Berlin");
    ///
    /// let error = Zone::named("europe/berlin").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "`europe/berlin` is not a time zone, but `Europe/Berlin` is"
    /// );
    /// # Ok::<(), kube_cron::Error>(())
    /// ```
    pub fn named(name: &str) -> Result<Self, Error> {
        // jiff ignores case, so the error can suggest the right name.
        let found = TimeZoneDatabase::bundled().get(name).ok();
        let exact = found.as_ref().and_then(TimeZone::iana_name);
        if exact == Some(name) {
            return found.map(Self).ok_or_else(|| unknown(name, None));
        }
        Err(unknown(name, exact))
    }

    /// The name of a time zone that `name` may be meant for: it differs in case, is a city without its region, or is
    /// misspelt. `None` if no name is similar.
    ///
    /// It compares `name` with all names, which takes much longer than [`named`](Self::named). Use it for people at a
    /// terminal, not for each object of an API.
    ///
    /// # Examples
    ///
    /// ```
    /// use kube_cron::Zone;
    ///
    /// assert_eq!(Zone::similar_name("Europe/Berln").as_deref(), Some("Europe/Berlin"));
    /// assert_eq!(Zone::similar_name("new york").as_deref(), Some("America/New_York"));
    /// assert_eq!(Zone::similar_name("CronJob"), None);
    /// ```
    #[must_use]
    pub fn similar_name(name: &str) -> Option<String> {
        if name.len() > MAX_SIMILAR_BYTES {
            return None;
        }
        let wanted = name.trim().replace(' ', "_").to_ascii_lowercase();
        let database = TimeZoneDatabase::bundled();
        let scored = database.available().map(|known| {
            let lower = known.as_str().to_ascii_lowercase();
            let city = lower.rsplit_once('/').map_or(&lower[..], |(_, city)| city);
            // A region that fits is worth more than none.
            let similarity = strsim::jaro_winkler(&wanted, &lower);
            let similarity = similarity.max(strsim::jaro_winkler(&wanted, city) - 0.01);
            (similarity, known.as_str().to_owned())
        });
        scored
            .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, known)| known)
    }

    /// The time zone as jiff has it, for local times.
    #[must_use]
    pub fn time_zone(&self) -> &TimeZone {
        &self.0
    }

    /// The IANA name, such as `Europe/Berlin`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or_default()
    }

    /// How far local time is ahead of UTC at the time `at`, in seconds. 0 for a time before the year -9999 or after 9999.
    ///
    /// # Examples
    ///
    /// ```
    /// use kube_cron::Zone;
    ///
    /// let berlin = Zone::named("Europe/Berlin")?;
    /// assert_eq!(berlin.offset(1_782_864_000), 7_200); // 1 July 2026
    /// assert_eq!(berlin.offset(1_795_824_000), 3_600); // 28 November 2026
    /// # Ok::<(), kube_cron::Error>(())
    /// ```
    #[must_use]
    pub fn offset(&self, at: Seconds) -> Seconds {
        let at = Timestamp::from_second(at);
        at.map_or(0, |at| self.0.to_offset(at).seconds().into())
    }
}

impl Default for Zone {
    /// Returns [`Zone::UTC`].
    fn default() -> Self {
        Self::UTC
    }
}

fn unknown(name: &str, suggestion: Option<&str>) -> Error {
    Error::UnknownZone {
        name: quote(name),
        suggestion: suggestion.map(str::to_owned),
    }
}
