//! How values are shown, by their type.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use http::{HeaderName, Uri};
use kube_cron::Zone;

use crate::config::{
    AccessKey, JobReference, LabelScope, LabelSource, ListenAddress, LogLevel, NativeHistograms,
    Pattern, PerJob, duration,
};

/// The value of a setting as people write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// Nothing is set, and there is no default.
    None,
    /// `true` or `false`.
    Bool(bool),
    /// A number in decimal.
    Number(String),
    /// Any other scalar.
    Text(String),
    /// A list.
    List(Vec<String>),
    /// There is a value, and it is not shown.
    Hidden,
}

/// A type whose values can be shown.
pub(super) trait Show {
    fn show(&self) -> SettingValue;
}

impl<T: Show> Show for Option<T> {
    fn show(&self) -> SettingValue {
        self.as_ref().map_or(SettingValue::None, Show::show)
    }
}

impl<T: Show> Show for [T] {
    fn show(&self) -> SettingValue {
        let item = |item: &T| match item.show() {
            SettingValue::None | SettingValue::Hidden => String::new(),
            SettingValue::Bool(value) => value.to_string(),
            SettingValue::Number(text) | SettingValue::Text(text) => text,
            SettingValue::List(items) => items.join(" "),
        };
        SettingValue::List(self.iter().map(item).collect())
    }
}

impl Show for bool {
    fn show(&self) -> SettingValue {
        SettingValue::Bool(*self)
    }
}

/// Numbers.
macro_rules! show_numbers {
    ($($number:ty),+) => {
        $(impl Show for $number {
            fn show(&self) -> SettingValue {
                SettingValue::Number(self.to_string())
            }
        })+
    };
}

show_numbers!(u32, u64, usize, f64);

/// Types that have a text without secrets.
macro_rules! show_texts {
    ($($kind:ty = |$value:ident| $text:expr,)+) => {
        $(impl Show for $kind {
            fn show(&self) -> SettingValue {
                let $value = self;
                SettingValue::Text($text)
            }
        })+
    };
}

show_texts! {
    str = |text| text.to_owned(),
    String = |text| text.clone(),
    Duration = |time| duration::format(*time),
    Path = |path| path.display().to_string(),
    PathBuf = |path| path.display().to_string(),
    Uri = |uri| uri.to_string(),
    HeaderName = |name| name.to_string(),
    Pattern = |pattern| pattern.to_string(),
    Zone = |zone| zone.name().to_owned(),
    ListenAddress = |address| address.to_string(),
    LogLevel = |level| level.as_str().to_owned(),
    JobReference = |job| format!("{}/{}", job.namespace, job.name),
    PerJob = |jobs| match jobs {
        PerJob::All => "all",
        PerJob::Active => "active",
        PerJob::None => "none",
    }
    .to_owned(),
    NativeHistograms = |shown| match shown {
        NativeHistograms::None => "none",
        NativeHistograms::Both => "both",
        NativeHistograms::Only => "only",
    }
    .to_owned(),
    LabelScope = |scope| match scope {
        LabelScope::Info => "info",
        LabelScope::All => "all",
    }
    .to_owned(),
    LabelSource = |source| match source {
        LabelSource::Label(key) => key.clone(),
        LabelSource::Annotation(key) => format!("annotation:{key}"),
    },
}

/// The id of an access key is half of a login.
impl Show for AccessKey {
    fn show(&self) -> SettingValue {
        match self {
            Self::Given(_) => SettingValue::Hidden,
            Self::File(path) => path.show(),
        }
    }
}
