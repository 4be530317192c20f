//! A database of the first release becomes one of this release, and answers the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test fails so.

mod common;

use common::{Database, MIDNIGHT, client, range};
use etiage_store::{
    Counts, Dimension, Error, Filter, RoundTripQuery, Settings, Store, TotalsQuery, VolumeQuery,
};

/// The files as they were released.
const FIRST_RELEASE: [(&str, &str); 3] = [
    ("0001_volumes_10s", include_str!("fixtures/v1/0001_volumes_10s.sql")),
    ("0002_observations_10s", include_str!("fixtures/v1/0002_observations_10s.sql")),
    ("0003_round_trips_10s", include_str!("fixtures/v1/0003_round_trips_10s.sql")),
];

/// What the first release recorded of a file.
fn checksum(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

const HOURS: u32 = 5;
const LINKS: u64 = 3;
const CLASSES: u64 = 4;

/// A database as the first release made and filled it: two workers' rows not yet merged, one recording of
/// 2012 and some hours of now, written ten days ago.
async fn first_release(settings: &Settings) {
    let server = client(&Settings { database: "default".to_owned(), ..settings.clone() });
    server.query(&format!("CREATE DATABASE {}", settings.database)).execute().await.unwrap();
    let database = client(settings);
    let execute = async |sql: &str| database.query_raw(sql).execute().await.unwrap();
    execute(
        "CREATE TABLE schema_migrations (version UInt32, name String, checksum String, \
         applied DateTime('UTC') DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY version",
    )
    .await;
    for (index, (name, sql)) in FIRST_RELEASE.into_iter().enumerate() {
        execute(sql).await;
        let version = index + 1;
        let checksum = checksum(sql);
        execute(&format!(
            "INSERT INTO schema_migrations (version, name, checksum) \
             VALUES ({version}, '{name}', '{checksum}')"
        ))
        .await;
    }
    for start in [MIDNIGHT, 1_326_999_600] {
        let times = u64::from(HOURS) * 360;
        for _worker in 0..2 {
            execute(&format!(
                "INSERT INTO volumes_10s SELECT toDateTime({start} + 10 * intDiv(number, 12), 'UTC'), \
                 'link-' || toString(number % {LINKS}), ['in', 'out'][number % 2 + 1], \
                 'category-' || toString(intDiv(number, 3) % {CLASSES}), 'tls', 'none', 'probe-1', \
                 1000 + number, 10, 1, now() - 864000 FROM numbers({})",
                times * 12
            ))
            .await;
            execute(&format!(
                "INSERT INTO observations_10s SELECT \
                 toDateTime({start} + 10 * intDiv(number, 3), 'UTC'), \
                 'link-' || toString(number % {LINKS}), 'probe-1', 1, 40, 4000, 7, 0, 0, 0, \
                 now() - 864000 FROM numbers({})",
                times * 3
            ))
            .await;
            execute(&format!(
                "INSERT INTO round_trips_10s SELECT toDateTime({start} + 10 * number, 'UTC'), \
                 'link-0', 'web', 1000 * (1 + number % 7), 'probe-1', 2, now() - 864000 \
                 FROM numbers({times})"
            ))
            .await;
        }
    }
}

/// What the first release's rows add up to, by its own tables.
async fn expected(settings: &Settings) -> Counts {
    let sql = "SELECT sum(octets), sum(packets), sum(flows) FROM volumes_10s";
    let (octets, packets, flows) = client(settings).query(sql).fetch_one().await.unwrap();
    Counts { octets, packets, flows }
}

async fn answers_the_same(store: &Store, expected: Counts) {
    let half = |counts: Counts| (counts.octets * 2, counts.packets * 2, counts.flows * 2);
    for start in [MIDNIGHT, 1_326_999_600] {
        let range = range(start, start + HOURS * 3_600);
        for group_by in [
            vec![],
            vec![Dimension::Category],
            vec![Dimension::Link],
            vec![Dimension::Link, Dimension::Service],
        ] {
            let filter = Filter::default();
            let query = TotalsQuery { range, group_by: group_by.clone(), filter, top: None };
            let answer = store.totals(&query).await.unwrap();
            assert_eq!(
                half(answer.total),
                (expected.octets, expected.packets, expected.flows),
                "{start} {group_by:?}"
            );
            for step_secs in [10, 60, 3_600] {
                let filter = Filter::default();
                let group_by = group_by.clone();
                let query = VolumeQuery { range, step_secs, group_by, filter, top: None };
                let answer = store.volumes(&query).await.unwrap();
                assert_eq!(answer.step_secs, step_secs);
                let sum: u64 = answer.series.iter().map(|series| series.total.octets).sum();
                assert_eq!(sum * 2, expected.octets);
            }
        }
        let observed = store.observations(range).await.unwrap();
        assert_eq!(observed.len() as u64, LINKS);
        assert_eq!(observed[0].packets, u64::from(HOURS) * 360 * 2 * 40);
        let filter = Filter::default();
        let answer = store.round_trips(&RoundTripQuery { range, step_secs: 3_600, filter }).await;
        let answer = answer.unwrap();
        assert_eq!(answer.samples.iter().sum::<u64>(), u64::from(HOURS) * 360 * 4);
        assert!(answer.p50_us.iter().all(|p50| *p50 == Some(4_000)), "{:?}", answer.p50_us);
    }
}

async fn tables(settings: &Settings, like: &str) -> Vec<String> {
    let sql = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE ?";
    client(settings).query(sql).bind(like).fetch_all().await.unwrap()
}

#[tokio::test]
async fn the_first_releases_database_is_taken_over() {
    let database = Database::start().await;
    let settings = database.fresh();
    // Ten days old: kept here, so that the answers of the finest tier can be compared too.
    let mut settings = settings;
    settings.retention.ten_seconds = etiage_store::Keep::days(20);
    first_release(&settings).await;
    let counts = expected(&settings).await;
    assert!(counts.octets > 0);
    // Two programs at the same time.
    let (one, two) = tokio::join!(Store::open(&settings), Store::open(&settings));
    let store = one.unwrap();
    two.unwrap();
    answers_the_same(&store, counts).await;
    assert!(tables(&settings, "%_v1").await.is_empty(), "the old tables are gone");
    Store::open(&settings).await.unwrap();
    answers_the_same(&store, counts).await;
    // When it was written is taken over too: the tiers forget it when it is due.
    let sql = "SELECT count() FROM volumes_1h WHERE written > now() - 863000";
    let young: u64 = client(&settings).query(sql).fetch_one().await.unwrap();
    assert_eq!(young, 0);

    a_migration_that_was_cut_off_goes_on(&database).await;
    the_tiers_get_their_coarser_families(&database).await;

    let settings = database.fresh();
    first_release(&settings).await;
    client(&settings)
        .query("INSERT INTO schema_migrations (version, name, checksum) VALUES (2, 'x', 'y')")
        .execute()
        .await
        .unwrap();
    assert!(matches!(Store::open(&settings).await, Err(Error::SchemaDiffers { .. })));
    assert!(tables(&settings, "%_v1").await.is_empty(), "left as it was");
    database.engine.stop().await;
}

/// Half of the hours were taken over, nothing was recorded.
async fn a_migration_that_was_cut_off_goes_on(database: &Database) {
    let mut settings = database.fresh();
    settings.retention.ten_seconds = etiage_store::Keep::days(20);
    first_release(&settings).await;
    let counts = expected(&settings).await;
    // As after the first steps: the old tables aside with only their first hours, then cut off.
    let cut = client(&settings);
    let execute = async |sql: &str| cut.query_raw(sql).execute().await.unwrap();
    execute("CREATE TABLE saved AS volumes_10s").await;
    let rest = format!("time >= toDateTime({} + 7200)", MIDNIGHT);
    execute(&format!("INSERT INTO saved SELECT * FROM volumes_10s WHERE {rest}")).await;
    let delete = format!("ALTER TABLE volumes_10s DELETE WHERE {rest} SETTINGS mutations_sync = 1");
    execute(&delete).await;
    let whole = client(&settings);
    Store::open(&settings).await.unwrap();
    whole.query("TRUNCATE TABLE schema_migrations").execute().await.unwrap();
    for (version, (name, sql)) in (1..).zip(FIRST_RELEASE) {
        let checksum = checksum(sql);
        execute(&format!(
            "INSERT INTO schema_migrations (version, name, checksum) \
             VALUES ({version}, '{name}', '{checksum}')"
        ))
        .await;
    }
    // All of the old rows, aside, as before the end of a migration.
    execute(FIRST_RELEASE[0].1.replace("volumes_10s", "volumes_10s_v1").as_str()).await;
    execute("INSERT INTO volumes_10s_v1 SELECT * FROM saved").await;
    execute(&format!(
        "INSERT INTO volumes_10s_v1 SELECT time, link, direction, category, protocol, service, probe, \
         octets, packets, flows, written FROM volumes_10s WHERE NOT ({rest})"
    ))
    .await;
    execute("DROP TABLE saved").await;
    let store = Store::open(&settings).await.unwrap();
    answers_the_same(&store, counts).await;
}

/// The statements of version 4, as they were released.
const VERSION_4: &str = include_str!("fixtures/v4/schema.sql");

/// A database of version 4, which knew neither `loads` nor `asns`.
async fn the_tiers_get_their_coarser_families(database: &Database) {
    let settings = database.fresh();
    let server = client(&Settings { database: "default".to_owned(), ..settings.clone() });
    server.query(&format!("CREATE DATABASE {}", settings.database)).execute().await.unwrap();
    let old = client(&settings);
    let execute = async |sql: &str| old.query_raw(sql).execute().await.unwrap();
    for statement in VERSION_4.split(";\n").map(str::trim) {
        if statement.starts_with("CREATE TABLE") || statement.starts_with("CREATE MATERIALIZED") {
            execute(statement).await;
        }
    }
    // What it recorded; a change of any file of it would be refused here.
    execute(
        "INSERT INTO schema_migrations (version, name, checksum) \
         VALUES (4, '0004_tiers', '35e91f4320819670')",
    )
    .await;
    let intervals = u64::from(HOURS) * 360;
    execute(&format!(
        "INSERT INTO volumes_10s (time, link, direction, category, protocol, service, probe, octets, \
         packets, flows) SELECT toDateTime({MIDNIGHT} + 10 * intDiv(number, 12), 'UTC'), \
         'link-' || toString(number % {LINKS}), ['in', 'out'][number % 2 + 1], \
         'category-' || toString(intDiv(number, 3) % {CLASSES}), 'tls', 'none', 'probe-1', \
         1000 + number, 10, 1 FROM numbers({})",
        intervals * 12
    ))
    .await;
    execute(&format!(
        "INSERT INTO observations_10s (time, link, probe, batches, packets, octets, active_flows, \
         dropped_kernel, late, table_full) SELECT toDateTime({MIDNIGHT} + 10 * intDiv(number, 3), 'UTC'), \
         'link-' || toString(number % {LINKS}), 'probe-1', 1, 40, 4000, 7, 0, 0, 0 FROM numbers({})",
        intervals * 3
    ))
    .await;
    execute(
        "INSERT INTO networks_1m (time, link, direction, category, asn, octets, packets, flows) \
         SELECT time, link, direction, category, 64500 + cityHash64(category) % 3, sum(v.octets), \
         sum(v.packets), sum(v.flows) FROM volumes_1m AS v GROUP BY ALL",
    )
    .await;
    // Two programs at the same time; then once more.
    let (one, two) = tokio::join!(Store::open(&settings), Store::open(&settings));
    let store = one.unwrap();
    two.unwrap();
    Store::open(&settings).await.unwrap();
    let expected = expected(&settings).await;
    let range = range(MIDNIGHT, MIDNIGHT + HOURS * 3_600);
    let ask = async |group_by: Vec<Dimension>| {
        let filter = Filter::default();
        let query = TotalsQuery { range, group_by: group_by.clone(), filter, top: None };
        let total = store.totals(&query).await.unwrap().total;
        for step_secs in [10, 300, 3_600] {
            let (group_by, filter) = (group_by.clone(), Filter::default());
            let query = VolumeQuery { range, step_secs, group_by, filter, top: None };
            let answer = store.volumes(&query).await.unwrap();
            let sum: u64 = answer.series.iter().map(|series| series.total.octets).sum();
            assert_eq!(sum, total.octets, "{group_by:?} {step_secs}", group_by = query.group_by);
        }
        total
    };
    for group_by in
        [vec![Dimension::Link], vec![Dimension::Asn], vec![Dimension::Asn, Dimension::Link]]
    {
        assert_eq!(ask(group_by.clone()).await, expected, "{group_by:?}");
    }
    // What comes next is in them too.
    execute(&format!(
        "INSERT INTO volumes_10s (time, link, direction, category, protocol, service, probe, octets, \
         packets, flows) VALUES (toDateTime({MIDNIGHT}, 'UTC'), 'link-0', 'in', 'web', 'tls', 'none', \
         'probe-1', 5, 1, 1)"
    ))
    .await;
    assert_eq!(ask(vec![Dimension::Link]).await.octets, expected.octets + 5);
}
