//! An event in words.

use std::fmt;

use etiage_detector::{Event, Explanation, Gain, Key, Kind, Loss, Severity};
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;

use super::feed::sign;

/// How many parts of a loss are named.
const NAMED: usize = 5;

/// An event with what it is made of.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Told {
    /// What happened.
    #[serde(flatten)]
    pub(crate) event: Event,
    /// What it is made of; nothing where there is nothing to compare with.
    pub(crate) explanation: Option<Explanation>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, explanation } = self;
        let kind = explanation.as_ref().map_or(Kind::Unknown, |explanation| explanation.kind);
        let ended = event.ended.map_or_else(|| "not over".to_owned(), moment);
        writeln!(
            f,
            "{:<4} {} ({}, {}), {} to {ended}, certain after {} min",
            event.id.0,
            kind_name(kind),
            sign(event.sign),
            severity(event.severity),
            moment(event.onset),
            (event.confirmed - event.onset) / 60 + 1,
        )?;
        let main = event.members.iter().filter(|member| member.alarm.sign == event.sign);
        let many = main.clone().count();
        for member in main.take(NAMED) {
            let alarm = &member.alarm;
            let back = alarm.recovered.or(alarm.half_recovered).map_or_else(String::new, |time| {
                let share = if alarm.recovered.is_some() { "9/10" } else { "half" };
                format!(", {share} back at {}", moment(time))
            });
            writeln!(
                f,
                "     {}: {:.0} % at {}, {}{back}",
                series(&member.key),
                alarm.depth * 100.0,
                moment(alarm.trough),
                octets(alarm.octets),
            )?;
        }
        if many > NAMED {
            writeln!(f, "     and {} more series", many - NAMED)?;
        }
        let Some(explanation) = explanation else {
            return writeln!(f, "     nothing to compare with: no past week is held");
        };
        writeln!(
            f,
            "     {} {}: {} expected, {} measured",
            match event.sign {
                etiage_detector::Sign::Drop => "lost",
                etiage_detector::Sign::Surge => "gained",
            },
            explanation.direction,
            octets(explanation.expected),
            octets(explanation.measured),
        )?;
        for (what, losses) in [
            ("categories", &explanation.categories),
            ("services", &explanation.services),
            ("links", &explanation.links),
            ("networks", &explanation.networks),
        ] {
            if !losses.is_empty() {
                writeln!(f, "       {what}: {}", losses_of(losses))?;
            }
        }
        let ledger = &explanation.ledger;
        for (what, gains) in [
            ("categories", &ledger.categories),
            ("services", &ledger.services),
            ("links", &ledger.links),
        ] {
            if !gains.is_empty() {
                writeln!(f, "       meanwhile more than usual, {what}: {}", gains_of(gains))?;
            }
        }
        if explanation.lost > 0.0 {
            let share = 100.0 * ledger.unexplained / explanation.lost;
            writeln!(f, "       not balanced by any category: {share:.0} %")?;
        }
        Ok(())
    }
}

fn losses_of(losses: &[Loss]) -> String {
    let loss = |loss: &Loss| format!("{} {:.0} %", loss.name, loss.share * 100.0);
    losses.iter().take(NAMED).map(loss).collect::<Vec<_>>().join(", ")
}

fn gains_of(gains: &[Gain]) -> String {
    let gain = |gain: &Gain| {
        let times = if gain.usual > 0.0 { gain.octets / gain.usual } else { f64::INFINITY };
        format!(
            "{} {:.0} % of the loss ({times:.0} times the usual)",
            gain.name,
            gain.share * 100.0
        )
    };
    gains.iter().take(NAMED).map(gain).collect::<Vec<_>>().join(", ")
}

fn series(key: &Key) -> String {
    match key {
        Key::Link { link, direction } => format!("link {link} {direction}"),
        Key::LinkCategory { link, direction, category } => {
            format!("{category} on {link} {direction}")
        }
        Key::Category { direction, category } => format!("{category} {direction}"),
        Key::Service { direction, service } => format!("service {service} {direction}"),
        Key::Network { direction, asn } => format!("AS{asn} {direction}"),
    }
}

/// The word for a kind.
pub(crate) const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Shutdown => "shutdown",
        Kind::LinkOutage => "link outage",
        Kind::Shift => "shift",
        Kind::Surge => "surge",
        Kind::MixChange => "mix change",
        Kind::Unknown => "unknown",
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

fn moment(time: i64) -> String {
    let text = OffsetDateTime::from_unix_timestamp(time).ok().and_then(|time| {
        time.format(format_description!("[year]-[month]-[day] [hour]:[minute]")).ok()
    });
    text.unwrap_or_else(|| time.to_string())
}

/// Octets in bytes, SI.
fn octets(octets: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = octets;
    let mut unit = 0;
    while value.abs() >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", units.get(unit).copied().unwrap_or_default())
}
