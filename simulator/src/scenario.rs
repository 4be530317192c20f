//! What happens on top of ordinary days, as a readable file: `--scenario scenarios/megaupload-2012.toml`.

use std::str::FromStr;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::catalogue::Era;
use crate::effects::{Effects, Place};
use crate::links::{Kind, LinkSpec};

/// A scenario as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What it is about.
    title: String,
    #[serde(default)]
    era: FileEra,
    /// The links to invent.
    #[serde(default, rename = "link")]
    links: Vec<FileLink>,
    #[serde(default, rename = "change")]
    changes: Vec<FileChange>,
    #[serde(default, rename = "blind")]
    blind: Vec<FileBlind>,
    #[serde(default, rename = "clock")]
    clocks: Vec<FileClock>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileEra {
    #[default]
    Today,
    #[serde(rename = "2012")]
    Y2012,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLink {
    name: String,
    kind: String,
    /// In Gbit/s.
    capacity_gbps: f64,
}

/// Rates of what is named are multiplied.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileChange {
    /// What happens; for the reader.
    #[allow(dead_code, reason = "it is written for the reader")]
    title: String,
    /// Where the figure is from; for the reader.
    #[serde(default)]
    #[allow(dead_code, reason = "it is written for the reader")]
    source: String,
    #[serde(default)]
    links: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    services: Vec<String>,
    factor: f64,
    /// From when; from ever where it is left out.
    at: Option<String>,
    /// How long it takes to come about.
    #[serde(default)]
    ramp: Hours,
    /// From when it goes back; never where it is left out.
    until: Option<String>,
    /// How long it takes to go back.
    #[serde(default)]
    fade: Hours,
}

/// Links that are not watched.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileBlind {
    #[serde(default)]
    links: Vec<String>,
    from: String,
    until: String,
}

/// The clocks that people live by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileClock {
    from: String,
    /// Hours ahead of UTC.
    hours_ahead: f64,
}

/// "90m", "2h", "3d".
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
struct Hours(f64);

impl TryFrom<String> for Hours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fail = || format!("{text:?} is no time: write 90m, 2h or 3d");
        let (number, unit) =
            text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(fail)?;
        let number: f64 = number.parse().map_err(|_| fail())?;
        let hours = match unit {
            "m" => number / 60.0,
            "h" => number,
            "d" => number * 24.0,
            _ => return Err(fail()),
        };
        if (0.0..=24.0 * 366.0).contains(&hours) { Ok(Self(hours)) } else { Err(fail()) }
    }
}

/// A scenario cannot be used, and why: in words, with the line where there is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnusableScenario(String);

/// What happens on top of ordinary days. It is parsed from TOML; `scenarios/` has examples.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    /// Whose services there are.
    pub era: Era,
    /// The links that it invents. If there are none, any links will do.
    pub links: Vec<LinkSpec>,
    changes: Vec<Change>,
    blind: Vec<Blind>,
    /// From when clocks are so many seconds ahead; in the order of time.
    clocks: Vec<(u32, i32)>,
}

#[derive(Clone, Debug)]
struct Change {
    links: Vec<String>,
    categories: Vec<String>,
    services: Vec<String>,
    factor: f64,
    /// Seconds since the epoch: begins, is whole, begins to go back, is gone.
    course: [f64; 4],
}

#[derive(Clone, Debug)]
struct Blind {
    links: Vec<String>,
    from: u32,
    until: u32,
}

impl FromStr for Scenario {
    type Err = UnusableScenario;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(UnusableScenario)
    }
}

