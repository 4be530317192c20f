//! The configuration: what may stand in `etiage.toml`, its defaults, and what it means.
//!
//! A file is read once, into values that are all valid; whatever is wrong in it is said at once, each
//! error with its line and column. Nothing after this sees a string that could be invalid.

mod alerts;
mod api;
mod capture;
mod detection;
#[cfg(test)]
mod example;
mod link;
mod process;
mod records;
mod secret;
mod section;
mod units;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use etiage_aggregator::FlowRecordSettings;
use etiage_capture::LinkMap;
use etiage_capture::flow::FlowSettings;
use etiage_classifier::Rules;
use etiage_classifier::problems::Problems;
use etiage_detection::History;
use etiage_store::embedded::DEFAULT_MEMORY;
use etiage_store::spool::{MIN_SPOOL_BYTES, SpoolSettings};
use etiage_store::{Keep, Retention, Tier, WriterSettings};
use ipnet::IpNet;
use toml::de::DeTable;

pub(crate) use api::{Api, ProxyDoor, TlsFiles};
use api::{exposed, secret_of};
pub(crate) use capture::{Capture, Interface};
pub(crate) use detection::Detection;
pub(crate) use link::{Link, Ratio};
pub(crate) use process::{Account, Process};
use section::{Located, Section};
use units::{Octets, Span};
pub(crate) use units::{bit_rate, size};

use crate::failure::Failure;
use crate::networks::{self, Sources};

/// After how long a flow that goes on has a record of what it had so far.
const RECORDED_AFTER: Duration = Duration::from_secs(1_800);
/// A valid configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// This probe's name, carried by everything it stores.
    pub(crate) probe: Arc<str>,
    /// As whom the program works.
    pub(crate) process: Process,
    /// Service rules: the built-in ones with the user's own.
    pub(crate) rules: Arc<Rules>,
    /// What is local to our network.
    pub(crate) local_prefixes: Vec<IpNet>,
    /// Interfaces to capture on, each once, in the order of [`etiage_capture::InterfaceIndex`].
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) links: Vec<Link>,
    pub(crate) flows: FlowSettings,
    pub(crate) vlan_in_key: bool,
    pub(crate) store: Store,
    pub(crate) spool: Spool,
    pub(crate) api: Api,
    /// Where addresses' networks are known from.
    pub(crate) networks: Sources,
    /// Which single flows are recorded.
    pub(crate) flow_records: Option<FlowRecordSettings>,
    pub(crate) detection: Detection,
    /// Who is told of events.
    pub(crate) alerts: etiage_alerts::Settings,
}

/// Where rows are kept until the database has acknowledged them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spool {
    pub(crate) settings: SpoolSettings,
    /// Rows a second that the writer inserts at most.
    pub(crate) rows_per_second: u64,
}

/// Where history is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// The embedded engine, working in this directory, with this library if one was named.
    Embedded {
        data: PathBuf,
        library: Option<PathBuf>,
        memory: u64,
        kept: Kept,
        /// Where backups are taken, if anywhere.
        backups: Option<PathBuf>,
    },
    /// A ClickHouse server.
    Server(etiage_store::Settings),
}

/// How much history is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) retention: Retention,
    /// Octets on disk.
    pub(crate) max_size: Option<u64>,
}

impl Kept {
    /// The store's settings with these.
    pub(crate) fn apply(self, settings: etiage_store::Settings) -> etiage_store::Settings {
        let Self { retention, max_size } = self;
        etiage_store::Settings { retention, max_size, ..settings }
    }
}

/// Reads a configuration file.
pub(crate) fn load(path: &Path) -> Result<Config, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::Unusable(format!(
            "etiage: cannot read the configuration {}: {error}",
            path.display()
        ))
    })?;
    // Relative paths in a configuration are relative to it, wherever the program was started.
    let folder = path.parent().unwrap_or(Path::new("."));
    parse(&text, &path.display().to_string(), folder)
}

/// The configuration where no file is given: one link that takes everything.
pub(crate) fn without_file(link: &str) -> Result<Config, Failure> {
    let mut config = parse("", "the built-in configuration", Path::new("."))?;
    config.links = vec![Link::everything(link)];
    Ok(config)
}

fn parse(text: &str, name: &str, folder: &Path) -> Result<Config, Failure> {
    let mut problems = Problems::new(name, text);
    let config = read(text, folder, &mut problems);
    problems.into_result().map_err(|error| Failure::Unusable(error.to_string()))?;
    config.ok_or_else(|| Failure::Unusable(format!("{name} cannot be used")))
}

