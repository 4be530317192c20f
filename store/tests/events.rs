//! Events, notes and the log of alerts: what is written is what is read, and only the last state counts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test fails so.

mod common;

use common::{Database, MIDNIGHT, at, batch, range, volume};
use etiage_aggregator::Direction;
use etiage_detector::Key;
use etiage_store::{
    AlertLogRow, EventNote, EventQuery, EventRow, SeriesFilter, Store, Tier, TimeRange, Watermark,
};

fn row(id: &str, onset: u32) -> EventRow {
    EventRow {
        id: id.to_owned(),
        version: 1,
        probe: "probe-1".to_owned(),
        state: "open".to_owned(),
        kind: "shutdown".to_owned(),
        severity: "critical".to_owned(),
        sign: "drop".to_owned(),
        direction: "in".to_owned(),
        onset,
        confirmed: onset + 300,
        ended: None,
        trough: onset + 600,
        depth: 0.25,
        lost_octets: 1e12,
        subject: "a 'quoted' subject; DROP TABLE events".to_owned(),
        links: vec!["transit-1".to_owned(), "ix-1".to_owned()],
        categories: vec!["direct-download".to_owned()],
        top_name: "megaupload".to_owned(),
        top_share: 0.7,
        document: "{}".to_owned(),
    }
}

fn all() -> EventQuery {
    EventQuery { limit: 100, ..EventQuery::default() }
}

async fn ids(store: &Store, query: EventQuery) -> Vec<String> {
    store.events(&query).await.unwrap().into_iter().map(|event| event.id).collect()
}

#[tokio::test]
async fn the_last_state_of_an_event_counts_and_filters_find_it() {
    let database = Database::start().await;
    let store = database.store().await;
    let (one, other) = (row("one", MIDNIGHT), row("other", MIDNIGHT + 7200));
    store.save_events(&[one.clone(), other.clone()]).await.unwrap();
    assert_eq!(store.events(&all()).await.unwrap(), [other.clone(), one.clone()]);
    let ended = EventRow {
        version: 2,
        state: "ended".to_owned(),
        kind: "link-outage".to_owned(),
        severity: "info".to_owned(),
        ended: Some(MIDNIGHT + 3600),
        links: vec!["ix-2".to_owned()],
        categories: vec!["p2p".to_owned()],
        ..one
    };
    // Twice, and the older state once more: nothing is the worse for it.
    store.save_events(&[ended.clone(), ended.clone()]).await.unwrap();
    store.save_events(&[row("one", MIDNIGHT)]).await.unwrap();
    assert_eq!(store.events(&all()).await.unwrap(), [other, ended]);

    let words = |words: &str| vec![words.to_owned()];
    for (query, found) in [
        (EventQuery { states: words("open"), ..all() }, &["other"][..]),
        (EventQuery { states: words("ended"), ..all() }, &["one"]),
        (EventQuery { kinds: words("link-outage"), ..all() }, &["one"]),
        (EventQuery { kinds: words("shift"), ..all() }, &[]),
        (EventQuery { severities: words("critical"), ..all() }, &["other"]),
        (EventQuery { links: words("ix-2"), ..all() }, &["one"]),
        (EventQuery { links: words("ix-1"), ..all() }, &["other"]),
        (EventQuery { categories: words("p2p"), ..all() }, &["one"]),
        (EventQuery { categories: words("p2p') OR 1 --"), ..all() }, &[]),
        (EventQuery { id: Some("other".to_owned()), ..all() }, &["other"]),
        (EventQuery { limit: 1, ..all() }, &["other"]),
        (EventQuery { range: Some(range(MIDNIGHT, MIDNIGHT + 60)), ..all() }, &["one"]),
        // Over before; open since before.
        (EventQuery { range: Some(range(MIDNIGHT + 9000, MIDNIGHT + 9060)), ..all() }, &["other"]),
    ] {
        assert_eq!(ids(&store, query.clone()).await, found, "{query:?}");
    }

    let note = |action: &str, at: i64, until| EventNote {
        event: "one".to_owned(),
        at,
        who: "o'hara".to_owned(),
        action: action.to_owned(),
        text: "called the \"NOC\"\n".to_owned(),
        until,
    };
    let notes = [
        note("acknowledge", 1_795_219_200_123, None),
        note("silence", 1_795_219_201_000, Some(MIDNIGHT + 86_400)),
    ];
    for note in notes.clone() {
        store.add_notes(&[note]).await.unwrap();
    }
    assert_eq!(store.notes(&["one".to_owned(), "other".to_owned()]).await.unwrap(), notes);
    assert!(store.notes(&["other".to_owned()]).await.unwrap().is_empty());
    assert!(store.notes(&[]).await.unwrap().is_empty());

    let alert = AlertLogRow {
        event: "one".to_owned(),
        fingerprint: "f00d".to_owned(),
        route: "operations".to_owned(),
        receiver: "alertmanager".to_owned(),
        transition: "firing".to_owned(),
        at: 1_795_219_200_123,
        outcome: "failed".to_owned(),
        error: "connection refused".to_owned(),
    };
    store.log_alerts(std::slice::from_ref(&alert)).await.unwrap();
    assert_eq!(store.alerts("one").await.unwrap(), [alert]);
    assert!(store.alerts("other").await.unwrap().is_empty());
    a_series_is_read(&store).await;
    database.engine.stop().await;
}

