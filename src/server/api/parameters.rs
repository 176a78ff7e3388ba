//! Parses the query of a request.
//!
//! The names of the parameters are those that the `OpenAPI` document has for the same type. Others are refused: a filter with a
//! typo must not return everything.

use std::ops::RangeInclusive;

use percent_encoding::percent_decode_str;
use utoipa::IntoParams;

use super::answer::{ApiError, quoted};
use crate::{server::data::PageData, status::UNNAMED_TARGET};

/// The last page that can be asked for.
const MAX_PAGE: usize = 1_000_000;

/// The query of a request. Its values are taken one by one.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

/// The query of a resource without parameters.
#[derive(IntoParams)]
pub(super) struct NoParameters {}

impl Parameters {
    /// The values of the parameters that `P` documents.
    pub(super) fn parse<P: IntoParams>(query: Option<&str>) -> Result<Self, ApiError> {
        let known: Vec<_> = P::into_params(|| None)
            .into_iter()
            .map(|parameter| parameter.name)
            .collect();
        let mut values = Vec::new();
        let parameters = query.unwrap_or_default().split('&');
        for parameter in parameters.filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !known.contains(&name) {
                return Err(unknown_parameter(&name, &known));
            }
            values.push((name, value));
        }
        Ok(Self(values))
    }

    /// All values of a parameter.
    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.0.iter().filter(move |(key, _)| key == name);
        values.map(|(_, value)| value.as_str())
    }

    /// The text of a parameter, possibly empty.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, ApiError> {
        let mut values = self.all(name);
        let value = values.next().map(str::to_owned);
        match values.next() {
            Some(_) => Err(ApiError::BadData(format!("`{name}` is given twice"))),
            None => Ok(value),
        }
    }

    /// A name to filter by.
    pub(super) fn name(&self, name: &str) -> Result<Option<String>, ApiError> {
        let value = self.text(name)?;
        match value.as_deref() {
            Some("") => Err(ApiError::BadData(format!("`{name}` is empty"))),
            _ => Ok(value),
        }
    }

    /// The target to filter by, if there is one of that name.
    pub(super) fn target(&self, data: &dyn PageData) -> Result<Option<String>, ApiError> {
        let target = self.name("target")?;
        let Some(asked) = &target else {
            return Ok(None);
        };
        let targets = data.store().targets();
        let names = targets.iter().map(|it| it.name().unwrap_or(UNNAMED_TARGET));
        let names: Vec<_> = names.collect();
        if !names.contains(&asked.as_str()) {
            let (asked, names) = (quoted(asked), names.join(", "));
            let error = format!("there is no target {asked}; targets: {names}");
            return Err(ApiError::NotFound(error));
        }
        Ok(target)
    }

    /// A number within bounds.
    pub(super) fn number(
        &self,
        name: &str,
        bounds: RangeInclusive<usize>,
    ) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let has_digits_only = text.bytes().all(|digit| digit.is_ascii_digit());
        let number = text.parse().ok().filter(|_| has_digits_only);
        match number.filter(|number| bounds.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(ApiError::BadData(format!(
                "`{name}` is {}, not a number from {} to {}",
                quoted(&text),
                bounds.start(),
                bounds.end()
            ))),
        }
    }

    /// The number of the page, from 1.
    pub(super) fn page(&self) -> Result<usize, ApiError> {
        Ok(self.number("page", 1..=MAX_PAGE)?.unwrap_or(1))
    }

    /// A value of a closed set.
    pub(super) fn one_of<T: Copy>(
        &self,
        name: &str,
        values: &[T],
        label: fn(T) -> &'static str,
    ) -> Result<Option<T>, ApiError> {
        let text = self.text(name)?;
        text.map(|text| find(name, &text, values, label))
            .transpose()
    }

    /// Values of a closed set, in any number.
    pub(super) fn any_of<T: Copy>(
        &self,
        name: &str,
        values: &[T],
        label: fn(T) -> &'static str,
    ) -> Result<Vec<T>, ApiError> {
        let texts = self.all(name);
        texts.map(|text| find(name, text, values, label)).collect()
    }
}

fn find<T: Copy>(
    name: &str,
    text: &str,
    values: &[T],
    label: fn(T) -> &'static str,
) -> Result<T, ApiError> {
    let found = values.iter().find(|value| label(**value) == text);
    found.copied().ok_or_else(|| {
        let labels: Vec<_> = values.iter().map(|value| label(*value)).collect();
        let (text, labels) = (quoted(text), labels.join(", "));
        ApiError::BadData(format!("`{name}` is {text}, not one of: {labels}"))
    })
}

/// Decodes a name or a value as HTML forms encode it.
fn decode(text: &str) -> Result<String, ApiError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(Into::into).map_err(|_| {
        let text = quoted(text);
        ApiError::BadData(format!("{text} in the query is not UTF-8"))
    })
}

fn unknown_parameter(name: &str, known: &[String]) -> ApiError {
    let name = quoted(name);
    ApiError::BadData(match known {
        [] => format!("there is no parameter {name}: this path takes none"),
        known => format!(
            "there is no parameter {name}; parameters: {}",
            known.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests;
