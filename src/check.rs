//! `etiage check`: what a configuration means.

use std::path::PathBuf;

use clap::Args;
use etiage_aggregator::{FlowRecordSettings, LocalAddresses};

use crate::config::{self, Config, Interface, Spool, Store, bit_rate, size};
use crate::failure::Failure;
use crate::privileges;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The configuration
    #[arg(long, short, value_name = "FILE", default_value = "etiage.toml")]
    config: PathBuf,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = config::load(&arguments.config)?;
    println!("{} is valid.", arguments.config.display());
    println!("probe     {}", config.probe);
    println!("local     {}", local(&config));
    println!("services  {} known", config.rules.len());
    println!(
        "flows     at most {} within {} for each worker; TCP idle {} s, others {} s{}",
        config.flows.max_flows,
        size(config.flows.max_memory),
        config.flows.tcp_idle.as_secs(),
        config.flows.udp_idle.as_secs(),
        if config.vlan_in_key { "; told apart by VLAN too" } else { "" },
    );
    for interface in &config.interfaces {
        println!("capture   {}", capture(interface));
    }
    match &config.store {
        Store::Embedded { data, backups, .. } => {
            println!("store     embedded engine in {}", data.display());
            match backups {
                Some(folder) => println!("backups   in {}", folder.display()),
                None => println!("backups   nowhere: [store] backups is not set"),
            }
        }
        Store::Server(settings) => println!(
            "store     ClickHouse at {}, database {}, user {}, {}",
            settings.url,
            settings.database,
            settings.user,
            if settings.password.is_some() { "with password" } else { "without password" },
        ),
    }
    let Spool { settings: spool, rows_per_second } = &config.spool;
    println!(
        "spool     at most {} octets in {}, forced to disk {}; drained at up to {rows_per_second} rows/s",
        spool.max_bytes,
        spool.directory.display(),
        if spool.fsync.is_zero() {
            "after every write".to_owned()
        } else {
            format!("every {} ms", spool.fsync.as_millis())
        },
    );
    println!("memory    {}", memory(&config));
    println!("disk      {}", disk(&config));
    match config.networks.read() {
        Ok(networks) if networks.is_empty() => println!("networks  none known"),
        Ok(networks) => println!("networks  {} ranges of addresses", networks.len()),
        Err(error) => return Err(Failure::Unusable(format!("etiage: {error}"))),
    }
    if let Some(settings) = &config.flow_records {
        println!("records   {}", records(settings));
    }
    let token = match config.api.asks_for_something() {
        true if config.api.token.is_some() => "bearer token demanded",
        true => "a login is demanded",
        false => "no token",
    };
    println!("api       {}://{}, {token}", config.api.scheme(), config.api.listen);
    if let Some(door) = &config.api.proxy_socket {
        println!("api       for the proxy of user {}: {}", door.user, door.path.display());
    }
    for line in crate::alerts::describe(&config.alerts) {
        println!("alerts    {line}");
    }
    println!("process   {}", privileges::describe(&config));
    for link in &config.links {
        println!("link      {}", describe(link, &config));
    }
    if config.links.is_empty() {
        println!("link      none: `etiage run` has nothing to capture");
    }
    for warning in config.api.warnings().into_iter().chain(in_the_open(&config, arguments)) {
        println!("warning   {warning}");
    }
    Ok(())
}

/// Tokens that stand in a configuration which others can read.
fn in_the_open(config: &Config, arguments: &Arguments) -> Option<String> {
    let open = etiage_api::open_to_others(&arguments.config).ok().flatten();
    open.filter(|_| config.api.holds_secrets).map(|problem| {
        format!("a token stands in the configuration, and {problem}; or use `token_file`")
    })
}

/// Which flows are recorded.
fn records(settings: &FlowRecordSettings) -> String {
    let others = match settings.sample {
        0 => String::new(),
        sample => format!(", and one of {sample} others"),
    };
    format!(
        "flows of {} and more{others}; local addresses {}",
        size(settings.heavy),
        match settings.local_addresses {
            LocalAddresses::Truncated => "truncated",
            LocalAddresses::Clear => "in clear",
        },
    )
}

