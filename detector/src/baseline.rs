//! What a minute should hold: past weeks at today's level.

use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, DAY, WEEK};
use crate::history::{BIN_SECS, History, mean, median};
use crate::parameters::Parameters;

/// What an expectation is founded on, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The same local time of the week, in two past weeks at least.
    TimeOfWeek,
    /// The same local time of day, on two past days at least.
    TimeOfDay,
    /// The last hour's mean: there is no more history.
    RecentLevel,
}

impl Basis {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TimeOfWeek => "time-of-week",
            Self::TimeOfDay => "time-of-day",
            Self::RecentLevel => "recent-level",
        }
    }

    /// How much deeper a fall must be than the rules say, for an expectation so founded is wrong so
    /// much more often: days differ from each other, and a flat level knows no evening.
    pub(crate) const fn caution(self) -> f64 {
        match self {
            Self::TimeOfWeek => 1.0,
            Self::TimeOfDay => 1.5,
            Self::RecentLevel => 2.5,
        }
    }
}

/// What a minute should hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// Octets a minute.
    pub octets: f64,
    /// What it is founded on.
    pub basis: Basis,
    /// From how many past weeks or days.
    pub references: u8,
}

/// Past weeks, or days, with what brings each to the level of a moment.
#[derive(Clone, Debug)]
pub(crate) enum Level {
    Past { basis: Basis, references: Vec<Reference> },
    Recent(f64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Reference {
    /// Seconds on the local clock.
    back: i64,
    /// The level then, to the level now.
    ratio: f64,
}

/// Past days that are looked at where there are no weeks.
const DAYS: i64 = 7;
/// The last hour, but for its last ten minutes.
const RECENT_BINS: std::ops::Range<i64> = 2..12;

impl Level {
    /// The level at a moment. Weeks first; with less than two of them, days; else the last hour. `None`
    /// for a series without any past.
    pub(crate) fn at(
        history: &History,
        calendar: &Calendar,
        parameters: &Parameters,
        time: i64,
    ) -> Option<Self> {
        let references = |step: i64, most: i64| -> Vec<Reference> {
            let past = (1..=most).filter_map(|count| {
                let back = count * step;
                let ratio = ratio(history, calendar, parameters, time, back)?;
                Some(Reference { back, ratio })
            });
            past.collect()
        };
        for (basis, step, most) in
            [(Basis::TimeOfWeek, WEEK, i64::from(parameters.weeks)), (Basis::TimeOfDay, DAY, DAYS)]
        {
            let references = references(step, most);
            if references.len() >= 2 {
                return Some(Self::Past { basis, references });
            }
        }
        let now = History::bin(time);
        let recent = RECENT_BINS.filter_map(|back| history.get(now - back));
        mean(recent).map(Self::Recent)
    }

    /// What a minute should hold that begins at a moment near the level's own, or in the hours and days
    /// after it.
    pub(crate) fn expect(
        &self,
        history: &History,
        calendar: &Calendar,
        time: i64,
    ) -> Option<Expectation> {
        match self {
            Self::Recent(octets) => {
                Some(Expectation { octets: *octets, basis: Basis::RecentLevel, references: 0 })
            }
            Self::Past { basis, references } => {
                let then = references.iter().filter_map(|Reference { back, ratio }| {
                    Some(history.at(calendar.before(time, *back))? * ratio)
                });
                let mut then: Vec<f64> = then.collect();
                let octets = median(&mut then)?;
                Some(Expectation { octets, basis: *basis, references: then.len() as u8 })
            }
        }
    }
}

/// How the level of the last hours compares with the same hours of a past week or day. `None` where too
/// little was observed then to say.
fn ratio(
    history: &History,
    calendar: &Calendar,
    parameters: &Parameters,
    time: i64,
    back: i64,
) -> Option<f64> {
    // It must have been observed around that moment at all.
    let then = calendar.before(time, back);
    history.at(then)?;
    let apart = (time - then).div_euclid(BIN_SECS);
    let bins = |minutes: u16| i64::from(minutes) * 60 / BIN_SECS;
    let (lag, length) = (bins(parameters.level_lag_minutes), bins(parameters.level_minutes));
    let sums = |length: i64| {
        let last = History::bin(time) - 1 - lag;
        let both = (last - length + 1..=last)
            .filter_map(|bin| Some((history.get(bin)?, history.get(bin - apart)?)));
        both.fold((0.0, 0.0, 0), |(now, then, count), (a, b)| (now + a, then + b, count + 1))
    };
    // After an outage of the probe the last hours are missing: then the last day has to do.
    for length in [length, DAY / BIN_SECS] {
        let (now, then, count) = sums(length);
        if count * 3 >= length && then > 0.0 {
            return Some(now / then);
        }
    }
    // Without any common past the level is taken to be the same.
    Some(1.0)
}
