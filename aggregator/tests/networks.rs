//! Tables of networks from files as they are published, and from files that are broken.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::net::IpAddr;
use std::sync::Arc;

use etiage_aggregator::networks::{
    Networks, NetworksBuilder, NetworksError, NetworksReader, SharedNetworks,
};

const CSV: &str = "\
1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"
1.0.4.0,1.0.7.255,38803,Gtelecom Pty Ltd
2001:200::,2001:200:1b9:ffff:ffff:ffff:ffff:ffff,2500,WIDE Project
";

fn csv(text: &str) -> Result<Networks, NetworksError> {
    let mut builder = NetworksBuilder::default();
    builder.csv(text.as_bytes())?;
    Ok(builder.build())
}

fn look_up(networks: &Networks, address: &str) -> u32 {
    networks.look_up(address.parse::<IpAddr>().unwrap())
}

#[test]
fn lines_of_ranges() {
    let networks = csv(CSV).unwrap();
    assert_eq!(networks.len(), 3);
    for (address, asn) in [
        ("1.0.0.0", 13335),
        ("1.0.0.255", 13335),
        ("1.0.1.0", 0),
        ("1.0.7.255", 38803),
        ("::ffff:1.0.4.1", 38803),
        ("2001:200:1b9::1", 2500),
        ("2001:201::", 0),
        ("::1.0.0.1", 0),
    ] {
        assert_eq!(look_up(&networks, address), asn, "{address}");
    }
    assert_eq!(networks.name(13335), Some("Cloudflare, Inc."));
    assert_eq!(networks.name(1), None);
}

