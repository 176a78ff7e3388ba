//! Writes each event as one line of text or JSON: its time, level and message, the fields of its spans, and its own fields.
//!
//! Fields of spans and events are in one flat list, so `target` has the same place whether the event or a span has it. Names
//! are unique: the innermost field with a name wins.

use std::{
    fmt::{self, Write as _},
    io::Write as _,
};

use serde::{Serialize, Serializer};
use serde_json::Value;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    fmt::MakeWriter,
    layer::Context,
    registry::{LookupSpan, Scope},
};

use crate::{cli::LogFormat, model};

/// A layer that writes lines to its output.
pub(super) struct LineLayer<Output> {
    pub(super) format: LogFormat,
    /// Whether levels in text have colors.
    pub(super) colors: bool,
    pub(super) output: Output,
}

/// The field of the message in events of `tracing`.
const MESSAGE: &str = "message";

/// Names and values, in order.
#[derive(Default)]
struct Fields(Vec<(&'static str, Value)>);

// === impl LineLayer ===

impl<S, Output> Layer<S> for LineLayer<Output>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    Output: for<'a> MakeWriter<'a> + 'static,
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
        let time = format!("{:.6}", model::now());
        let level = *event.metadata().level();
        let mut fields = Fields::default();
        if self.format == LogFormat::Json {
            fields.set("timestamp", time.as_str());
            fields.set("level", level.as_str());
        }
        // Reserves the position of the message. The event sets the text.
        fields.set(MESSAGE, "");
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(Scope::from_root)
        {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                for (name, value) in &of_span.0 {
                    fields.set(name, value.clone());
                }
            }
        }
        event.record(&mut fields);
        let line = match self.format {
            LogFormat::Json => serde_json::to_string(&fields).ok(),
            LogFormat::Text => fields.text(&time, &self.level(level)).ok(),
        };
        if let Some(line) = line {
            // If standard error is closed, the error cannot be reported.
            let _ = self
                .output
                .make_writer()
                .write_all(format!("{line}\n").as_bytes());
        }
    }
}

impl<Output> LineLayer<Output> {
    /// A level in five columns.
    fn level(&self, level: Level) -> String {
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
    fn text(&self, time: &str, level: &str) -> Result<String, fmt::Error> {
        let mut line = format!("{time} {level}");
        for (name, value) in &self.0 {
            match value {
                Value::String(text) if *name == MESSAGE => write!(line, " {}", one_line(text))?,
                Value::String(text) if is_word(text) => write!(line, " {name}={text}")?,
                Value::String(text) => write!(line, " {name}={text:?}")?,
                other => write!(line, " {name}={other}")?,
            }
        }
        Ok(line)
    }
}

/// Whether `text` needs no quotes: nobody mistakes its end or its parts.
fn is_word(text: &str) -> bool {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"\"\\=".contains(c);
    !text.is_empty() && text.chars().all(is_plain)
}

/// Escapes what would break the line or change the terminal.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
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
        self.set(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), format!("{value:?}"));
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
