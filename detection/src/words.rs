//! An event in words.

use std::fmt;

use etiage_detector::{Explanation, Gain, Key, Kind, Loss, Record, Sign};
use time::OffsetDateTime;
use time::macros::format_description;

/// How many parts of a loss are named.
const NAMED: usize = 5;
/// What stands where a service is not known, or where many are added up.
const NO_NAMES: [&str; 3] = ["none", "unattributed", "other"];

/// An event for people to read.
pub struct Words<'a>(pub &'a Record);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { event, explanation, .. } = self.0;
        let ended = event.ended.map_or_else(|| "not over".to_owned(), moment);
        writeln!(
            f,
            "{} {} ({}, {}), {} to {ended}, certain after {} min",
            event.id.0,
            self.0.kind().name(),
            event.sign.name(),
            event.severity.name(),
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
                Sign::Drop => "lost",
                Sign::Surge => "gained",
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

/// What an event is, in a line.
pub(crate) fn subject(record: &Record) -> String {
    let Some(main) = record.event.main() else { return "nothing is known of it".to_owned() };
    let change = |depth: f64| {
        let sign = if record.event.sign == Sign::Drop { '−' } else { '+' };
        format!("{sign}{:.0} %", depth * 100.0)
    };
    let plain = || format!("{}: {}", series(&main.key), change(main.alarm.depth));
    let Some(explanation) = &record.explanation else { return plain() };
    let direction = &explanation.direction;
    let first = |losses: &[Loss]| {
        let first = losses.iter().find(|loss| &*loss.name != "other");
        first.map(|loss| (loss.name.to_string(), change(loss.depth)))
    };
    let risen = |gains: &[Gain]| {
        let names: Vec<&str> = gains.iter().take(2).map(|gain| &*gain.name).collect();
        names.join(" and ")
    };
    let ledger = &explanation.ledger;
    let told = match explanation.kind {
        Kind::Shutdown => {
            let services = services(explanation).map(|loss| &*loss.name);
            let services: Vec<&str> = services.take(2).collect();
            first(&explanation.categories).map(|(category, depth)| {
                format!("{} down everywhere: {category} {depth} {direction}", services.join(", "))
            })
        }
        Kind::LinkOutage => first(&explanation.links)
            .map(|(link, depth)| format!("{link} down: {depth} {direction}")),
        Kind::Shift => first(&explanation.links).map(|(link, depth)| {
            format!("{link} {depth} {direction}, taken over by {}", risen(&ledger.links))
        }),
        Kind::MixChange => first(&explanation.categories).map(|(category, depth)| {
            match &*risen(&ledger.categories) {
                "" => format!("{category} {depth} {direction}, the total stays"),
                risen => format!("{category} {depth} {direction}, while {risen} rose"),
            }
        }),
        Kind::Surge | Kind::Unknown => None,
    };
    told.unwrap_or_else(plain)
}

/// The services that lost, those without a name left out.
pub(crate) fn services(explanation: &Explanation) -> impl Iterator<Item = &Loss> {
    explanation.services.iter().filter(|loss| !NO_NAMES.contains(&&*loss.name))
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
