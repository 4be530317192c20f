//! `make bench-store`: rows a second, octets a row, and how long the dashboards' questions take; beside
//! them the same questions of the tables that Akvorado keeps, filled with the same traffic in the same
//! engine. Prints Markdown tables.
//!
//! Options by environment: ETIAGE_BENCH_LINKS (100), ETIAGE_BENCH_CLASSES (60), ETIAGE_BENCH_REPEAT (15),
//! ETIAGE_BENCH_DATA (a directory to fill once and use again; a temporary one where absent).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // Ends so.

#[path = "../tests/common/program.rs"]
mod program;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clickhouse::Client;
use etiage_aggregator::{Batch, Direction, Observation, Volume};
use etiage_store::Dimension::{Asn, Category, Direction as Way, Link, Protocol, Service};
use etiage_store::embedded::{Engine, EngineSettings};
use etiage_store::{Dimension, Filter, Settings, Store, TimeRange, TotalsQuery, VolumeQuery};
use time::OffsetDateTime;

/// 1 December 2026, 10:07:30 UTC: neither an hour's nor a day's start. What `now` is for all questions.
const NOW: u32 = 1_796_119_650;
const HOUR: u32 = 3_600;
const DAY: u32 = 86_400;

/// How the year is filled: (tier, seconds, from, to), each stretch at the resolution that the questions
/// over it need. The views fill all coarser tiers from it.
const STRETCHES: [(&str, u32, u32, u32); 4] = [
    ("1h", HOUR, NOW / DAY * DAY - 366 * DAY, NOW / DAY * DAY - 8 * DAY),
    ("5m", 300, NOW / DAY * DAY - 8 * DAY, NOW / HOUR * HOUR - 3 * HOUR),
    ("1m", 60, NOW / HOUR * HOUR - 3 * HOUR, NOW / HOUR * HOUR - HOUR),
    ("10s", 10, NOW / HOUR * HOUR - HOUR, NOW),
];

/// The same for remote networks: 50 of them, in two categories, on each link and way.
const NETWORK_STRETCHES: [(&str, u32, u32, u32); 3] = [
    ("1d", DAY, NOW / DAY * DAY - 366 * DAY, NOW / DAY * DAY - 31 * DAY),
    ("1h", HOUR, NOW / DAY * DAY - 31 * DAY, NOW / HOUR * HOUR - 25 * HOUR),
    ("1m", 60, NOW / HOUR * HOUR - 25 * HOUR, NOW / 60 * 60),
];

/// Starts and numbers of intervals, of two million rows or so an insert.
fn chunks(series: u32, step: u32, from: u32, to: u32) -> impl Iterator<Item = (u32, u32)> {
    let chunk = (2_000_000 / series).max(1) * step;
    (from..to).step_by(chunk as usize).map(move |from| (from, (to.min(from + chunk) - from) / step))
}

/// The octets of a row, by its key's `rate` and its time.
fn octets(from: u32, step: u32, key: &str) -> String {
    format!(
        "toUInt64({step} * rate * (1 + 0.5 * sin(({from} + t * {step}) / 13750.99)) \
         * (1 + 0.3 * ((cityHash64({key}, {from} + t) AS noise) % 1024 / 1024 - 0.5)))"
    )
}

struct Bench {
    store: Store,
    server: Client,
    links: u32,
    classes: u32,
    repeat: usize,
    /// The engine's process.
    engine: u32,
}

/// How long a question takes: by the clock, and of the engine's processors. The latter says more on a
/// machine that has other work.
struct Measured {
    p50: Duration,
    p95: Duration,
    processor: Duration,
}