async fn a_series_is_read(store: &Store) {
    let minutes = |from: u32, links: &'static [&'static str]| {
        (from..from + 60).step_by(10).map(move |start| {
            let volumes = links.iter().flat_map(|link| {
                [
                    volume(link, Direction::In, "web", 100),
                    volume(link, Direction::In, "p2p", 10),
                    volume(link, Direction::Out, "web", 1),
                ]
            });
            batch(start, volumes.collect(), links)
        })
    };
    // The second link comes a minute later, and is not seen in the fourth minute.
    let mut batches: Vec<_> = minutes(MIDNIGHT, &["a"]).collect();
    batches.extend(minutes(MIDNIGHT + 60, &["a", "b"]));
    batches.extend(minutes(MIDNIGHT + 120, &["a", "b"]));
    batches.extend(minutes(MIDNIGHT + 180, &["a"]));
    store.insert(&batches, "series").await.unwrap();
    let links = ["a".to_owned(), "b".to_owned()];
    let whole = TimeRange { from: at(MIDNIGHT), to: at(MIDNIGHT + 300) };
    let octets = async |filter: &SeriesFilter, tier| -> Vec<Option<f64>> {
        let bins = store.series(tier, whole, filter, &links).await.unwrap();
        assert_eq!(bins.first().unwrap().start, i64::from(MIDNIGHT));
        bins.into_iter().map(|bin| bin.octets).collect()
    };
    let direction = || "in".into();
    let link = Key::Link { link: "b".into(), direction: direction() };
    let minutes = octets(&SeriesFilter::from(&link), Tier::Minute).await;
    assert_eq!(minutes, [None, Some(660.0), Some(660.0), None, None]);
    let category = Key::Category { direction: direction(), category: "web".into() };
    let minutes = octets(&SeriesFilter::from(&category), Tier::Minute).await;
    assert_eq!(minutes, [Some(600.0), Some(1200.0), Some(1200.0), None, None]);
    let part =
        Key::LinkCategory { link: "a".into(), direction: direction(), category: "p2p".into() };
    assert_eq!(octets(&SeriesFilter::from(&part), Tier::FiveMinutes).await, [Some(240.0)]);
    let service = Key::Service { direction: direction(), service: "none".into() };
    assert_eq!(octets(&SeriesFilter::from(&service), Tier::FiveMinutes).await, [Some(3960.0)]);
    let network = Key::Network { direction: direction(), asn: 64_500 };
    assert_eq!(octets(&SeriesFilter::from(&network), Tier::FiveMinutes).await, [Some(0.0)]);
    assert_eq!(octets(&SeriesFilter::default(), Tier::FiveMinutes).await, [Some(3996.0)]);

    let progress = |link: &str, seconds, minute| Watermark {
        link: link.to_owned(),
        seconds: MIDNIGHT + seconds,
        minute: MIDNIGHT + minute,
    };
    let found = store.progress(MIDNIGHT).await.unwrap();
    assert_eq!(found, [progress("a", 240, 180), progress("b", 180, 120)]);
    assert!(store.progress(MIDNIGHT + 3600).await.unwrap().is_empty());
}
