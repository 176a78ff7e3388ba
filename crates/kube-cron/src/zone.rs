//! Time zones by name, from the data in the binary: the same answers on every machine, also on one without any data.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::error::{Error, quote};

/// A time zone of the IANA database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(pub(super) TimeZone);

impl Zone {
    /// The zone with this name, in its exact case as for the API server: `Europe/Berlin`, not `europe/berlin`. `Local`
    /// is none, as it would be somewhere else on every machine.
    pub fn named(name: &str) -> Result<Self, Error> {
        // jiff passes over case, so that an error can name the zone that was meant.
        let found = TimeZoneDatabase::bundled().get(name).ok();
        let exact = found.as_ref().and_then(TimeZone::iana_name);
        if exact == Some(name) {
            return found.map(Self).ok_or_else(|| unknown(name, None));
        }
        Err(unknown(name, exact))
    }

    /// The name it was found by.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or_default()
    }
}

/// UTC.
impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

fn unknown(name: &str, exact: Option<&str>) -> Error {
    Error::UnknownZone {
        name: quote(name),
        exact: exact.map(str::to_owned),
    }
}
