//! Recorded flows whose names are taken away on their way to the meter: their shape tells what they are
//! for, and nothing else becomes a download or a film.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use etiage_capture::Transport;
use etiage_classifier::{Category, Evidence, Protocol, Rules, Verdict};

use support::{FlowKey, Recording, classify, fixtures, packet, read, recordings};

/// Takes the host names out of a recording: TLS's server name becomes an extension that nobody knows,
/// HTTP's host an address, and QUIC's packets with long headers are left out.
fn nameless(recording: &mut Recording) {
    let layer = recording.layer;
    recording.frames.retain_mut(|frame| {
        let Some((packet, place)) = packet(layer, frame) else { return true };
        let quic = packet.transport == Transport::UDP
            && (packet.source.port() == 443 || packet.destination.port() == 443);
        if quic && packet.payload.first().is_some_and(|first| first & 0x80 != 0) {
            return false;
        }
        let payload = &mut frame.data[place];
        if payload.starts_with(&[22, 3]) {
            let server_name = |octets: &[u8]| {
                let [0, 0, a, b, c, d, 0, e, f] = *octets else { return false };
                let [outer, list, name] = [[a, b], [c, d], [e, f]].map(u16::from_be_bytes);
                outer == list + 2 && list == name + 3 && name > 3
            };
            if let Some(at) = payload.windows(9).position(server_name) {
                payload[at..][..2].copy_from_slice(&[0x4a, 0x4a]);
            }
        }
        while let Some(at) = payload.windows(7).position(|octets| octets == b"\nHost: ") {
            let end = payload[at + 7..].iter().position(|octet| *octet == b'\r').unwrap();
            payload[at + 1..at + 7].copy_from_slice(b"hOST:\t");
            payload[at + 7..at + 7 + end].fill(b' ');
            payload[at + 7..at + 14].copy_from_slice(b"8.8.8.8");
        }
        true
    });
}

/// Octets of each category.
fn categories(flows: &BTreeMap<FlowKey, (Verdict, u64)>) -> BTreeMap<Category, u64> {
    let mut sums = BTreeMap::new();
    for (Verdict { class, .. }, octets) in flows.values() {
        if class.protocol == Protocol::Icmp {
            continue;
        }
        *sums.entry(class.category).or_default() += octets;
    }
    sums
}

#[test]
fn downloads_without_any_name_are_found_by_their_shape() {
    let mut sums = BTreeMap::<Category, u64>::new();
    for name in ["dd01_https_h1", "dd02_h2", "dd03_quic", "dd04_http_plain"] {
        let mut recording = read(&fixtures().join(format!("{name}.link-a.pcap")));
        nameless(&mut recording);
        let flows = classify(recording.layer, &recording.frames);
        for (category, octets) in categories(&flows) {
            *sums.entry(category).or_default() += octets;
        }
        for (Verdict { class, evidence, .. }, _) in flows.values() {
            let by_shape = evidence.has(Evidence::SHAPE);
            let unattributed = Rules::default().name(class.service) == "unattributed";
            assert!(class.protocol == Protocol::Icmp || by_shape && unattributed, "{name}");
        }
    }
    let found = sums.get(&Category::DirectDownload).copied().unwrap_or_default();
    let all: u64 = sums.values().sum();
    assert!(found * 100 >= all * 90, "{sums:?}");
}

#[test]
fn nothing_else_without_names_becomes_a_download_or_a_film() {
    for path in recordings() {
        let name = path.file_name().unwrap().to_str().unwrap();
        if !["web", "bt", "p2p", "ot"].iter().any(|start| name.starts_with(start))
            || name.starts_with("ot02")
        {
            continue;
        }
        let recording = read(&path);
        let before = categories(&classify(recording.layer, &recording.frames));
        for category in [Category::DirectDownload, Category::Streaming] {
            assert_eq!(before.get(&category), None, "{name}: {before:?}");
        }
        if name.starts_with("web") {
            let mut recording = recording;
            nameless(&mut recording);
            let after = categories(&classify(recording.layer, &recording.frames));
            assert_eq!(after.keys().collect::<Vec<_>>(), [&Category::Web], "{name}: {after:?}");
        }
    }
}

/// Where the shared captures are: films in segments, over TLS, under a name that no rule knows.
#[test]
fn films_in_segments_are_found_by_their_pace() {
    let Some(lab) = std::env::var_os("ETIAGE_LAB") else { return };
    let recording = read(&Path::new(&lab).join("ot04_hls_dash.link-a.pcap"));
    let found = categories(&classify(recording.layer, &recording.frames));
    assert_eq!(found.keys().collect::<Vec<_>>(), [&Category::Streaming], "{found:?}");
}