/// Processor time of a process so far.
fn processor(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Fields 14 and 15, in hundredths of a second; what is in brackets may hold blanks.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 =
        [11, 12].map(|place: usize| fields[place].parse::<u64>().unwrap()).iter().sum();
    Duration::from_millis(ticks * 10)
}

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[tokio::main]
async fn main() {
    let temporary = tempfile::tempdir().unwrap();
    let data = std::env::var_os("ETIAGE_BENCH_DATA")
        .map_or_else(|| temporary.path().join("data"), PathBuf::from);
    let engine_settings = EngineSettings { memory: 3 << 30, ..program::engine_settings(&data) };
    let engine = Engine::start(&engine_settings).await.unwrap();
    let mut settings = engine.settings();
    // The simulated year is older than some tiers are kept.
    for tier in etiage_store::Tier::ALL {
        settings.retention.set(tier, etiage_store::Keep::Forever);
    }
    let store = Store::open(&settings).await.unwrap();
    let bench = Bench {
        server: client(&settings),
        links: number("ETIAGE_BENCH_LINKS", 100),
        classes: number("ETIAGE_BENCH_CLASSES", 60),
        repeat: number("ETIAGE_BENCH_REPEAT", 15) as usize,
        engine: engine.pid(),
        store,
    };
    println!(
        "{} links x {} classes x 2 directions, ClickHouse {}, load {}",
        bench.links,
        bench.classes,
        bench.store.version(),
        std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
    );
    if bench.count("volumes_1d").await == 0 {
        bench.fill().await;
        bench.fill_networks().await;
    }
    if bench.count("system.tables WHERE database = currentDatabase() AND name LIKE 'flows%'").await
        == 0
    {
        bench.fill_akvorado().await;
    }
    bench.sizes().await;
    bench.questions().await;
    bench.inserts(&settings).await;
    engine.stop().await;
}

fn client(settings: &Settings) -> Client {
    settings
        .client()
        .with_setting("max_execution_time", "3600")
        .with_setting("max_partitions_per_insert_block", "0")
        .with_setting("max_insert_threads", "2")
        // Akvorado's tables have an address of low cardinality.
        .with_setting("allow_suspicious_low_cardinality_types", "1")
}

impl Bench {
    async fn execute(&self, sql: &str) {
        self.server.query_raw(sql).execute().await.unwrap();
    }

    async fn count(&self, table: &str) -> u64 {
        self.server.query(&format!("SELECT count() FROM {table}")).fetch_one().await.unwrap()
    }

    /// Daily shape, heavy-tailed shares of classes and links, 15 % noise. In the order of the sorting key,
    /// so that the time goes into writing and not into inventing.
    async fn fill(&self) {
        let (links, classes) = (self.links, self.classes);
        self.execute(&format!(
            "CREATE OR REPLACE TABLE bench_keys ENGINE = Memory AS \
             SELECT toLowCardinality(concat('link-', toString(intDiv(number, {classes} * 2)))) AS link, \
             toLowCardinality(if(number % 2 = 0, 'in', 'out')) AS direction, \
             intDiv(number, 2) % {classes} AS class, \
             toLowCardinality(concat('category-', toString(class % 16))) AS category, \
             toLowCardinality(concat('protocol-', toString(class % 11))) AS protocol, \
             toLowCardinality(concat('service-', toString(class))) AS service, \
             toLowCardinality(concat('probe-', toString(intDiv(number, {classes} * 2) % 4))) AS probe, \
             exp(16 - 0.12 * class - 0.02 * intDiv(number, {classes} * 2)) AS rate \
             FROM numbers({links} * {classes} * 2) ORDER BY link, direction, category, protocol, service"
        ))
        .await;
        for (tier, step, from, to) in STRETCHES {
            let start = Instant::now();
            for (from, times) in chunks(links * classes * 2, step, from, to) {
                self.execute(&format!(
                    "INSERT INTO volumes_{tier} (time, link, direction, category, protocol, service, \
                     probe, octets, packets, flows) \
                     SELECT toDateTime({from} + t * {step}, 'UTC'), link, direction, category, protocol, \
                     service, probe, {} AS o, intDiv(o, 900 + noise % 64), intDiv(o, 70000) \
                     FROM bench_keys ARRAY JOIN range({times}) AS t",
                    octets(from, step, "link, direction, class")
                ))
                .await;
                self.execute(&format!(
                    "INSERT INTO observations_{tier} (time, link, probe, batches, packets, octets, \
                     active_flows, dropped_kernel, late, table_full) \
                     SELECT toDateTime({from} + intDiv(number, {links}) * {step}, 'UTC'), \
                     concat('link-', toString(number % {links})), \
                     concat('probe-', toString(number % {links} % 4)), \
                     {step} / 10, 1000, 1000000, 100, 0, 0, 0 FROM numbers({})",
                    u64::from(times) * u64::from(links)
                ))
                .await;
            }
            eprintln!("{tier} filled in {} s", start.elapsed().as_secs());
        }
    }

