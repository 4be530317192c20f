//! The tables. Each file of `schema/` describes one family of tables, which are alike but for their
//! resolution, and the materialized view that fills them.

use std::fmt::Write;

use crate::settings::Settings;
use crate::tier::{Keep, Tier};

/// Tables of one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    /// By link and class.
    Volumes,
    /// By link, direction and category.
    Links,
    /// By link and direction.
    Loads,
    /// By class, over all links.
    Classes,
    /// By link, direction, category and remote network.
    Networks,
    /// By direction, category and remote network, over all links.
    Asns,
    /// Links as a whole.
    Observations,
    /// Round-trip times.
    RoundTrips,
}

impl Family {
    /// In the order in which they are made: a view's source comes before the view.
    pub(crate) const ALL: [Self; 8] = [
        Self::Volumes,
        Self::Links,
        Self::Loads,
        Self::Classes,
        Self::Networks,
        Self::Asns,
        Self::Observations,
        Self::RoundTrips,
    ];

    /// Those that came later than the others, each with the one that it is added up from.
    pub(crate) const COARSE: [(Self, Self); 2] =
        [(Self::Loads, Self::Links), (Self::Asns, Self::Networks)];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Volumes => "volumes",
            Self::Links => "links",
            Self::Loads => "loads",
            Self::Classes => "classes",
            Self::Networks => "networks",
            Self::Asns => "asns",
            Self::Observations => "observations",
            Self::RoundTrips => "round_trips",
        }
    }

    const fn template(self) -> &'static str {
        match self {
            Self::Volumes => include_str!("schema/volumes.sql"),
            Self::Links => include_str!("schema/links.sql"),
            Self::Loads => include_str!("schema/loads.sql"),
            Self::Classes => include_str!("schema/classes.sql"),
            Self::Networks => include_str!("schema/networks.sql"),
            Self::Asns => include_str!("schema/asns.sql"),
            Self::Observations => include_str!("schema/observations.sql"),
            Self::RoundTrips => include_str!("schema/round_trips.sql"),
        }
    }

    /// The resolutions it is kept at, the finest first.
    pub(crate) const fn tiers(self) -> &'static [Tier] {
        match self {
            Self::Volumes | Self::Links | Self::Loads | Self::Classes | Self::Observations => {
                &Tier::ALL
            }
            // 500 networks of each class every 10 s, or every 5 minutes for a year, are not worth their room.
            Self::Networks | Self::Asns => &[Tier::Minute, Tier::Hour, Tier::Day],
            // Nobody is billed by round-trip times: 5 min are added up from 1 min.
            Self::RoundTrips => &[Tier::TenSeconds, Tier::Minute, Tier::Hour, Tier::Day],
        }
    }

    /// The table of a resolution.
    pub(crate) fn table(self, tier: Tier) -> String {
        format!("{}_{}", self.name(), tier.name())
    }

    /// The finest tier of this family that is not finer than `tier`.
    pub(crate) fn at_least(self, tier: Tier) -> Tier {
        self.tiers().iter().copied().find(|own| *own >= tier).unwrap_or(Tier::Day)
    }

    /// What its view reads: `None` for what is only inserted into.
    pub(crate) fn source(self, tier: Tier) -> Option<(Self, Tier)> {
        match self {
            Self::Links | Self::Classes => Some((Self::Volumes, tier)),
            Self::Loads => Some((Self::Links, tier)),
            Self::Asns => Some((Self::Networks, tier)),
            _ => {
                let finer = self.tiers().iter().copied().filter(|own| *own < tier).max();
                finer.map(|finer| (self, finer))
            }
        }
    }

    /// Links' rows stay together on one shard; those over all links are wherever the links' are.
    const fn sharding(self) -> &'static str {
        match self {
            // Only their local tables are inserted into, by their views.
            Self::Classes | Self::Asns => "rand()",
            _ => "cityHash64(link)",
        }
    }
}

/// Tables that stand alone: in one resolution, filled by no view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Single {
    /// What was found.
    Events,
    /// What people said of it.
    EventNotes,
    /// What was told to whom.
    AlertLog,
    /// Names for URLs of the pages.
    SavedViews,
    /// Single flows.
    FlowRecords,
    /// What was written, by day.
    Ledger,
    /// What of it need not be there any more.
    LedgerForgotten,
}

impl Single {
    /// Those of events.
    pub(crate) const EVENTS: [Self; 3] = [Self::Events, Self::EventNotes, Self::AlertLog];

    /// Those whose rows are few and in no spool: each insert is forced to disk before it is acknowledged.
    pub(crate) const FORCED: [Self; 5] =
        [Self::Events, Self::EventNotes, Self::AlertLog, Self::SavedViews, Self::LedgerForgotten];

