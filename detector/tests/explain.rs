//! What an event is made of, from sums over windows.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test may fail"
)]

use etiage_detector::{
    Comparison, ComparisonRow, Explanation, Kind, Place, Sign, Windows, explain,
};

const LINKS: [(&str, f64); 3] = [("transit-a", 1.0), ("transit-b", 0.6), ("ix-1", 0.4)];
const SERVICES: [(&str, &str, f64); 7] = [
    ("direct-download", "megaupload", 20e9),
    ("direct-download", "rapidshare", 5e9),
    ("direct-download", "unattributed", 2e9),
    ("p2p", "none", 15e9),
    ("streaming", "youtube", 30e9),
    ("web", "none", 20e9),
    ("web", "google", 8e9),
];

/// Five ordinary weeks, and what `now` makes of this one: a factor of each place.
fn comparison(now: impl Fn(&str, &str, &str) -> f64) -> Comparison {
    let mut services = Vec::new();
    for (at, (link, size)) in LINKS.iter().enumerate() {
        for (number, (category, service, octets)) in SERVICES.iter().enumerate() {
            for (direction, share) in [("in", 1.0), ("out", 0.1)] {
                let unrest = |week: usize| {
                    1.0 + 0.03 * (((week * 31 + number * 17 + at * 7) % 13) as f64 / 6.0 - 1.0)
                };
                let octets = octets * size * share;
                let windows = |week: usize, factor: f64| Windows {
                    before: octets * 1.02f64.powi(week as i32),
                    during: octets * 1.02f64.powi(week as i32) * unrest(week) * factor,
                };
                services.push(ComparisonRow {
                    place: Place {
                        link: (*link).into(),
                        direction: direction.into(),
                        category: (*category).into(),
                        name: (*service).into(),
                    },
                    now: windows(9, now(link, category, service)),
                    past: (1..6).map(|week| windows(week, 1.0)).collect(),
                });
            }
        }
    }
    Comparison { services, networks: Vec::new() }
}

fn explained(now: impl Fn(&str, &str, &str) -> f64) -> Explanation {
    let explanation = explain(&comparison(now), Sign::Drop).unwrap();
    for losses in [&explanation.categories, &explanation.services, &explanation.links] {
        let shares: f64 = losses.iter().map(|loss| loss.share).sum();
        assert!(losses.is_empty() || (shares - 1.0).abs() < 1e-9, "{shares}");
    }
    explanation
}

#[test]
fn a_service_that_is_gone_everywhere_was_shut() {
    let event = explained(|_, category, service| match (category, service) {
        (_, "megaupload") => 0.05,
        (_, "rapidshare") => 2.0,
        ("p2p", _) => 1.4,
        _ => 1.0,
    });
    assert_eq!((event.kind, &*event.direction), (Kind::Shutdown, "in"));
    assert_eq!(&*event.services[0].name, "megaupload");
    assert!(event.services[0].share > 0.9);
    assert!((0.9..0.99).contains(&event.services[0].depth));
    assert_eq!(&*event.categories[0].name, "direct-download");
    assert!(event.categories[0].share > 0.8);
    let ledger = &event.ledger;
    assert_eq!(&*ledger.services[0].name, "rapidshare");
    assert_eq!(&*ledger.categories[0].name, "p2p");
    // Within direct download, 5 of 19 were taken over already; of the rest p2p's 6 of 14.
    assert!((0.35..0.5).contains(&ledger.categories[0].share), "{}", ledger.categories[0].share);
    let sum = ledger.categories.iter().map(|gain| gain.octets).sum::<f64>() + ledger.unexplained;
    assert!((sum / event.lost - 1.0).abs() < 1e-9);
}

#[test]
fn one_link_that_falls_with_all_it_carries_is_out_or_has_moved() {
    let event = explained(|link, _, _| if link == "transit-b" { 0.1 } else { 1.0 });
    assert_eq!(event.kind, Kind::LinkOutage);
    assert_eq!(&*event.links[0].name, "transit-b");
    let event = explained(|link, _, _| match link {
        "transit-b" => 0.1,
        "transit-a" => 1.5,
        _ => 1.0,
    });
    assert_eq!(event.kind, Kind::Shift);
    assert_eq!(&*event.ledger.links[0].name, "transit-a");
}

#[test]
fn the_same_total_of_other_things_is_a_change_of_mix() {
    let event = explained(|_, category, _| match category {
        "streaming" => 0.5,
        "web" => 1.0 + 15.0 / 28.0,
        _ => 1.0,
    });
    // One service carries all streaming: it is the service that fell.
    assert_eq!(event.kind, Kind::Shutdown);
    let event = explained(|_, category, _| match category {
        "p2p" => 0.5,
        "web" => 1.0 + 7.5 / 28.0,
        _ => 1.0,
    });
    assert_eq!(event.kind, Kind::MixChange);
}

#[test]
fn more_than_expected_is_a_surge_and_its_parts_are_what_rose() {
    let now = |_: &str, _: &str, service: &str| if service == "youtube" { 2.0 } else { 1.0 };
    let event = explain(&comparison(now), Sign::Surge).unwrap();
    assert_eq!((event.kind, &*event.services[0].name), (Kind::Surge, "youtube"));
}

#[test]
fn ordinary_hours_have_no_parts_and_nothing_is_explained_from_nothing() {
    let event = explained(|_, _, _| 1.0);
    assert_eq!((event.kind, event.lost), (Kind::Unknown, 0.0));
    assert!(event.ledger.categories.is_empty());
    assert_eq!(explain(&Comparison::default(), Sign::Drop), None);
    // A first week: nothing to compare with.
    let mut young = comparison(|_, _, _| 0.5);
    young.services.iter_mut().for_each(|row| row.past.clear());
    assert_eq!(explain(&young, Sign::Drop).unwrap().expected, 0.0);
}