    /// Each link has 50 of 500 networks, half of them the same everywhere.
    async fn fill_networks(&self) {
        let links = self.links;
        self.execute(&format!(
            "CREATE OR REPLACE TABLE bench_network_keys ENGINE = Memory AS \
             SELECT toLowCardinality(concat('link-', toString(intDiv(number, 100)))) AS link, \
             toLowCardinality(if(number % 2 = 0, 'in', 'out')) AS direction, \
             intDiv(number, 2) % 50 AS rank, \
             toLowCardinality(concat('category-', toString(rank % 16))) AS category, \
             toUInt32(64500 + if(rank < 25, rank, 25 + (intDiv(number, 100) * 7 + rank) % 475)) AS asn, \
             exp(16 - 0.1 * rank - 0.02 * intDiv(number, 100)) AS rate \
             FROM numbers({links} * 100) ORDER BY link, direction, category, asn"
        ))
        .await;
        for (tier, step, from, to) in NETWORK_STRETCHES {
            let start = Instant::now();
            for (from, times) in chunks(links * 100, step, from, to) {
                self.execute(&format!(
                    "INSERT INTO networks_{tier} (time, link, direction, category, asn, octets, \
                     packets, flows) \
                     SELECT toDateTime({from} + t * {step}, 'UTC'), link, direction, category, asn, \
                     {} AS o, intDiv(o, 900 + noise % 64), intDiv(o, 70000) \
                     FROM bench_network_keys ARRAY JOIN range({times}) AS t",
                    octets(from, step, "link, direction, asn")
                ))
                .await;
            }
            eprintln!("networks at {tier} filled in {} s", start.elapsed().as_secs());
        }
    }

    /// The tables that landscape studies found in Akvorado: keys, types and codecs of its rollups. The
    /// link stands in the interface's name; category, protocol and service are added, as it has none; its
    /// networks, countries and AS numbers are left constant, which makes it as small as it can be.
    async fn fill_akvorado(&self) {
        let start = Instant::now();
        for (table, source) in [
            ("flows_1m0s", "volumes_1m"),
            ("flows_5m0s", "volumes_5m"),
            ("flows_1h0m0s", "volumes_1h"),
        ] {
            self.execute(&format!(
                "CREATE TABLE {table} (TimeReceived DateTime('UTC') CODEC(DoubleDelta, LZ4), \
                 SamplingRate UInt64, ExporterAddress LowCardinality(IPv6), \
                 InIfName LowCardinality(String), OutIfName LowCardinality(String), \
                 SrcAS UInt32, DstAS UInt32, EType UInt32, Proto UInt32, ForwardingStatus UInt32, \
                 SrcNetName LowCardinality(String), DstNetName LowCardinality(String), \
                 SrcCountry FixedString(2), DstCountry FixedString(2), \
                 Dst1stAS UInt32, Dst2ndAS UInt32, Dst3rdAS UInt32, \
                 FlowDirection Enum8('undefined' = 0, 'in' = 1, 'out' = 2), \
                 Category LowCardinality(String), Protocol LowCardinality(String), \
                 Service LowCardinality(String), \
                 Bytes UInt64 CODEC(T64, LZ4), Packets UInt64 CODEC(T64, LZ4)) \
                 ENGINE = SummingMergeTree((Bytes, Packets)) \
                 PARTITION BY toYYYYMMDDhhmmss(toStartOfInterval(TimeReceived, toIntervalSecond({}))) \
                 PRIMARY KEY (TimeReceived, ExporterAddress, EType, Proto, InIfName, SrcAS, \
                 ForwardingStatus, OutIfName, DstAS, SamplingRate) \
                 ORDER BY (TimeReceived, ExporterAddress, EType, Proto, InIfName, SrcAS, \
                 ForwardingStatus, OutIfName, DstAS, SamplingRate, SrcNetName, DstNetName, SrcCountry, \
                 DstCountry, Dst1stAS, Dst2ndAS, Dst3rdAS, FlowDirection, Category, Protocol, Service)",
                // The tier's expiry divided by 50: 7, 90 and 360 days.
                match table {
                    "flows_1m0s" => 12_096,
                    "flows_5m0s" => 155_520,
                    _ => 622_080,
                }
            ))
            .await;
            self.execute(&format!(
                "INSERT INTO {table} SELECT time, 1, toIPv6('::ffff:192.0.2.1'), link, 'core', 64500, \
                 64501, 2048, 6, 64, 'net', 'net', 'FR', 'FR', 64502, 64503, 64504, \
                 toString(direction), category, protocol, service, octets, packets FROM {source} \
                 SETTINGS max_threads = 2"
            ))
            .await;
        }
        eprintln!("Akvorado's tables filled in {} s", start.elapsed().as_secs());
    }

