//! Which acts are looked for.

use clap::Args;
use flip_protocol::UnixMillis;
use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime};
use utoipa::IntoParams;

use super::{Deed, Who};

/// As it is asked for: by the command line, a page or a program. An empty part asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Serialize, Deserialize, IntoParams)]
#[serde(default)]
pub struct Asked {
    /// Only what this person or Trust did, by name; or `command_line`, or `hub`
    #[arg(long, default_value = "", hide_default_value = true)]
    pub who: String,
    /// Only acts of this name, such as query_asked
    #[arg(long, default_value = "", hide_default_value = true)]
    pub act: String,
    /// Only what was done in this project, by id or name
    #[arg(long, default_value = "", hide_default_value = true)]
    pub project: String,
    /// Only what this Trust did or was done to it, by id or name
    #[arg(long, default_value = "", hide_default_value = true)]
    pub trust: String,
    /// Not before this day or moment in UTC, such as 2026-11-23 or 2026-11-23T18:04:05Z
    #[arg(long, default_value = "", hide_default_value = true, value_name = "WHEN")]
    pub from: String,
    /// Not after this day or moment
    #[arg(long, default_value = "", hide_default_value = true, value_name = "WHEN")]
    pub until: String,
}

/// What is looked for, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// A person's or Trust's name, or a kind of [`Who`].
    pub who: Option<String>,
    /// An act's name.
    pub act: Option<&'static str>,
    /// A project's id or name.
    pub project: Option<String>,
    /// A Trust's id or name.
    pub trust: Option<String>,
    /// The first moment.
    pub from: Option<UnixMillis>,
    /// The first moment that is too late.
    pub before: Option<UnixMillis>,
}

/// What is wrong with what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFilter {
    /// No act has that name.
    #[error("no act is named {0:?}; docs/AUDIT.md lists them, such as signed_in or query_asked")]
    NoAct(String),
    /// Not a time.
    #[error("{0:?} is no time; write a day such as 2026-11-23, or a moment such as 2026-11-23T18:04:05Z")]
    NoTime(String),
}

impl Asked {
    /// What is looked for.
    pub fn filter(&self) -> Result<Filter, BadFilter> {
        let part = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let act = match part(&self.act) {
            None => None,
            Some(act) => {
                let known = Deed::ALL.iter().map(|(known, ..)| *known).find(|known| *known == act);
                Some(known.ok_or(BadFilter::NoAct(act))?)
            }
        };
        Ok(Filter {
            who: part(&self.who),
            act,
            project: part(&self.project),
            trust: part(&self.trust),
            from: part(&self.from).map(|text| moment(&text, Bound::First)).transpose()?,
            before: part(&self.until).map(|text| moment(&text, Bound::Last)).transpose()?,
        })
    }

    /// In words, for the act that notes an export; empty where everything is asked for.
    pub fn words(&self) -> String {
        let parts = [
            ("who", &self.who),
            ("act", &self.act),
            ("project", &self.project),
            ("trust", &self.trust),
            ("from", &self.from),
            ("until", &self.until),
        ];
        let parts = parts.into_iter().filter(|(_, text)| !text.trim().is_empty());
        parts.map(|(name, text)| format!("{name} {}", text.trim())).collect::<Vec<_>>().join(", ")
    }
}

impl Filter {
    /// Whether `who` is a kind of who does things, and no name.
    pub fn kind(&self) -> Option<&str> {
        self.who.as_deref().filter(|who| Who::KINDS.contains(who))
    }
}

#[derive(Clone, Copy)]
enum Bound {
    First,
    Last,
}

/// The first moment of what the text names, or the first one after it.
fn moment(text: &str, bound: Bound) -> Result<UnixMillis, BadFilter> {
    let bad = || BadFilter::NoTime(text.to_owned());
    let (begins, lasts) = if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
        (moment, Duration::SECOND)
    } else {
        let day = Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| bad())?;
        (day.midnight().assume_utc(), Duration::DAY)
    };
    let moment = match bound {
        Bound::First => begins,
        Bound::Last => begins.checked_add(lasts).ok_or_else(bad)?,
    };
    u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).map(UnixMillis).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_include_their_end_and_what_is_no_time_or_act_is_named() {
        let asked =
            |from: &str, until: &str| Asked { from: from.into(), until: until.into(), ..Asked::default() };
        let day = asked("1970-01-02", "1970-01-02").filter().unwrap();
        assert_eq!((day.from, day.before), (Some(UnixMillis(86_400_000)), Some(UnixMillis(172_800_000))));
        let moment = asked("", "1970-01-01T01:00:05+01:00").filter().unwrap();
        assert_eq!((moment.from, moment.before), (None, Some(UnixMillis(6_000))));
        let bad = asked("yesterday", "").filter().unwrap_err();
        assert!(bad.to_string().contains("\"yesterday\"") && bad.to_string().contains("2026-11-23"));
        assert!(asked("1969-12-31", "").filter().is_err());
        let bad = Asked { act: "signd_in".into(), ..Asked::default() }.filter().unwrap_err();
        assert!(bad.to_string().contains("signd_in"), "{bad}");
    }
}
