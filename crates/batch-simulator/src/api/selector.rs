//! Label and field selectors, with the grammar and the errors of a real server.
//!
//! [`super::handler`] parses a [`Filter`]; [`super::list`] and [`super::watch`] call [`Filter::matches`]. The label operators `>` and
//! `<` are not supported. The supported fields are `metadata.name`, `metadata.namespace` and, for pods, `status.phase`.

use super::{
    error::ApiError,
    object::{Kind, Object},
};

mod labels;
mod shards;

use labels::Requirement;
use shards::ShardSelector;

/// The objects that a request selects.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub(super) kind: Kind,
    /// `None` for all namespaces.
    namespace: Option<String>,
    labels: Vec<Requirement>,
    fields: Vec<FieldRequirement>,
    shards: Option<ShardSelector>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldRequirement {
    field: Field,
    value: String,
    equal: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Name,
    Namespace,
    Phase,
}

// === impl Filter ===

impl Filter {
    pub(super) fn parse(
        kind: Kind,
        namespace: Option<&str>,
        label_selector: &str,
        field_selector: &str,
    ) -> Result<Self, ApiError> {
        let fields = field_selector.split(',').filter(|part| !part.is_empty());
        Ok(Self {
            kind,
            namespace: namespace.map(str::to_owned),
            labels: labels::parse(label_selector).map_err(ApiError::bad_request)?,
            fields: fields
                .map(|part| FieldRequirement::parse(kind, part))
                .collect::<Result<_, _>>()?,
            shards: None,
        })
    }

    /// The same objects, those in these ranges of hashes only. `None` or an empty text selects all.
    pub(super) fn of_shards(self, selector: Option<&str>) -> Result<Self, ApiError> {
        let selector = selector.filter(|selector| !selector.is_empty());
        let shards = selector.map(ShardSelector::parse).transpose();
        Ok(Self {
            shards: shards.map_err(ApiError::bad_request)?,
            ..self
        })
    }

    /// The selector of hashes, as a list repeats it.
    pub(super) fn shard_selector(&self) -> Option<&str> {
        self.shards.as_ref().map(ShardSelector::as_str)
    }

    /// The prefix of the keys of matching objects.
    pub(super) fn prefix(&self) -> String {
        let namespace = self.namespace.as_ref();
        namespace.map_or_else(String::new, |namespace| format!("{namespace}/"))
    }

    /// Whether the request has a selector. A server then omits `remainingItemCount`, because it does not read the rest.
    pub(super) fn has_selector(&self) -> bool {
        !self.labels.is_empty() || !self.fields.is_empty() || self.shards.is_some()
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        let namespace = self.namespace.as_deref();
        object.kind == self.kind
            && namespace.is_none_or(|namespace| namespace == object.namespace())
            && self.labels.iter().all(|r| r.matches(&object.labels))
            && self.fields.iter().all(|r| r.matches(object))
            && (self.shards.as_ref()).is_none_or(|shards| shards.matches(object.namespace()))
    }
}

// === impl FieldRequirement ===

impl FieldRequirement {
    fn parse(kind: Kind, part: &str) -> Result<Self, ApiError> {
        let (field, operator) = part.split_once('=').ok_or_else(|| {
            ApiError::bad_request(format!(
                "invalid selector: '{part}'; can't understand '{part}'"
            ))
        })?;
        let (field, equal) = match field.strip_suffix('!') {
            Some(field) => (field, false),
            None => (field, true),
        };
        let value = match operator.strip_prefix('=') {
            Some(value) if equal => value,
            _ => operator,
        };
        let field = match field {
            "metadata.name" => Field::Name,
            "metadata.namespace" => Field::Namespace,
            "status.phase" if kind == Kind::Pod => Field::Phase,
            other => return Err(ApiError::bad_request(unknown_field(kind, other))),
        };
        Ok(Self {
            field,
            value: value.to_owned(),
            equal,
        })
    }

    fn matches(&self, object: &Object) -> bool {
        let value = match self.field {
            Field::Name => object.name(),
            Field::Namespace => object.namespace(),
            Field::Phase => &object.phase,
        };
        (value == self.value) == self.equal
    }
}

fn unknown_field(kind: Kind, field: &str) -> String {
    match kind {
        Kind::Job => format!("field label {field:?} not supported for Job"),
        Kind::CronJob => format!(
            "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        ),
        Kind::Pod | Kind::Namespace => format!("field label not supported: {field}"),
    }
}

#[cfg(test)]
mod tests;
