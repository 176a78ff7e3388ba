//! Writes each event as one line of text or JSON: its time, level and message, the fields of its spans, and its own fields.
//!
//! Fields of spans and events are in one flat list, so `target` has the same place whether the event or a span has it. Names
//! are unique: the innermost field with a name wins.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, Scope},
};

use super::escape;
use crate::{cli::LogFormat, model};

/// A layer that hands each line to `output`.
pub(super) struct LineLayer<Output> {
    pub(super) line: LineFormat,
    pub(super) output: Output,
}

/// How lines look.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineFormat {
    pub(super) format: LogFormat,
    /// Whether levels in text have colors.
    pub(super) colors: bool,
}

/// The field of the message in events of `tracing`.
const MESSAGE: &str = "message";

/// Names and values, in order.
#[derive(Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

// === impl LineLayer ===

impl<S, Output> Layer<S> for LineLayer<Output>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    Output: Fn(String) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let line = self.line.line(*event.metadata().level(), |fields| {
            let scope = context.event_scope(event).into_iter();
            for span in scope.flat_map(Scope::from_root) {
                if let Some(of_span) = span.extensions().get::<Fields>() {
                    for (name, value) in &of_span.0 {
                        fields.set(name, value.clone());
                    }
                }
            }
            event.record(fields);
        });
        (self.output)(line);
    }
}

// === impl LineFormat ===

impl LineFormat {
    /// The line with the fields that `record` sets, and its end.
    pub(super) fn line(self, level: Level, record: impl FnOnce(&mut Fields)) -> String {
        let time = format!("{:.6}", model::now());
        let mut fields = Fields::default();
        if self.format == LogFormat::Json {
            fields.set("timestamp", time.as_str());
            fields.set("level", level.as_str());
        }
        // Reserves the position of the message.
        fields.set(MESSAGE, "");
        record(&mut fields);
        let mut line = match self.format {
            // Names are strings, so this cannot fail.
            LogFormat::Json => escape::json(&serde_json::to_string(&fields).unwrap_or_default()),
            LogFormat::Text => fields.text(&time, &self.level(level)),
        };
        line.push('\n');
        line
    }

    /// The line about dropped ones.
    pub(super) fn notice(self, dropped: u64) -> String {
        self.line(Level::WARN, |fields| {
            let message = "log lines were dropped: standard error was not read in time";
            fields.set(MESSAGE, message);
            fields.set("dropped", dropped);
        })
    }

    /// A level in five columns.
    fn level(self, level: Level) -> String {
        let text = format!("{:>5}", level.as_str());
        let color = match level {
            Level::ERROR => 31,
            Level::WARN => 33,
            Level::INFO => 32,
            Level::DEBUG => 34,
            Level::TRACE => 35,
        };
        if self.colors {
            format!("\u{1b}[{color}m{text}\u{1b}[0m")
        } else {
            text
        }
    }
}

// === impl Fields ===

impl Fields {
    fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        let value = value.into();
        match self.0.iter_mut().find(|(key, _)| *key == name) {
            Some((_, current)) => *current = value,
            None => self.0.push((name, value)),
        }
    }

    /// A line of text: `TIME LEVEL MESSAGE NAME=VALUE...`.
    fn text(&self, time: &str, level: &str) -> String {
        let mut line = format!("{time} {level}");
        for (name, value) in &self.0 {
            line.push(' ');
            if *name != MESSAGE {
                line.push_str(name);
                line.push('=');
            }
            let shown = match value {
                Value::String(text) if *name == MESSAGE => escape::text(text),
                Value::String(text) if escape::is_word(text) => text.clone(),
                Value::String(text) => format!("{text:?}"),
                other => other.to_string(),
            };
            line.push_str(&shown);
        }
        line
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), escape::shortened(format_args!("{value:?}")));
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
