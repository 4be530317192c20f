//! Recorded flows, changed on their way to the meter: packets repeated, out of order, sent again with other
//! content, cut. What a flow is called must not follow, however sure the verdict is.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use etiage_capture::Transport;
use etiage_classifier::{Class, Protocol, SETTLED, Verdict};

use support::{FlowKey, Recorded, Recording, captures, classify, packet, read, recordings};

/// A recording and what its flows are called unchanged.
struct Known {
    name: String,
    recording: Recording,
    flows: BTreeMap<FlowKey, (Verdict, u64)>,
}

fn known() -> &'static [Known] {
    static KNOWN: OnceLock<Vec<Known>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let know = |path: std::path::PathBuf| {
            let recording = read(&path);
            let flows = classify(recording.layer, &recording.frames);
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            Known { name, recording, flows }
        };
        // Where the shared captures are, they are all of them and more.
        let paths = match std::env::var_os("ETIAGE_LAB") {
            Some(lab) => captures(lab.as_ref()),
            None => recordings(),
        };
        paths.into_iter().map(know).collect()
    })
}

/// Changes every recording; the flows whose class is another then, one a line.
fn differing(change: impl Fn(&Recording) -> Vec<Recorded>) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for Known { name, recording, flows } in known() {
        let after = classify(recording.layer, &change(recording));
        for (key, (before, _)) in flows {
            let now = after.get(key).map(|(verdict, _)| verdict);
            if now.map(|verdict| verdict.class) != Some(before.class) {
                lines.insert(line(name, key, before, now));
            }
        }
    }
    lines
}

fn line(name: &str, key: &FlowKey, before: &Verdict, after: Option<&Verdict>) -> String {
    let say = |Verdict { class, confidence, evidence }: &Verdict| {
        let Class { protocol, category, .. } = class;
        format!("{protocol}, {category} by {evidence}, {}", confidence.0)
    };
    let (_, one, other) = key;
    let after = after.map_or("gone".to_owned(), say);
    format!("{name} {one} {other}: {} -> {after}", say(before))
}

/// A film is known by its pauses; a packet that moves across one moves by seconds, as no packet does that
/// another overtakes. The lab has one, fixtures/captures none.
fn without_films(mut differing: BTreeSet<String>) -> BTreeSet<String> {
    let film = |line: &String| line.contains("streaming by ") && line.contains("+shape, 70 ->");
    differing.retain(|line| !film(line));
    differing
}

#[track_caller]
fn assert_none(differing: &BTreeSet<String>) {
    let lines: Vec<_> = differing.iter().map(String::as_str).collect();
    assert!(lines.is_empty(), "{} flows differ:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn every_packet_twice_changes_nothing() {
    assert_none(&differing(|recording| {
        recording.frames.iter().flat_map(|frame| [frame.clone(), frame.clone()]).collect()
    }));
}

#[test]
fn tcp_data_sent_again_with_other_content_changes_nothing() {
    assert_none(&differing(|recording| {
        let mut frames = Vec::new();
        for frame in &recording.frames {
            frames.push(frame.clone());
            let Some((packet, place)) = packet(recording.layer, frame) else { continue };
            if packet.transport == Transport::TCP && !place.is_empty() {
                let mut again = frame.clone();
                again.data[place].fill(b'?');
                frames.push(again);
            }
        }
        frames
    }));
}

/// Every recording with its payload replaced: what its flows are called by more than port and transport.
fn replaced(payload: impl Fn(usize, &mut [u8])) -> Vec<String> {
    let mut called = Vec::new();
    for Known { name, recording, .. } in known() {
        let mut frames = recording.frames.clone();
        for (place, frame) in frames.iter_mut().enumerate() {
            if let Some((_, range)) = packet(recording.layer, frame) {
                payload(place, &mut frame.data[range]);
            }
        }
        for (key, (verdict, _)) in classify(recording.layer, &frames) {
            if verdict.confidence >= SETTLED && verdict.class.protocol != Protocol::Icmp {
                called.push(line(name, &key, &verdict, None));
            }
        }
    }
    called
}

#[test]
fn zeros_and_noise_are_nothing() {
    assert_eq!(replaced(|_, payload| payload.fill(0)), [""; 0]);
    let noise = |place: usize, payload: &mut [u8]| {
        let mut state = place as u64;
        payload.fill_with(|| (next(&mut state) >> 56) as u8);
    };
    assert_eq!(replaced(noise), [""; 0]);
}

/// The first packets of two flows of each class, cut at every length: each is read or not, and counted with
/// its octets on the wire.
#[test]
fn packets_cut_at_any_length_are_counted() {
    for Known { name, recording, flows: called } in known() {
        let mut classes = BTreeMap::<Class, usize>::new();
        let mut places: Vec<_> = flows(recording)
            .into_iter()
            .filter(|(key, _)| {
                let flows = classes.entry(called[key].0.class).or_default();
                *flows += 1;
                *flows <= 2
            })
            .flat_map(|(_, places)| places.into_iter().take(8))
            .collect();
        places.sort_unstable();
        let whole: Vec<_> = places.iter().map(|place| recording.frames[*place].clone()).collect();
        let longest = whole.iter().map(|frame| frame.data.len()).max().unwrap_or_default();
        let octets = |length: usize| -> u64 {
            let mut frames = whole.clone();
            frames.iter_mut().for_each(|frame| frame.data.truncate(length));
            classify(recording.layer, &frames).values().map(|(_, octets)| octets).sum()
        };
        let all = octets(longest);
        for length in 0..longest {
            let counted = octets(length);
            // Behind the ports of the longest headers all flows are found.
            assert!(counted == all || length < 128 && counted < all, "{name} at {length}");
        }
    }
}

/// Knuth's linear congruence: the upper bits are as good as chance.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state
}