    async fn sizes(&self) {
        let rows: Vec<(String, u64, u64)> = self
            .server
            .query(
                "SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND \
                 database = currentDatabase() AND rows > 1000 GROUP BY table \
                 ORDER BY table",
            )
            .fetch_all()
            .await
            .unwrap();
        println!("\n| table | rows | MB on disk | octets a row |\n|---|---:|---:|---:|");
        for (table, rows, bytes) in rows {
            let each = bytes as f64 / rows as f64;
            println!("| `{table}` | {rows} | {:.1} | {each:.1} |", bytes as f64 / 1e6);
        }
    }

    async fn questions(&self) {
        println!(
            "\n| question | range | step | p50 ms | p95 ms | processor ms | Akvorado's tables: p50 ms | \
             processor ms | times |\n|---|---|---|---:|---:|---:|---:|---:|---:|"
        );
        let mut worst = Duration::ZERO;
        for (name, seconds, step) in [
            ("1 h", HOUR, 30),
            ("24 h", DAY, 300),
            ("7 d", 7 * DAY, HOUR),
            ("30 d", 30 * DAY, 6 * HOUR),
            ("1 y", 365 * DAY, 7 * DAY),
        ] {
            for question in QUESTIONS {
                let own = self.measure(async || self.ask(&question, seconds, step).await).await;
                worst = worst.max(own.p95);
                let step_text = if question.series { format!("{step} s") } else { String::new() };
                let theirs = match akvorado(&question, seconds, step) {
                    Some(sql) => {
                        let theirs = self.measure(async || self.execute(&sql).await).await;
                        format!(
                            "{:.0} | {:.0} | {:.1}",
                            millis(theirs.p50),
                            millis(theirs.processor),
                            millis(theirs.p50) / millis(own.p50),
                        )
                    }
                    None => "| |".to_owned(),
                };
                println!(
                    "| {} | {name} | {step_text} | {:.0} | {:.0} | {:.0} | {theirs} |",
                    question.name,
                    millis(own.p50),
                    millis(own.p95),
                    millis(own.processor),
                );
            }
        }
        println!("\nworst p95: {:.0} ms", millis(worst));
    }

    async fn measure(&self, ask: impl AsyncFn()) -> Measured {
        ask().await; // Warm.
        let mut times = Vec::new();
        let (budget, used) = (Instant::now(), processor(self.engine));
        // At least five, and not a minute for what takes seconds.
        while times.len() < self.repeat && (times.len() < 5 || budget.elapsed().as_secs() < 10) {
            let start = Instant::now();
            ask().await;
            times.push(start.elapsed());
        }
        let processor = (processor(self.engine) - used) / times.len() as u32;
        times.sort_unstable();
        Measured { p50: quantile(&times, 50), p95: quantile(&times, 95), processor }
    }

    async fn ask(&self, question: &Question, seconds: u32, step_secs: u32) {
        let at = |at: u32| OffsetDateTime::from_unix_timestamp(i64::from(at)).unwrap();
        let range = TimeRange { from: at(NOW - seconds), to: at(NOW) };
        let group_by = question.group_by.to_vec();
        let filter = match question.link {
            true => Filter::default().with(Link, "link-7"),
            false => Filter::default(),
        };
        let top = Some(question.top);
        if question.series {
            let query = VolumeQuery { range, step_secs, group_by, filter, top };
            let answer = self.store.volumes(&query).await.unwrap();
            // Networks are kept from 1 min on, and filled as finely for an hour only.
            let as_asked = query.group_by.contains(&Asn) || answer.step_secs == step_secs;
            assert!(as_asked && !answer.series.is_empty(), "{answer:?}");
        } else {
            let query = TotalsQuery { range, group_by, filter, top };
            assert!(self.store.totals(&query).await.unwrap().total.octets > 0);
        }
    }

    /// A minute of all links, an interval of 10 s an insert, as one appliance would write it.
    async fn inserts(&self, settings: &Settings) {
        let settings = Settings { database: "inserts".to_owned(), ..settings.clone() };
        let store = Store::open(&settings).await.unwrap();
        let mut rows = 0;
        let start = Instant::now();
        for interval in 0..6 {
            let batch = self.batch(NOW / DAY * DAY + interval * 10);
            rows += batch.volumes.len() + batch.observations.len();
            store.insert(&[batch], &format!("bench-{interval}")).await.unwrap();
        }
        let taken = start.elapsed();
        println!(
            "\ninserted with all rollups: {:.0} rows/s ({rows} rows, {:.0} ms an interval of 10 s)",
            rows as f64 / taken.as_secs_f64(),
            millis(taken) / 6.0,
        );
    }

