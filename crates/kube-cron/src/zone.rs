//! Time zones by name, from the data in the binary. Results are the same on every machine.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::error::{Error, quote};

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

    /// The IANA name, such as `Europe/Berlin`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or_default()
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