    /// All of them, in the order in which they came.
    pub(crate) const ALL: [Self; 7] = [
        Self::Events,
        Self::EventNotes,
        Self::AlertLog,
        Self::SavedViews,
        Self::FlowRecords,
        Self::Ledger,
        Self::LedgerForgotten,
    ];

    /// Those of what was written.
    pub(crate) const LEDGER: [Self; 2] = [Self::Ledger, Self::LedgerForgotten];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SavedViews => "saved_views",
            Self::FlowRecords => "flow_records",
            Self::Ledger => "ledger",
            Self::LedgerForgotten => "ledger_forgotten",
            Self::Events => "events",
            Self::EventNotes => "event_notes",
            Self::AlertLog => "alert_log",
        }
    }

    const fn template(self) -> &'static str {
        match self {
            Self::SavedViews => include_str!("schema/saved_views.sql"),
            Self::FlowRecords => include_str!("schema/flow_records.sql"),
            Self::Ledger => include_str!("schema/ledger.sql"),
            Self::LedgerForgotten => include_str!("schema/ledger_forgotten.sql"),
            Self::Events => include_str!("schema/events.sql"),
            Self::EventNotes => include_str!("schema/event_notes.sql"),
            Self::AlertLog => include_str!("schema/alert_log.sql"),
        }
    }

    /// An event's rows stay together on one shard, or the newest would not replace the others.
    const fn sharding(self) -> &'static str {
        match self {
            Self::Events | Self::SavedViews => "cityHash64(id)",
            Self::EventNotes | Self::AlertLog => "cityHash64(event)",
            Self::FlowRecords => "cityHash64(link)",
            Self::Ledger => "cityHash64(day)",
            Self::LedgerForgotten => "cityHash64(of)",
        }
    }
}

/// The window is what makes a repeated insert of the same block harmless. 10,000 blocks are a day of one
/// probe that writes every 10 s: as long as it may be cut off and then repeat its last block.
const DEDUPLICATION_WINDOW: u32 = 10_000;

/// Where and how the tables are made.
pub(crate) struct Renderer<'a> {
    settings: &'a Settings,
}

impl<'a> Renderer<'a> {
    pub(crate) const fn new(settings: &'a Settings) -> Self {
        Self { settings }
    }

    /// ` ON CLUSTER name`, or nothing.
    pub(crate) fn on_cluster(&self) -> String {
        let cluster = self.settings.cluster.as_deref();
        cluster.map_or_else(String::new, |name| format!(" ON CLUSTER `{name}`"))
    }

    /// The statement that makes the database.
    pub(crate) fn database(&self) -> String {
        let on_cluster = self.on_cluster();
        format!("CREATE DATABASE IF NOT EXISTS `{}`{on_cluster}", self.settings.database)
    }

    /// The table that says what was applied. Replacing: whoever applies a step twice leaves one row.
    pub(crate) fn migrations(&self) -> String {
        let engine = match self.settings.cluster {
            None => "ReplacingMergeTree".to_owned(),
            Some(_) => format!("ReplicatedReplacingMergeTree({})", self.path("schema_migrations")),
        };
        format!(
            "CREATE TABLE IF NOT EXISTS schema_migrations{}\n(\n    version  UInt32,\n    \
             name     String,\n    checksum String,\n    \
             applied  DateTime('UTC') DEFAULT now()\n)\nENGINE = {engine}\nORDER BY version",
            self.on_cluster(),
        )
    }

    /// The tables and views of the tiers, in an order in which they can be made.
    pub(crate) fn tiers(&self) -> Vec<String> {
        let mut statements = Vec::new();
        for family in Family::ALL {
            for tier in family.tiers() {
                self.family(family, *tier, &mut statements);
            }
        }
        statements
    }

    /// The tables that stand alone.
    pub(crate) fn singles(&self, singles: &[Single]) -> Vec<String> {
        singles.iter().flat_map(|single| self.single(*single)).collect()
    }