    fn batch(&self, start: u32) -> Batch {
        let mut batch = Batch { probe: "probe-1".into(), start, seconds: 10, ..Batch::default() };
        for link in 0..self.links {
            let name: std::sync::Arc<str> = format!("link-{link}").into();
            for class in 0..self.classes {
                for direction in [Direction::In, Direction::Out] {
                    batch.volumes.push(Volume {
                        link: name.clone(),
                        direction,
                        protocol: format!("protocol-{}", class % 11).into(),
                        service: format!("service-{class}").into(),
                        category: format!("category-{}", class % 16).into(),
                        octets: 1_000_000 / u64::from(class + 1) + u64::from(start + link),
                        packets: 1_000,
                        flows: 10,
                    });
                }
            }
            batch.observations.push(Observation { link: name, ..Observation::default() });
        }
        batch
    }
}

/// What the dashboards ask.
struct Question {
    name: &'static str,
    group_by: &'static [Dimension],
    /// Of one link.
    link: bool,
    series: bool,
    top: u32,
}

const fn question(
    name: &'static str,
    group_by: &'static [Dimension],
    link: bool,
    series: bool,
    top: u32,
) -> Question {
    Question { name, group_by, link, series, top }
}

const QUESTIONS: [Question; 14] = [
    question("category and direction over time", &[Category, Way], false, true, 100),
    question("category and direction", &[Category, Way], false, false, 100),
    question("top 10 services", &[Service], false, false, 10),
    question("services by direction", &[Service, Way], false, false, 200),
    question("top 10 protocols", &[Protocol], false, false, 10),
    question("protocols by direction", &[Protocol, Way], false, false, 100),
    question("links by direction", &[Link, Way], false, false, 200),
    question("links over time", &[Link], false, true, 100),
    question("one link: category and direction over time", &[Category, Way], true, true, 100),
    question("one link: top 10 services", &[Service], true, false, 10),
    question("one link: protocols by direction", &[Protocol, Way], true, false, 100),
    question("top 10 networks", &[Asn], false, false, 10),
    question("networks over time", &[Asn], false, true, 10),
    question("one link: top 10 networks", &[Asn], true, false, 10),
];

/// The same question of Akvorado's tables: the coarsest that is no coarser than a 200th of the range. None of
/// networks: there they would be told apart in every row, which these tables leave out.
fn akvorado(question: &Question, seconds: u32, step: u32) -> Option<String> {
    if question.group_by.contains(&Asn) {
        return None;
    }
    let table = match seconds / 200 {
        HOUR.. => "flows_1h0m0s",
        300.. => "flows_5m0s",
        _ => "flows_1m0s",
    };
    let column = |dimension: &Dimension| match dimension {
        Link => "InIfName",
        Way => "FlowDirection",
        Category => "Category",
        Protocol => "Protocol",
        _ => "Service",
    };
    let keys: Vec<_> = question.group_by.iter().map(column).collect();
    let keys = keys.join(", ");
    let link = if question.link { " AND InIfName = 'link-7'" } else { "" };
    let condition = format!(
        "TimeReceived >= toDateTime({}, 'UTC') AND TimeReceived < toDateTime({NOW}, 'UTC'){link}",
        NOW - seconds
    );
    let sums = "SUM(Bytes * SamplingRate) AS b, SUM(Packets * SamplingRate)";
    if !question.series {
        return Some(format!(
            "SELECT {keys}, {sums} FROM {table} WHERE {condition} GROUP BY {keys} ORDER BY b DESC \
             LIMIT {} FORMAT Null",
            question.top
        ));
    }
    let step = step.max(60);
    Some(format!(
        "WITH top AS (SELECT {keys} FROM {table} WHERE {condition} GROUP BY {keys} \
         ORDER BY SUM(Bytes * SamplingRate) DESC LIMIT {}) \
         SELECT toStartOfInterval(TimeReceived, toIntervalSecond({step})) AS t, \
         if(({keys}) IN top, [{strings}], ['Other']) AS dimensions, {sums} FROM {table} \
         WHERE {condition} GROUP BY t, dimensions ORDER BY t FORMAT Null",
        question.top,
        strings =
            keys.split(", ").map(|key| format!("toString({key})")).collect::<Vec<_>>().join(", "),
    ))
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