fn read(text: &str, folder: &Path, problems: &mut Problems<'_>) -> Option<Config> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What a broken file seems to mean would only add misleading errors.
        for error in errors {
            problems.add(error.span().map_or(0, |span| span.start), error.message());
        }
        return None;
    }
    let mut top = Section::new(document.get_ref(), 0, "the configuration", problems);
    let process = top.section("process", process::read);
    top.let_read(secret::Readers::of(process.account.as_ref()));
    let probe = top.parsed::<Name>("probe").map_or_else(|| "etiage".into(), |name| name.value.0);
    let rules = rules(&mut top, folder);
    let local: Vec<IpNet> =
        top.list("local_prefixes").into_iter().map(|prefix| prefix.value).collect();
    let everywhere = top.section("capture", |section| capture::read(section, &Capture::default()));
    let own = top.sections("interface", |section| capture::interface(section, &everywhere));
    let (flows, vlan_in_key) = top.section("flows", flows);
    let (store, spool) = top.section("store", |section| {
        let store = store(section, folder);
        let directory = default_spool(store.as_ref(), folder);
        (store, section.section("spool", |section| spool(section, folder, directory)))
    });
    let api = top.section("api", |section| api::read(section, folder));
    let networks = top.section("networks", |section| networks(section, folder));
    let flow_records = top.section("flow_records", records::read);
    // A flow that lasts for days is recorded part by part.
    let active = flow_records.map(|_| RECORDED_AFTER);
    let flows = FlowSettings { active, ..flows };
    let (detection, mut named) = top.section("detection", detection::read);
    let directory = alerts::default_directory(store.as_ref(), folder);
    let (alerts, links_of_routes) =
        top.section("alerts", |section| alerts::read(section, folder, (&probe, directory)));
    named.extend(links_of_routes);
    let mut interfaces = Vec::new();
    let links = top.sections("link", |section| link::read(section, &mut interfaces));
    let own = own.into_iter().flatten().collect();
    let interfaces = capture::merge(interfaces, own, &everywhere, &mut top);
    let mut names = HashSet::new();
    for link in links.iter().flatten() {
        if !names.insert(link.name.clone()) {
            top.problem(link.at, format!("a second link is called \"{}\"", link.name));
        }
    }
    for Located { at, value: Name(name) } in named {
        if !names.contains(&name) {
            top.problem(at, format!("there is no link called \"{name}\""));
        }
    }
    top.finish();
    Some(Config {
        probe,
        process,
        rules: rules?,
        local_prefixes: local,
        interfaces,
        links: links.into_iter().flatten().collect(),
        flows,
        vlan_in_key,
        store: store?,
        spool,
        api: api?,
        networks,
        flow_records,
        detection,
        alerts,
    })
}

/// A name of a probe or a link: what fits a legend and a URL.
pub(crate) struct Name(pub(crate) Arc<str>);

impl std::str::FromStr for Name {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':');
        if text.is_empty() || text.len() > 64 || !text.chars().all(allowed) {
            return Err("a name is made of letters, digits and - _ . / :, at most 64");
        }
        match text {
            "other" => Err("the name is reserved: it stands for what is not among the top"),
            _ => Ok(Self(text.into())),
        }
    }
}

/// The built-in service rules.
pub(crate) fn builtin_rules() -> Result<Arc<Rules>, Failure> {
    let rules = Rules::builtin().map_err(|error| Failure::Failed(anyhow::anyhow!("{error}")))?;
    Ok(Arc::new(rules))
}

fn rules(top: &mut Section<'_, '_, '_, '_>, folder: &Path) -> Option<Arc<Rules>> {
    let builtin = match Rules::builtin() {
        Ok(rules) => rules,
        Err(error) => {
            top.problem(0, error.to_string());
            return None;
        }
    };
    let Some(Located { at, value }) = top.string("services") else {
        return Some(Arc::new(builtin));
    };
    let path = folder.join(value);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            top.problem(at, format!("`services`: cannot read {}: {error}", path.display()));
            return None;
        }
    };
    match builtin.with_file(&text, &path.display().to_string()) {
        Ok(rules) => Some(Arc::new(rules)),
        Err(error) => {
            top.problem(at, format!("`services`: the file has errors:\n{error}"));
            None
        }
    }
}

