//! Opening databases: new, known, newer, foreign, unreachable.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test fails so.

mod common;

use common::{Database, client};
use etiage_store::{Error, Settings, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_database_is_made_once_and_opened_often() {
    let database = Database::start().await;
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    assert!(store.version().starts_with("26."), "{}", store.version());
    assert_eq!(store.size().await.unwrap().rows, 6, "one row a migration");
    Store::open(&settings).await.unwrap();
    let (first, second) = tokio::join!(Store::open(&settings), Store::open(&settings));
    first.unwrap();
    second.unwrap();
    let versions: Vec<u32> = client(&settings)
        .query("SELECT version FROM schema_migrations FINAL ORDER BY version")
        .fetch_all()
        .await
        .unwrap();
    assert_eq!(versions, [4, 5, 6, 7, 8, 9]);
    let tables: Vec<String> = client(&settings)
        .query(
            "SELECT name FROM system.tables WHERE database = currentDatabase() \
             AND engine != 'MaterializedView' ORDER BY name",
        )
        .fetch_all()
        .await
        .unwrap();
    let mut expected = vec!["schema_migrations".to_owned()];
    for (family, tiers) in [
        ("volumes", "10s 1m 5m 1h 1d"),
        ("links", "10s 1m 5m 1h 1d"),
        ("loads", "10s 1m 5m 1h 1d"),
        ("classes", "10s 1m 5m 1h 1d"),
        ("networks", "1m 1h 1d"),
        ("asns", "1m 1h 1d"),
        ("observations", "10s 1m 5m 1h 1d"),
        ("round_trips", "10s 1m 1h 1d"),
    ] {
        expected.extend(tiers.split(' ').map(|tier| format!("{family}_{tier}")));
    }
    let alone = ["events", "event_notes", "alert_log", "saved_views", "flow_records"];
    expected.extend(alone.map(str::to_owned));
    expected.extend(["ledger", "ledger_forgotten"].map(str::to_owned));
    expected.sort_unstable();
    assert_eq!(tables, expected);

    // Two programs on an empty database at the same time.
    let settings = database.fresh();
    let (first, second) = tokio::join!(Store::open(&settings), Store::open(&settings));
    first.unwrap();
    second.unwrap();

    // A migration that was interrupted before it was recorded.
    client(&settings)
        .query("DELETE FROM schema_migrations WHERE version >= 4")
        .with_setting("mutations_sync", "1")
        .execute()
        .await
        .unwrap();
    Store::open(&settings).await.unwrap();

    // Of a newer program.
    client(&settings)
        .query("INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'x', 'y')")
        .execute()
        .await
        .unwrap();
    match Store::open(&settings).await {
        Err(Error::SchemaNewer { found: 99, known: 9, .. }) => {}
        other => panic!("{:?}", other.err()),
    }

    // Made by somebody else's form of a migration.
    let settings = database.fresh();
    Store::open(&settings).await.unwrap();
    client(&settings)
        .query("INSERT INTO schema_migrations (version, name, checksum) VALUES (1, 'x', 'y')")
        .execute()
        .await
        .unwrap();
    assert!(matches!(Store::open(&settings).await, Err(Error::SchemaDiffers { .. })));

    // The wrong password, no password, the wrong user.
    for (user, password) in [("default", Some("wrong")), ("default", None), ("root", Some("x"))] {
        let user = user.to_owned();
        let settings = Settings { user, password: password.map(str::to_owned), ..settings.clone() };
        let error = Store::open(&settings).await.err().unwrap();
        assert!(matches!(error, Error::Denied { .. }), "{error}");
        assert!(!error.to_string().contains("wrong"), "{error}");
    }
    database.engine.stop().await;
}

fn foreign(url: String) -> Settings {
    Settings::new(url)
}

#[tokio::test]
async fn an_unreachable_server_is_named() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = Store::open(&foreign(format!("http://127.0.0.1:{port}"))).await.err().unwrap();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

/// A server as old as the one in Debian's archive: it answers the first question, in plain text.
#[tokio::test]
async fn a_server_that_is_too_old_is_refused() {
    for (answer, found) in
        [("18.16.1\n", "18.16.1"), ("24.7.6.8\n", "24.7.6.8"), ("<html>", "<html>")]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length:";
            stream
                .write_all(format!("{head} {}\r\n\r\n{answer}", answer.len()).as_bytes())
                .await
                .unwrap();
            request
        });
        let error = Store::open(&foreign(format!("http://{address}"))).await.err().unwrap();
        match &error {
            Error::TooOld { found: version, needed, .. } => {
                assert_eq!((version.as_str(), needed.as_str()), (found, "24.8"));
            }
            other => panic!("{other}"),
        }
        assert!(server.await.unwrap().contains("SELECT version()"));
    }
}