fn parse(text: &str) -> Result<Scenario, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut scenario = Scenario {
        era: match file.era {
            FileEra::Today => Era::Today,
            FileEra::Y2012 => Era::Y2012,
        },
        ..Scenario::default()
    };
    if file.title.trim().is_empty() {
        return Err("`title` must say what it is about".to_owned());
    }
    for FileLink { name, kind, capacity_gbps } in file.links {
        let kind: Kind = kind.parse().map_err(|error| format!("link {name}: {error}"))?;
        if !(0.001..=100_000.0).contains(&capacity_gbps) {
            return Err(format!("link {name}: `capacity_gbps` must be from 0.001 to 100000"));
        }
        if scenario.links.iter().any(|link| *link.name == *name) {
            return Err(format!("a second link is called {name}"));
        }
        let capacity_bps = (capacity_gbps * 1e9) as u64;
        scenario.links.push(LinkSpec {
            name: name.into(),
            kind,
            capacity_bps,
            neighbour_asn: None,
        });
    }
    for change in file.changes {
        let title = change.title.clone();
        scenario.changes.push(self::change(change).map_err(|what| format!("{title}: {what}"))?);
    }
    for FileBlind { links, from, until } in file.blind {
        let (from, until) = (moment(&from)? as u32, moment(&until)? as u32);
        if until <= from {
            return Err("[[blind]]: `until` must be after `from`".to_owned());
        }
        scenario.blind.push(Blind { links, from, until });
    }
    for FileClock { from, hours_ahead } in file.clocks {
        if !(-14.0..=14.0).contains(&hours_ahead) {
            return Err("[[clock]]: `hours_ahead` must be from -14 to 14".to_owned());
        }
        scenario.clocks.push((moment(&from)? as u32, (hours_ahead * 3600.0) as i32));
    }
    scenario.clocks.sort_unstable();
    let links = std::mem::take(&mut scenario.links);
    if !links.is_empty() {
        scenario.take_links(&links)?;
    }
    Ok(scenario)
}

fn change(change: FileChange) -> Result<Change, String> {
    if !(0.0..=1000.0).contains(&change.factor) {
        return Err("`factor` must be from 0 to 1000".to_owned());
    }
    let at = change.at.as_deref().map_or(Ok(f64::NEG_INFINITY), moment)?;
    let until = change.until.as_deref().map_or(Ok(f64::INFINITY), moment)?;
    let whole = at + change.ramp.0 * 3600.0;
    if until < whole {
        return Err("`until` is before the change has come about".to_owned());
    }
    if change.at.is_none() && change.ramp.0 > 0.0 {
        return Err("`ramp` needs `at`".to_owned());
    }
    if change.until.is_none() && change.fade.0 > 0.0 {
        return Err("`fade` needs `until`".to_owned());
    }
    Ok(Change {
        links: change.links,
        categories: change.categories,
        services: change.services,
        factor: change.factor,
        course: [at, whole, until, until + change.fade.0 * 3600.0],
    })
}

fn moment(text: &str) -> Result<f64, String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| format!("{text:?} is no moment: write 2012-01-19T19:00:00Z"))?;
    Ok(moment.unix_timestamp() as f64)
}

impl Scenario {
    /// Takes these links in.
    ///
    /// # Errors
    /// It names a link that is not among them: what should happen there would not happen, unseen.
    pub fn of_links(&mut self, links: &[LinkSpec]) -> Result<(), UnusableScenario> {
        self.take_links(links).map_err(UnusableScenario)
    }

    fn take_links(&mut self, links: &[LinkSpec]) -> Result<(), String> {
        self.links = links.to_vec();
        let named = self.changes.iter().flat_map(|change| &change.links);
        let named = named.chain(self.blind.iter().flat_map(|blind| &blind.links));
        let unknown =
            named.into_iter().find(|name| !links.iter().any(|link| *link.name == ***name));
        unknown.map_or(Ok(()), |name| Err(format!("the scenario's link {name} is not there")))
    }
}

impl Change {
    fn is_of(&self, place: &Place<'_>) -> bool {
        let named = |names: &[String], name: &str| {
            names.is_empty() || names.iter().any(|known| known == name)
        };
        named(&self.links, place.link_name)
            && named(&self.categories, place.category)
            && named(&self.services, place.service)
    }