fn flows(section: &mut Section<'_, '_, '_, '_>) -> (FlowSettings, bool) {
    let default = FlowSettings::default();
    let mut idle = |key, default: Duration| match section.parsed::<Span>(key) {
        // Up to the timer wheel's comfort, and long enough for octets to get their verdict.
        Some(Located { at, value: Span(span) }) => {
            if span < Duration::from_secs(20) || span > Duration::from_secs(86_400) {
                section.problem(at, format!("`{key}` must be from 20s to 24h"));
            }
            span
        }
        None => default,
    };
    let (tcp_idle, udp_idle) =
        (idle("tcp_idle", default.tcp_idle), idle("udp_idle", default.udp_idle));
    let max = section.integer("max", (1_000, 100_000_000));
    let memory = section.parsed::<Octets>("max_memory");
    if let Some(Located { at, value: Octets(octets) }) = memory
        && octets < 1 << 20
    {
        section.problem(at, "`max_memory` must be at least 1MiB");
    }
    let settings = FlowSettings {
        max_flows: max.map_or(default.max_flows, |max| max.value as u32),
        max_memory: memory.map_or(default.max_memory, |memory| memory.value.0),
        tcp_idle,
        udp_idle,
        ..default
    };
    (settings, section.boolean("vlan_in_key", false))
}

fn store(section: &mut Section<'_, '_, '_, '_>, folder: &Path) -> Option<Store> {
    let url = section.string("url");
    let user = section.string("user");
    let database = section.string("database");
    let password = secret_of(section, "password", "password_file", folder);
    let data = section.string("data");
    let library = section.string("engine_library");
    let memory = section.parsed::<Octets>("memory");
    if let Some(Located { at, value: Octets(octets) }) = memory
        && octets < 256 << 20
    {
        section.problem(at, "`memory` must be at least 256MiB");
    }
    let backups = section.string("backups");
    let cluster = section.string("cluster");
    let kept = Kept {
        max_size: section.parsed::<Octets>("max_size").map(|size| size.value.0),
        retention: section.section("retention", retention),
    };
    let Some(url) = url else {
        for (key, given) in [("user", &user), ("database", &database), ("cluster", &cluster)] {
            if let Some(given) = given {
                section.problem(given.at, format!("`{key}` is for a server: give its `url` too"));
            }
        }
        return Some(Store::Embedded {
            data: folder.join(data.map_or_else(|| "data".to_owned(), |data| data.value)),
            library: library.map(|library| folder.join(library.value)),
            memory: memory.map_or(DEFAULT_MEMORY, |memory| memory.value.0),
            kept,
            backups: backups.map(|backups| folder.join(backups.value)),
        });
    };
    for (key, given) in [("data", &data), ("engine_library", &library), ("backups", &backups)] {
        if let Some(given) = given {
            section.problem(
                given.at,
                format!("`{key}` is for the embedded engine, `url` for a server"),
            );
        }
    }
    if let Some(memory) = memory {
        section.problem(memory.at, "`memory` is for the embedded engine, `url` for a server");
    }
    let default = kept.apply(etiage_store::Settings::new(url.value));
    let settings = etiage_store::Settings {
        user: user.map_or(default.user, |user| user.value),
        password: password?,
        database: database.map_or(default.database, |database| database.value),
        cluster: cluster.map(|cluster| cluster.value),
        ..default
    };
    if let Err(error) = settings.check() {
        section.problem(url.at, error.to_string());
    }
    Some(Store::Server(settings))
}

/// Beside the data directory, not in it: another database can be put behind the spool.
fn default_spool(store: Option<&Store>, folder: &Path) -> PathBuf {
    match store {
        Some(Store::Embedded { data, .. }) => {
            let mut name = data.file_name().unwrap_or_default().to_owned();
            name.push(".spool");
            data.with_file_name(name)
        }
        Some(Store::Server(_)) | None => folder.join("spool"),
    }
}