/// What `etiage run` may take of the machine's memory.
fn memory(config: &Config) -> String {
    let captures = || config.interfaces.iter().map(|interface| &interface.capture);
    let workers: u64 = captures().map(|capture| u64::from(capture.workers)).sum();
    let flows = config.flows.max_memory.saturating_mul(workers);
    let ring =
        |capture: &config::Capture| u64::from(capture.workers) * u64::from(capture.ring_octets);
    let rings: u64 = captures().map(ring).sum();
    let engine = match &config.store {
        Store::Embedded { memory, .. } => Some(*memory),
        Store::Server(_) => None,
    };
    let sum = flows.saturating_add(rings).saturating_add(engine.unwrap_or_default());
    format!(
        "at most {}: flows {} ({workers} x {}), rings {}{}",
        size(sum),
        size(flows),
        size(config.flows.max_memory),
        size(rings),
        engine.map(|engine| format!(", engine {}", size(engine))).unwrap_or_default(),
    )
}

/// What it may take of the disk.
fn disk(config: &Config) -> String {
    let spool = config.spool.settings.max_bytes;
    let Store::Embedded { kept, .. } = &config.store else {
        return format!("at most {}: the spool", size(spool));
    };
    match kept.max_size {
        Some(history) => format!(
            "at most {}: spool {}, history {}",
            size(spool.saturating_add(history)),
            size(spool),
            size(history),
        ),
        None => format!("spool at most {}, history as long as it is kept", size(spool)),
    }
}

fn capture(interface: &Interface) -> String {
    let Interface { name, capture } = interface;
    let workers = match capture.workers {
        1 => "1 worker, a ring".to_owned(),
        many => format!("{many} workers, each with a ring"),
    };
    let cores = match capture.cores.as_slice() {
        [] => String::new(),
        [core] => format!(", on core {core}"),
        cores => format!(", on cores {}", join(cores)),
    };
    format!(
        "interface {name}: {workers} of {} octets{cores}; {} octets of each packet{}",
        capture.ring_octets,
        capture.snap_octets,
        if capture.promiscuous { ", promiscuous" } else { "" },
    )
}

fn local(config: &Config) -> String {
    if config.local_prefixes.is_empty() {
        return "not configured: private, shared and link-local ranges".to_owned();
    }
    join(&config.local_prefixes)
}

fn describe(link: &config::Link, config: &Config) -> String {
    let mut words = vec![format!("{} ({}", link.name, link.kind)];
    if let Some(asn) = link.neighbour_asn {
        words.push(format!(", AS{asn}"));
    }
    match link.capacity_bps {
        Some(capacity) => words.push(format!(", {} each way):", bit_rate(capacity))),
        None => words.push("):".to_owned()),
    }
    if let Some(ratio) = link.ratio_policy {
        words.push(format!(" out:in at most {ratio};"));
    }
    if let Some(tariff) = &link.tariff {
        let burst = tariff.burst_price.map(|price| format!(", {price} above it"));
        words.push(format!(
            " {} a Mbit/s ({} of the 95th percentiles), commit {}{};",
            tariff.price,
            tariff.billed_by.name(),
            bit_rate(tariff.commit_bps),
            burst.unwrap_or_default(),
        ));
    }
    for (interface, direction) in &link.rule.interfaces {
        let name =
            config.interfaces.get(usize::from(*interface)).map_or("?", |interface| &interface.name);
        match direction {
            None => words.push(format!(" interface {name}")),
            Some(direction) => words.push(format!(" interface {name} (only {direction})")),
        }
    }
    if let Some(vlan) = link.rule.vlan {
        words.push(format!(" VLAN {vlan}"));
    }
    if !link.rule.neighbour_macs.is_empty() {
        words.push(format!(" neighbour {}", join(&link.rule.neighbour_macs)));
    }
    if !link.rule.prefixes.is_empty() {
        words.push(format!(" prefixes {}", join(&link.rule.prefixes)));
    }
    words.push(format!("; direction by {}", direction_by(link)));
    words.concat()
}

fn direction_by(link: &config::Link) -> &'static str {
    if link.rule.interfaces.iter().all(|(_, direction)| direction.is_some()) {
        "interface"
    } else if link.rule.neighbour_macs.is_empty() {
        "local prefixes"
    } else {
        "the neighbour's MAC address"
    }
}

fn join<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