    /// How much of it there is, from 0 to 1.
    fn share(&self, at: f64) -> f64 {
        let [begins, whole, goes, gone] = self.course;
        if at < begins || at >= gone {
            0.0
        } else if at < whole {
            (at - begins) / (whole - begins)
        } else if at < goes {
            1.0
        } else {
            (gone - at) / (gone - goes)
        }
    }
}

impl Effects for Scenario {
    fn factor(&self, at: u32, place: &Place<'_>) -> f64 {
        let changes = self.changes.iter().filter(|change| change.is_of(place));
        changes.map(|change| 1.0 + (change.factor - 1.0) * change.share(at.into())).product()
    }

    fn watched(&self, at: u32, link: usize) -> bool {
        let name = self.links.get(link).map(|link| &*link.name);
        !self.blind.iter().any(|blind| {
            let named = blind.links.is_empty()
                || name.is_some_and(|name| blind.links.iter().any(|blind| blind == name));
            named && (blind.from..blind.until).contains(&at)
        })
    }

    fn clock_ahead(&self, at: u32, _link: usize) -> i32 {
        let last = self.clocks.iter().rev().find(|(from, _)| *from <= at);
        last.map_or(0, |(_, ahead)| *ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place {
        link: 0,
        link_name: "a",
        category: "direct-download",
        protocol: "http",
        service: "megaupload",
    };

    fn at(text: &str) -> u32 {
        moment(text).unwrap() as u32
    }

    #[test]
    fn changes_come_about_and_go_back() {
        let scenario = parse(
            "title = 'x'\n[[change]]\ntitle = 'shut'\nservices = ['megaupload']\nfactor = 0\n\
             at = '2012-01-19T19:00:00Z'\nramp = '2h'\nuntil = '2012-01-20T00:00:00Z'\nfade = '1h'\n\
             [[change]]\ntitle = 'habit'\nlinks = ['a']\nfactor = 3\n",
        )
        .unwrap();
        let factor = |time: &str| scenario.factor(at(time), &PLACE);
        assert_eq!(factor("2012-01-19T18:59:59Z"), 3.0);
        assert_eq!(factor("2012-01-19T20:00:00Z"), 1.5);
        assert_eq!(factor("2012-01-19T21:00:00Z"), 0.0);
        assert_eq!(factor("2012-01-20T00:30:00Z"), 1.5);
        assert_eq!(factor("2012-01-20T01:00:00Z"), 3.0);
        let other = Place { service: "rapidshare", link_name: "b", ..PLACE };
        assert_eq!(scenario.factor(at("2012-01-19T21:00:00Z"), &other), 1.0);
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        let change = "title = 'x'\n[[change]]\ntitle = 'shut'\nfactor = 0\n";
        for (text, says) in [
            ("title = ''", "`title`"),
            ("titel = 'x'", "titel"),
            ("title = 'x'\n[[link]]\nname = 'a'\nkind = 'tube'\ncapacity_gbps = 1", "tube"),
            (&format!("{change}ramp = '2h'"), "shut: `ramp` needs `at`"),
            (&format!("{change}at = 'noon'"), "\"noon\" is no moment"),
            (
                &format!(
                    "{change}at = '2012-01-19T19:00:00Z'\nramp = '2h'\nuntil = '2012-01-19T20:00:00Z'"
                ),
                "before the change has come about",
            ),
            (&format!("{change}fade = 'soon'"), "\"soon\" is no time"),
            (
                &format!(
                    "{change}links = ['b']\n[[link]]\nname = 'a'\nkind = 'ix'\ncapacity_gbps = 1"
                ),
                "the scenario's link b is not there",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn the_scenarios_of_the_project_make_sense() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().path();
            let scenario = std::fs::read_to_string(&file).unwrap().parse::<Scenario>();
            assert!(scenario.is_ok(), "{}: {scenario:?}", file.display());
            count += 1;
        }
        assert!(count > 0);
    }
}