    fn single(&self, single: Single) -> Vec<String> {
        let name = single.name();
        let on_cluster = self.on_cluster();
        let (local, replicated) = match self.settings.cluster {
            None => (name.to_owned(), String::new()),
            Some(_) => (format!("{name}_local"), self.path(name)),
        };
        let engine = |kind: &str, parameter: &str| match self.settings.cluster {
            None if parameter.is_empty() => kind.to_owned(),
            None => format!("{kind}({parameter})"),
            Some(_) if parameter.is_empty() => format!("Replicated{kind}({replicated})"),
            Some(_) => format!("Replicated{kind}({replicated}, {parameter})"),
        };
        let ttl = match self.ttl_of_flow_records() {
            Some(ttl) => format!("TTL {ttl}\n"),
            None => String::new(),
        };
        let table = strip_comments(single.template())
            .replace("{table}\n", &format!("{local}{on_cluster}\n"))
            .replace("{ttl}\n", &ttl)
            .replace("{replacing(version)}", &engine("ReplacingMergeTree", "version"))
            .replace("{summing(octets, packets)}", &engine("SummingMergeTree", "(octets, packets)"))
            .replace("{window}", &self.window())
            .replace("{plain}", &engine("MergeTree", ""));
        let mut statements = vec![table.trim().to_owned()];
        if let Some(cluster) = &self.settings.cluster {
            statements.push(format!(
                "CREATE TABLE IF NOT EXISTS {name}{on_cluster} AS {local}\n\
                 ENGINE = Distributed('{cluster}', '{}', '{local}', {})",
                self.settings.database,
                single.sharding(),
            ));
        }
        statements
    }

    /// The table and the view of one family and tier.
    pub(crate) fn family(&self, family: Family, tier: Tier, statements: &mut Vec<String>) {
        let template = strip_comments(family.template());
        let mut parts = template.split(";\n");
        let table = parts.next().unwrap_or_default();
        statements.push(self.fill(table, family, tier));
        if family.source(tier).is_some() {
            statements.push(self.fill(parts.next().unwrap_or_default(), family, tier));
        }
        if let Some(cluster) = &self.settings.cluster {
            let (name, local) = (family.table(tier), self.local(family, tier));
            statements.push(format!(
                "CREATE TABLE IF NOT EXISTS {name}{} AS {local}\nENGINE = Distributed('{cluster}', \
                 '{}', '{local}', {})",
                self.on_cluster(),
                self.settings.database,
                family.sharding(),
            ));
        }
    }

    /// The table that holds the rows: on a cluster the one beneath the distributed table.
    pub(crate) fn local(&self, family: Family, tier: Tier) -> String {
        let suffix = if self.settings.cluster.is_some() { "_local" } else { "" };
        format!("{}{suffix}", family.table(tier))
    }

    /// The replicas of a table find each other by its path.
    fn path(&self, table: &str) -> String {
        format!("'/clickhouse/tables/{{shard}}/{}/{table}', '{{replica}}'", self.settings.database)
    }

    /// How long the tier is kept, as a clause.
    pub(crate) fn ttl(&self, tier: Tier) -> Option<String> {
        expiry(self.settings.retention.of(tier))
    }

    /// How long flow records are kept, as a clause.
    pub(crate) fn ttl_of_flow_records(&self) -> Option<String> {
        expiry(self.settings.retention.flow_records)
    }

    /// The table that holds flow records: on a cluster the one beneath the distributed table.
    pub(crate) fn local_flow_records(&self) -> String {
        let suffix = if self.settings.cluster.is_some() { "_local" } else { "" };
        format!("{}{suffix}", Single::FlowRecords.name())
    }

    /// The setting that makes a repeated insert harmless.
    fn window(&self) -> String {
        let window = match self.settings.cluster {
            None => "non_replicated_deduplication_window",
            Some(_) => "replicated_deduplication_window",
        };
        format!("{window} = {DEDUPLICATION_WINDOW}")
    }

    fn fill(&self, text: &str, family: Family, tier: Tier) -> String {
        let local = self.local(family, tier);
        let source = family.source(tier).map(|(family, tier)| self.local(family, tier));
        let ttl = self.ttl(tier).map_or_else(String::new, |ttl| format!("TTL {ttl}\n"));
        let mut text = text
            .replace("{table}\n", &format!("{local}{}\n", self.on_cluster()))
            .replace("{table}", &local)
            .replace("{view}", &format!("{local}_view{}", self.on_cluster()))
            .replace("{source}", &source.unwrap_or_default())
            .replace("{bucket}", &bucket(tier))
            .replace("{partition}", tier.partition())
            .replace("{block}", tier.block())
            .replace("{ttl}\n", &ttl)
            .replace("{settings}", &format!("ttl_only_drop_parts = 1, {}", self.window()));
        if let Some((before, rest)) = text.split_once("{engine(")
            && let Some((sums, after)) = rest.split_once(")}")
        {
            let engine = match self.settings.cluster {
                None => format!("SummingMergeTree(({sums}))"),
                Some(_) => {
                    let path = self.path(&family.table(tier));
                    format!("ReplicatedSummingMergeTree({path}, ({sums}))")
                }
            };
            text = format!("{before}{engine}{after}");
        }
        text.trim().to_owned()
    }
}

