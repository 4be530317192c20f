//! The ledger of what was written: exact when groups are repeated, silent about what expired or was dropped, and
//! loud about what is gone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test fails so.

mod common;

use common::{Database, MIDNIGHT, batch, client, round_trips, volume};
use etiage_aggregator::Batch;
use etiage_aggregator::Direction::{In, Out};
use etiage_store::{Finding, Keep, Kind, Settings, Store};

const T: u32 = MIDNIGHT;
const DAY: u32 = 86_400;

async fn execute(settings: &Settings, sql: &str) {
    client(settings).query_raw(sql).execute().await.unwrap();
}

/// An hour of each of four days, in groups.
async fn fill(store: &Store) {
    for day in 0..4 {
        let group: Vec<Batch> = (0..360)
            .map(|number| {
                let volumes = vec![volume("l", In, "web", 700), volume("l", Out, "p2p", 300)];
                let mut batch = batch(T + day * DAY + number * 10, volumes, &["l"]);
                batch.round_trips = vec![round_trips("l", "web", &[(1_000, 3), (2_000, 4)])];
                batch
            })
            .collect();
        for _twice in 0..2 {
            store.insert(&group, &format!("group-{day}")).await.unwrap();
        }
    }
    // Rows that the spool had added up to minutes.
    let minute = Batch { seconds: 60, ..batch(T, vec![volume("l", In, "web", 50)], &["l"]) };
    store.insert(&[minute], "minute").await.unwrap();
}

async fn found(store: &Store) -> Vec<Finding> {
    store.look_at_parts().await.unwrap();
    store.look_at_rows().await.unwrap();
    store.damage()
}

#[tokio::test]
async fn what_was_written_is_known() {
    let database = Database::start().await;
    sums_are_exact(&database).await;
    what_is_gone_is_found_and_given_up(&database).await;
    what_expired_or_was_dropped_is_no_damage(&database).await;
    an_older_databases_history_is_in_the_ledger(&database).await;
    database.engine.stop().await;
}

async fn sums_are_exact(database: &Database) {
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    fill(&store).await;
    let sql = "SELECT family, toUInt64(sum(octets)), toUInt64(sum(packets)) FROM ledger \
               GROUP BY family ORDER BY family";
    let sums: Vec<(String, u64, u64)> = client(&settings).query(sql).fetch_all().await.unwrap();
    let volumes = 4 * 360 * 1_000 + 50;
    let packets = 4 * 360 * 2 + 1;
    let observed = (4 * 360 + 1) * 7;
    assert_eq!(
        sums,
        [
            ("observations".to_owned(), 0, observed),
            ("round_trips".to_owned(), 0, 4 * 360 * 7),
            ("volumes".to_owned(), volumes, packets),
        ]
    );
    assert_eq!(found(&store).await, [], "every tier and family holds it");
    assert!(store.damage_counts().compared);
}

async fn what_is_gone_is_found_and_given_up(database: &Database) {
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    fill(&store).await;
    // As if a part's folder had gone.
    let day = (T + DAY) / DAY;
    execute(&settings, "ALTER TABLE links_10s DROP PARTITION '2026-11-22'").await;
    execute(&settings, "TRUNCATE TABLE round_trips_1h").await;
    execute(&settings, "DROP VIEW loads_1d_view SYNC").await;
    let findings = found(&store).await;
    let of = |place: &str| {
        let finding = findings.iter().find(|finding| finding.place == place);
        finding.unwrap_or_else(|| panic!("{place} is not in {findings:?}")).clone()
    };
    assert_eq!(findings.len(), 3, "{findings:?}");
    assert_eq!(of("links_10s").kind, Kind::MissingRows);
    assert!(of("links_10s").detail.contains("2026-11-22: 360000 of 360000 octets"), "{findings:?}");
    assert!(of("round_trips_1h").detail.contains("2520 of 2520 samples"), "{findings:?}");
    assert_eq!(of("loads_1d_view").kind, Kind::MissingTable);
    let counts = store.damage_counts();
    assert_eq!((counts.days, counts.octets, counts.tables), (5, 360_000, 1));

    // The next start makes the view again, and tells of it.
    let store = Store::open(&settings).await.unwrap();
    let findings = found(&store).await;
    assert!(findings.iter().any(|finding| finding.detail.contains("is made anew")), "{findings:?}");
    let done = store.give_up(false).await.unwrap();
    assert_eq!(done, ["5 days of tables, whose rows are missing, are given up"]);
    assert_eq!(found(&store).await, []);
    // What comes to another day is expected again.
    let next = batch(T + 9 * DAY, vec![volume("l", In, "web", 5)], &["l"]);
    store.insert(&[next], "next").await.unwrap();
    assert_eq!(found(&store).await, []);
    execute(&settings, "TRUNCATE TABLE links_10s").await;
    let findings = found(&store).await;
    assert_eq!(findings.len(), 1, "{findings:?}");
    let last = u64::from(day) + 8;
    assert!(findings[0].detail.contains("2026-11-30: 5 of 5 octets"), "{last}: {findings:?}");
}

async fn what_expired_or_was_dropped_is_no_damage(database: &Database) {
    let mut settings = database.fresh();
    settings.max_size = Some(1);
    let store = Store::open(&settings).await.unwrap();
    fill(&store).await;
    assert!(store.enforce_max_size().await.unwrap().partitions > 0);
    assert_eq!(found(&store).await, [], "dropped for its size");

    // Kept shorter, and then longer again.
    let mut settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    fill(&store).await;
    // As if all was written five days ago.
    for table in ["ledger", "volumes_10s"] {
        let copy = format!("CREATE TABLE copy AS {table}");
        execute(&settings, &copy).await;
        let days = if table == "ledger" { "written - 5" } else { "written - 432000" };
        let old = format!("INSERT INTO copy SELECT * REPLACE ({days} AS written) FROM {table}");
        execute(&settings, &old).await;
        execute(&settings, &format!("EXCHANGE TABLES copy AND {table}")).await;
        execute(&settings, "DROP TABLE copy SYNC").await;
    }
    execute(&settings, "OPTIMIZE TABLE volumes_10s FINAL").await;
    let left: u64 =
        client(&settings).query("SELECT count() FROM volumes_10s").fetch_one().await.unwrap();
    assert_eq!(left, 0, "expired");
    assert_eq!(found(&store).await, [], "expired");
    settings.retention.ten_seconds = Keep::days(20);
    let store = Store::open(&settings).await.unwrap();
    assert_eq!(found(&store).await, [], "expired under the earlier retention");
}

async fn an_older_databases_history_is_in_the_ledger(database: &Database) {
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    fill(&store).await;
    // As version 8 left it.
    for table in ["ledger", "ledger_forgotten"] {
        execute(&settings, &format!("DROP TABLE {table} SYNC")).await;
    }
    let delete =
        "ALTER TABLE schema_migrations DELETE WHERE version = 9 SETTINGS mutations_sync = 1";
    execute(&settings, delete).await;
    let (one, two) = tokio::join!(Store::open(&settings), Store::open(&settings));
    let store = one.unwrap();
    two.unwrap();
    assert_eq!(found(&store).await, []);
    fill(&store).await; // Known by its tokens in every table but the new ledger.
    execute(&settings, "ALTER TABLE classes_5m DROP PARTITION 202611").await;
    let findings = found(&store).await;
    assert!(findings.iter().any(|finding| finding.place == "classes_5m"), "{findings:?}");
}