fn spool(section: &mut Section<'_, '_, '_, '_>, folder: &Path, directory: PathBuf) -> Spool {
    let mut settings = SpoolSettings::new(directory);
    if let Some(directory) = section.string("directory") {
        settings.directory = folder.join(directory.value);
    }
    if let Some(Located { at, value: Octets(octets) }) = section.parsed("max_bytes") {
        if octets < MIN_SPOOL_BYTES {
            section.problem(at, "`max_bytes` must be at least 1MiB");
        }
        settings.max_bytes = octets;
    }
    if let Some(Located { at, value: Span(span) }) = section.parsed("fsync") {
        if span > Duration::from_secs(60) {
            section.problem(at, "`fsync` must be from 0s, after every write, to 60s");
        }
        settings.fsync = span;
    }
    let rows = section.integer("rows_per_second", (1_000, 100_000_000));
    let default = WriterSettings::default().rows_per_second;
    Spool { settings, rows_per_second: rows.map_or(default, |rows| rows.value) }
}

/// How long each tier is kept.
fn retention(section: &mut Section<'_, '_, '_, '_>) -> Retention {
    let mut retention = Retention::default();
    for tier in Tier::ALL {
        if let Some(keep) = section.parsed::<Keep>(tier.name()) {
            retention.set(tier, keep.value);
        }
    }
    if let Some(keep) = section.parsed::<Keep>("flow_records") {
        retention.flow_records = keep.value;
    }
    for pair in Tier::ALL.windows(2) {
        let [fine, coarse] = pair else { continue };
        if !retention.of(*coarse).is_at_least(retention.of(*fine)) {
            section.problem(section.at, format!("`{coarse}` must be kept as long as `{fine}`"));
        }
    }
    retention
}

fn networks(section: &mut Section<'_, '_, '_, '_>, folder: &Path) -> Sources {
    let mut files = Vec::new();
    for Located { at, value } in section.list::<String>("files") {
        let file = folder.join(&value);
        if !networks::is_known_kind(&file) {
            let problem = format!("`files` holds \"{value}\": its name must end in .mmdb or .csv");
            section.problem(at, problem);
        }
        files.push(file);
    }
    let prefixes = section.list("prefixes").into_iter().map(|prefix| prefix.value).collect();
    Sources { files, prefixes }
}

impl Config {
    /// Serves at this address, if one is given, instead of the configured one.
    pub(crate) fn listen_on(&mut self, listen: Option<SocketAddr>) -> Result<(), Failure> {
        let Some(listen) = listen else { return Ok(()) };
        if let Some(problem) = exposed(listen, self.api.asks_for_something()) {
            return Err(Failure::Unusable(format!("etiage: --listen: {problem}")));
        }
        self.api.listen = listen;
        Ok(())
    }

    /// The links' names, in the order of the link map.
    pub(crate) fn link_names(&self) -> Vec<Arc<str>> {
        self.links.iter().map(|link| link.name.clone()).collect()
    }

    /// The history of the configured links, and what it is judged by.
    pub(crate) fn history(&self, store: etiage_store::Store) -> History {
        let Detection { parameters, calendar, .. } = self.detection.clone();
        History {
            store,
            probe: self.probe.clone(),
            links: self.link_names(),
            detection: etiage_detection::Detection { parameters, calendar },
        }
    }

    /// How packets of live interfaces map to links.
    pub(crate) fn live_links(&self) -> LinkMap {
        let rules = self.links.iter().map(|link| link.rule.clone()).collect();
        LinkMap::new(rules, self.local())
    }

    /// How packets of savefiles map to links: as live ones do, but that a savefile has no interfaces.
    /// With a name, every packet is that link's.
    pub(crate) fn savefile_links(&self) -> LinkMap {
        let mut rules: Vec<_> = self.links.iter().map(|link| link.rule.clone()).collect();
        for rule in &mut rules {
            rule.interfaces.clear();
        }
        LinkMap::new(rules, self.local())
    }

    /// Keeps only one link, which then takes every packet; its neighbour's MAC addresses still tell the
    /// direction. A link that is not configured is made.
    pub(crate) fn only_link(&mut self, name: &str) -> Result<(), Failure> {
        let Name(name) = name
            .parse()
            .map_err(|error| Failure::Unusable(format!("etiage: --link \"{name}\": {error}")))?;
        let known = self.links.iter().find(|link| link.name == name).cloned();
        let mut link = known.unwrap_or_else(|| Link::everything(&name));
        link.rule.vlan = None;
        link.rule.prefixes.clear();
        self.links = vec![link];
        Ok(())
    }

    pub(crate) fn local(&self) -> Vec<IpNet> {
        if self.local_prefixes.is_empty() {
            return etiage_capture::private_prefixes();
        }
        self.local_prefixes.clone()
    }
}