#[test]
fn lines_that_are_none_are_named() {
    for (text, expected) in [
        ("", "no network in it"),
        ("1.0.0.0,1.0.0.255,13335,Cloudfl", "ends within a line"),
        ("1.0.0.0,1.0.0.255,13335\n", "line 1: 3 fields instead of 4"),
        ("1.0.0.0,1.0.0.255,1,a\n1.0.4.0,1.0.7.\n", "line 2: 2 fields instead of 4"),
        ("16777216,16777471,13335,Cloudflare\n", "line 1: \"16777216\" is no address"),
        ("1.0.0.9,1.0.0.0,13335,x\n", "line 1: 1.0.0.9 to 1.0.0.0 is no range"),
        ("1.0.0.0,2001::,13335,x\n", "line 1: 1.0.0.0 to 2001:: is no range"),
        ("1.0.0.0,1.0.0.255,zero,x\n", "line 1: \"zero\" is no AS number"),
        ("1.0.0.0,1.0.0.255,0,x\n", "line 1: \"0\" is no AS number"),
        ("1.0.0.0,1.0.0.255,4294967295,x\n", "line 1: \"4294967295\" is no AS number"),
        ("<html>\n", "line 1: 1 fields instead of 4"),
    ] {
        let error = csv(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
    assert!(NetworksBuilder::default().csv(b"1.0.0.0,1.0.0.1,1,\xff\xfe\n").is_err());
}

#[test]
fn prefixes_of_ones_own_win() {
    let mut builder = NetworksBuilder::default();
    for text in ["1.0.0.128/25 AS64500 Our cache", "2001:db8::/32 64501"] {
        builder.prefix(&text.parse().unwrap());
    }
    builder.csv(CSV.as_bytes()).unwrap();
    let networks = builder.build();
    assert_eq!(look_up(&networks, "1.0.0.127"), 13335);
    assert_eq!(look_up(&networks, "1.0.0.128"), 64500);
    assert_eq!(look_up(&networks, "2001:db8::1"), 64501);
    assert_eq!(networks.name(64500), Some("Our cache"));
}

#[test]
fn prefixes_are_read_or_refused() {
    use etiage_aggregator::networks::NetworkPrefix;
    for bad in [
        "",
        "192.0.2.0/24",
        "192.0.2.1/24 AS1",
        "192.0.2.0/33 AS1",
        "192.0.2.0/24 AS0",
        "192.0.2.0/24 ASx",
        "192.0.2.0/24 4294967295",
        "AS1 192.0.2.0/24",
    ] {
        assert!(bad.parse::<NetworkPrefix>().is_err(), "{bad}");
    }
}

#[test]
fn a_maxmind_database() {
    let file = mmdb::file(
        "GeoLite2-ASN",
        &[("1.0.0.0/24", 13335, "Cloudflare, Inc."), ("2001:200::/32", 2500, "WIDE Project")],
    );
    let mut builder = NetworksBuilder::default();
    builder.mmdb(&file).unwrap();
    let networks = builder.build();
    assert_eq!(networks.len(), 2);
    assert_eq!(look_up(&networks, "1.0.0.77"), 13335);
    assert_eq!(look_up(&networks, "1.0.1.0"), 0);
    assert_eq!(look_up(&networks, "2001:200::77"), 2500);
    assert_eq!(networks.name(2500), Some("WIDE Project"));
}

#[test]
fn what_is_no_maxmind_database_is_said() {
    let read = |file: &[u8]| NetworksBuilder::default().mmdb(file).unwrap_err().to_string();
    assert!(read(b"").contains("no MaxMind database"));
    assert!(read(CSV.as_bytes()).contains("no MaxMind database"));
    let empty = mmdb::file("GeoLite2-City", &[]);
    assert!(read(&empty).contains("GeoLite2-City"), "{}", read(&empty));
    // Every way to cut it, and every octet of its front turned over, is an error or a table: never a panic.
    let whole = mmdb::file("GeoLite2-ASN", &[("1.0.0.0/24", 13335, "Cloudflare, Inc.")]);
    for length in 0..whole.len() {
        let _ = NetworksBuilder::default().mmdb(&whole[..length]);
    }
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0xff;
        let _ = NetworksBuilder::default().mmdb(&damaged);
    }
}

#[test]
fn workers_see_a_new_table_when_they_look() {
    let shared = Arc::new(SharedNetworks::default());
    let mut reader = NetworksReader::new(shared.clone());
    assert!(reader.is_empty());
    shared.replace(csv(CSV).unwrap());
    assert_eq!(reader.look_up("1.0.0.1".parse().unwrap()), 0);
    reader.refresh();
    assert_eq!(reader.look_up("1.0.0.1".parse().unwrap()), 13335);
    assert_eq!(shared.get().name(2500), Some("WIDE Project"));
}

/// A database as MaxMind's specification 2.0 has it: a tree of 24-bit records, data, metadata.
mod mmdb {
    use ipnet::IpNet;

    enum Node {
        Nothing,
        Data(usize),
        Tree(usize),
    }

    pub(super) fn file(kind: &str, networks: &[(&str, u32, &str)]) -> Vec<u8> {
        let mut data = Vec::new();
        let mut nodes: Vec<[Node; 2]> = vec![[Node::Nothing, Node::Nothing]];
        for (prefix, asn, name) in networks {
            let offset = data.len();
            map(&mut data, 2);
            string(&mut data, "autonomous_system_number");
            uint32(&mut data, *asn);
            string(&mut data, "autonomous_system_organization");
            string(&mut data, name);
            let (bits, length) = match prefix.parse().unwrap() {
                IpNet::V4(net) => (u128::from(u32::from(net.network())), net.prefix_len() + 96),
                IpNet::V6(net) => (u128::from(net.network()), net.prefix_len()),
            };
            insert(&mut nodes, bits, length, offset);
        }
        let mut file = Vec::new();
        let count = nodes.len();
        for node in nodes.iter().flatten() {
            let record = match node {
                Node::Nothing => count,
                Node::Data(offset) => count + 16 + offset,
                Node::Tree(index) => *index,
            };
            file.extend_from_slice(&(record as u32).to_be_bytes()[1..]);
        }
        file.extend([0; 16]);
        file.extend(data);
        file.extend(b"\xab\xcd\xefMaxMind.com");
        map(&mut file, 9);
        for (key, value) in [
            ("binary_format_major_version", 2_u16),
            ("binary_format_minor_version", 0),
            ("ip_version", 6),
            ("record_size", 24),
        ] {
            string(&mut file, key);
            file.push(5 << 5 | 2);
            file.extend(value.to_be_bytes());
        }
        string(&mut file, "build_epoch");
        file.extend([8, 2]); // Extended type 9, of 8 octets.
        file.extend(1_795_219_200_u64.to_be_bytes());
        string(&mut file, "node_count");
        uint32(&mut file, count as u32);
        string(&mut file, "database_type");
        string(&mut file, kind);
        string(&mut file, "description");
        map(&mut file, 0);
        string(&mut file, "languages");
        file.extend([0, 4]); // An array of none: extended type 11.
        file
    }

    fn insert(nodes: &mut Vec<[Node; 2]>, bits: u128, length: u8, offset: usize) {
        let mut at = 0;
        for depth in 0..length {
            let side = (bits >> (127 - depth) & 1) as usize;
            if depth + 1 == length {
                nodes[at][side] = Node::Data(offset);
                return;
            }
            at = match nodes[at][side] {
                Node::Tree(next) => next,
                _ => {
                    nodes.push([Node::Nothing, Node::Nothing]);
                    let next = nodes.len() - 1;
                    nodes[at][side] = Node::Tree(next);
                    next
                }
            };
        }
    }

    fn map(data: &mut Vec<u8>, pairs: u8) {
        data.push(7 << 5 | pairs);
    }

    fn string(data: &mut Vec<u8>, text: &str) {
        let length = text.len();
        if length < 29 {
            data.push(2 << 5 | length as u8);
        } else {
            data.extend([2 << 5 | 29, (length - 29) as u8]);
        }
        data.extend(text.as_bytes());
    }

    fn uint32(data: &mut Vec<u8>, value: u32) {
        data.push(6 << 5 | 4);
        data.extend(value.to_be_bytes());
    }
}
