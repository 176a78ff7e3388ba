//! Configurations for tests and fuzz targets.

use super::{Config, ENVIRONMENT_PREFIX, Inputs, load};

/// The configuration from these variables, whose names lack the prefix.
#[allow(clippy::unwrap_used, reason = "a mistake in it is one of the test")]
pub(crate) fn from_variables(variables: &[(&str, &str)]) -> Config {
    let variable = |(name, value): &(&str, &str)| {
        let name = format!("{ENVIRONMENT_PREFIX}{name}");
        (name.into(), (*value).into())
    };
    let inputs = Inputs {
        environment: variables.iter().map(variable).collect(),
        ..Inputs::default()
    };
    load(&inputs).unwrap()
}
