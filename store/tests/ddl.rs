//! The statements that make a database, as `etiage schema` prints them: known to the letter, and each one
//! accepted by the engine's own parser.
//!
//! After a wanted change: `ETIAGE_BLESS=1 cargo test -p etiage-store --test ddl`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test fails so.

mod common;

use std::path::Path;

use common::{Database, client};
use etiage_store::{Keep, Settings, schema};

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("ETIAGE_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(golden, text, "{name} has changed");
}

#[tokio::test]
async fn the_statements_are_known_and_parse() {
    let plain = Settings::new("http://127.0.0.1:8123");
    let cluster = Settings { cluster: Some("main".to_owned()), ..plain.clone() };
    let database = Database::start().await;
    let parser = client(&Settings { database: "default".to_owned(), ..database.engine.settings() });
    for (name, settings) in [("schema.sql", plain), ("schema-cluster.sql", cluster)] {
        let text = schema(&settings);
        check(name, &text);
        let statements: Vec<&str> = text.split(";\n").map(str::trim).collect();
        let statements: Vec<_> = statements.into_iter().filter(|sql| !sql.is_empty()).collect();
        assert!(statements.len() > 50, "{}", statements.len());
        for sql in statements {
            let explained = parser.query_raw(&format!("EXPLAIN AST {sql}")).execute().await;
            assert!(explained.is_ok(), "{sql}\n{explained:?}");
        }
    }
    // The parser does tell what is wrong.
    assert!(parser.query_raw("EXPLAIN AST CREATE TABEL x (a Int8)").execute().await.is_err());
    database.engine.stop().await;
}

#[test]
fn retention_is_part_of_the_statements() {
    let mut settings = Settings::new("http://127.0.0.1:8123");
    settings.retention.minute = Keep::Forever;
    settings.retention.day = Keep::days(10_000);
    let text = schema(&settings);
    let table = |name: &str| {
        let (_, rest) = text.split_once(&format!("CREATE TABLE IF NOT EXISTS {name}\n")).unwrap();
        rest.split(";\n").next().unwrap().to_owned()
    };
    assert!(table("volumes_10s").contains("\nTTL written + toIntervalHour(72)\n"));
    assert!(!table("volumes_1m").contains("TTL"));
    assert!(table("volumes_1d").contains("\nTTL written + toIntervalHour(240000)\n"));
}