fn expiry(keep: Keep) -> Option<String> {
    match keep {
        Keep::Forever => None,
        Keep::For(time) => Some(format!("written + toIntervalHour({})", time.as_secs() / 3600)),
    }
}

/// The start of the interval of this tier that a row of a finer one belongs to.
fn bucket(tier: Tier) -> String {
    match tier {
        Tier::TenSeconds => "s.time".to_owned(),
        Tier::Minute => "toStartOfMinute(s.time)".to_owned(),
        Tier::FiveMinutes => "toStartOfFiveMinutes(s.time)".to_owned(),
        Tier::Hour => "toStartOfHour(s.time)".to_owned(),
        Tier::Day => "toStartOfDay(s.time)".to_owned(),
    }
}

/// Comments are for who reads the file; the database keeps a statement as it was given.
fn strip_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
    lines.fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}"); // Writing to a string cannot fail.
        text
    })
}

/// The table or view that a statement of this schema makes.
pub(crate) fn made_by(statement: &str) -> &str {
    let name = statement.split_once(" IF NOT EXISTS ").map_or("", |(_, rest)| rest);
    name.split_whitespace().next().unwrap_or_default()
}

/// Every table and view of this schema, in the order in which they are made.
pub(crate) fn names(settings: &Settings) -> Vec<String> {
    let renderer = Renderer::new(settings);
    let statements = renderer.tiers().into_iter().chain(renderer.singles(&Single::ALL));
    statements.map(|statement| made_by(&statement).to_owned()).collect()
}

/// All statements that make the database as these settings want it, in order, each ending in `;`.
pub fn schema(settings: &Settings) -> String {
    let renderer = Renderer::new(settings);
    let mut text = String::new();
    let first =
        [renderer.database(), format!("USE `{}`", settings.database), renderer.migrations()];
    let tables = renderer.tiers().into_iter().chain(renderer.singles(&Single::ALL));
    for statement in first.into_iter().chain(tables) {
        let _ = write!(text, "{statement};\n\n");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// FNV-1a, 64 bits, of the files of the first tiers: tells whether one was edited, no more is asked of it.
/// What the settings change - cluster, retention - is no part of it.
pub(crate) fn checksum_of_tiers() -> String {
    let later = |family: &Family| Family::COARSE.iter().any(|(coarse, _)| coarse == family);
    let first = Family::ALL.into_iter().filter(|family| !later(family));
    fnv(first.map(|family| strip_comments(family.template())))
}

/// The same of the families that came later.
pub(crate) fn checksum_of_coarse() -> String {
    fnv(Family::COARSE.iter().map(|(family, _)| strip_comments(family.template())))
}

/// The same of tables that stand alone.
pub(crate) fn checksum_of(singles: &[Single]) -> String {
    fnv(singles.iter().map(|single| strip_comments(single.template())))
}

fn fnv(texts: impl Iterator<Item = String>) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for text in texts {
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_fnv_1a() {
        // From the reference vectors of the FNV authors.
        assert_eq!(fnv(std::iter::empty()), "cbf29ce484222325");
        assert_eq!(fnv(["a".to_owned()].into_iter()), "af63dc4c8601ec8c");
        assert_eq!(fnv(["foo".to_owned(), "bar".to_owned()].into_iter()), "85944171f73967e8");
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        let plain = Settings::new("http://h:1");
        let cluster = Settings { cluster: Some("main".to_owned()), ..plain.clone() };
        for settings in [plain, cluster] {
            let text = schema(&settings).replace("{shard}", "").replace("{replica}", "");
            assert!(!text.contains(['{', '}']), "{text}");
            assert!(!text.contains("--"), "{text}");
        }
    }

    #[test]
    fn views_read_what_is_made_before_them() {
        assert_eq!(Family::Volumes.source(Tier::TenSeconds), None);
        assert_eq!(Family::Links.source(Tier::Day), Some((Family::Volumes, Tier::Day)));
        assert_eq!(Family::Networks.source(Tier::Hour), Some((Family::Networks, Tier::Minute)));
        assert_eq!(Family::RoundTrips.source(Tier::Hour), Some((Family::RoundTrips, Tier::Minute)));
        assert_eq!(Family::Asns.source(Tier::Hour), Some((Family::Networks, Tier::Hour)));
        assert_eq!(Family::Networks.at_least(Tier::TenSeconds), Tier::Minute);
        assert_eq!(Family::RoundTrips.at_least(Tier::FiveMinutes), Tier::Hour);
    }
}