/// Puts the frames at these places into another order; times stay where they are.
fn reorder(frames: &mut [Recorded], places: &[usize], order: impl Iterator<Item = usize>) {
    let moved: Vec<_> = order.map(|from| frames[places[from]].clone()).collect();
    for (to, Recorded { octets, data, .. }) in places.iter().zip(moved) {
        let timestamp = frames[*to].timestamp;
        frames[*to] = Recorded { timestamp, octets, data };
    }
}

/// How groups of four lie, each packet at most three places from where it was: the first last, the last
/// first, the other way round, in pairs.
const ORDERS: [fn(usize) -> usize; 4] =
    [|to| (to + 1) % 4, |to| (to + 3) % 4, |to| 3 - to, |to| to ^ 1];

fn in_groups(frames: &mut [Recorded], places: &[usize], order: fn(usize) -> usize) {
    for four in places.chunks(4) {
        reorder(frames, four, (0..4).map(order).filter(|from| *from < four.len()));
    }
}

/// Where each flow's packets are: both ends', the handshake's, and those without payload too.
fn flows(recording: &Recording) -> BTreeMap<FlowKey, Vec<usize>> {
    let mut flows = BTreeMap::<_, Vec<usize>>::new();
    for (place, frame) in recording.frames.iter().enumerate() {
        if let Some((packet, _)) = packet(recording.layer, frame) {
            let (one, other) = (packet.source, packet.destination);
            let key = (packet.transport, one.min(other), one.max(other));
            flows.entry(key).or_default().push(place);
        }
    }
    flows
}

/// One flow of all is called otherwise, where the announcement of a connection of FTP's data (`227`) trades
/// places with the end of its transfer (`226`), 80 ms later: the connection is over by then.
#[test]
fn packets_of_a_flow_out_of_order_change_nothing_but_what_is_announced_too_late() {
    let mut lines = BTreeSet::new();
    for order in ORDERS {
        for start in 0..4 {
            lines.extend(differing(|recording| {
                let mut frames = recording.frames.clone();
                for places in flows(recording).values() {
                    in_groups(&mut frames, places.get(start..).unwrap_or_default(), order);
                }
                frames
            }));
        }
    }
    let late = lines.extract_if(.., |line| line.starts_with("ot02_ftp.link-a 100.64.10.11:51974 "));
    let late: Vec<_> = late.collect();
    assert!(late.iter().all(|line| line.contains("ftp-data") && line.contains("-> unknown")));
    assert_none(&without_films(lines));
}

#[test]
fn frames_of_a_capture_out_of_order_change_nothing() {
    for order in ORDERS {
        for start in 0..2 {
            assert_none(&without_films(differing(|recording| {
                let mut frames = recording.frames.clone();
                let places: Vec<_> = (start..frames.len()).collect();
                in_groups(&mut frames, &places, order);
                frames
            })));
        }
    }
}

/// The places of so many packets in an order drawn by this seed, none more than three from where it was.
fn drawn(seed: u64, count: usize) -> impl Iterator<Item = usize> {
    let mut noise = seed;
    let mut delayed: Vec<_> = (0..count)
        .map(|place| {
            next(&mut noise);
            (place + (noise >> 33) as usize % 4, noise, place)
        })
        .collect();
    delayed.sort_unstable();
    delayed.into_iter().map(|(_, _, place)| place)
}

#[test]
fn packets_of_a_flow_in_a_drawn_order_change_nothing() {
    for seed in 1..=4 {
        assert_none(&without_films(differing(|recording| {
            let mut frames = recording.frames.clone();
            for (salt, places) in (seed * 1000..).zip(flows(recording).values()) {
                reorder(&mut frames, places, drawn(salt, places.len()));
            }
            frames
        })));
    }
}
