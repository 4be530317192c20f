//! Volumes by remote network: whatever comes in, they add up to the volumes by class.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use etiage_aggregator::networks::{Networks, NetworksBuilder, SharedNetworks};
use etiage_aggregator::{Batch, Direction, Meter, MeterSettings, OTHER_NETWORKS, Pressure};
use etiage_capture::flow::FlowSettings;
use etiage_capture::source::Frame;
use etiage_capture::{LinkLayer, LinkMap, LinkRule, Timestamp, private_prefixes};
use etiage_classifier::{Classifier, Knowledge, Rules};
use proptest::collection::vec;
use proptest::prelude::*;

/// A packet between a local host, 10.0.LINK.HOST, and a remote one, 198.18.NETWORK.1
/// and up.
#[derive(Clone, Debug)]
struct Sent {
    millis: u64,
    link: u8,
    local: u16,
    network: u16,
    port: u16,
    inwards: bool,
    /// Of TCP: its flags. None: UDP.
    tcp: Option<u8>,
    payload: usize,
}

impl Sent {
    fn udp(millis: u64, network: u16, inwards: bool) -> Self {
        Self { millis, link: 0, local: 1000, network, port: 53, inwards, tcp: None, payload: 8 }
    }

    fn octets(&self) -> Vec<u8> {
        let [high, low] = self.network.to_be_bytes();
        let remote = [198, 18 + high, low, 1];
        let mut ends = [([10, 0, self.link, 7], self.local), (remote, self.port)];
        if self.inwards {
            ends.swap(0, 1);
        }
        let mut octets: Vec<u8> = ends.iter().flat_map(|(address, _)| *address).collect();
        octets.extend(ends.iter().flat_map(|(_, port)| port.to_be_bytes()));
        let protocol = match self.tcp {
            Some(flags) => {
                octets.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
                6
            }
            None => {
                octets.extend((8 + self.payload as u16).to_be_bytes());
                octets.extend([0, 0]);
                17
            }
        };
        octets.extend(vec![b'x'; self.payload]);
        let total = (12 + octets.len() as u16).to_be_bytes();
        [&[0x45, 0][..], &total, &[0, 1, 0x40, 0, 64, protocol, 0, 0], &octets].concat()
    }
}

fn networks(prefixes: &[&str]) -> Networks {
    let mut builder = NetworksBuilder::default();
    for prefix in prefixes {
        builder.prefix(&prefix.parse().unwrap());
    }
    builder.build()
}

/// Links `zero` and `one` by the local address.
fn meter(shared: &Arc<SharedNetworks>, flows: FlowSettings) -> Meter {
    let rule =
        |prefix: &str| LinkRule { prefixes: vec![prefix.parse().unwrap()], ..LinkRule::default() };
    let links = LinkMap::new(vec![rule("10.0.0.0/24"), rule("10.0.1.0/24")], private_prefixes());
    let settings = MeterSettings {
        probe: "test".into(),
        links: Arc::new(links),
        link_names: vec!["zero".into(), "one".into()],
        flows,
        vlan_in_key: false,
    };
    let knowledge = Arc::new(Knowledge::with_capacity(100));
    let classifier = Classifier::new(Arc::new(Rules::default()), knowledge);
    Meter::new(&settings, classifier, None).with_networks(shared.clone())
}

fn send(meter: &mut Meter, sent: &Sent) {
    let data = sent.octets();
    let timestamp = Timestamp::from_nanos(sent.millis * 1_000_000);
    let frame = Frame { timestamp, octets: 14 + data.len() as u32, data: &data };
    meter.frame(0, LinkLayer::RawIp, &frame, &mut ());
}

fn run(shared: &Arc<SharedNetworks>, packets: &[Sent]) -> Vec<Batch> {
    let mut meter = meter(shared, FlowSettings::default());
    packets.iter().for_each(|sent| send(&mut meter, sent));
    meter.finish(&mut ());
    meter.take_batches()
}

/// Octets, packets and flows.
type Sums = [u64; 3];

fn add<K: Ord>(sums: &mut BTreeMap<K, Sums>, key: K, more: Sums) {
    let sum = sums.entry(key).or_default();
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

/// By interval, link, direction and category.
type ByCategory<'a> = BTreeMap<(u32, &'a str, Direction, &'a str), Sums>;

/// Of the networks, and of the classes.
fn both<'a>(batches: impl IntoIterator<Item = &'a Batch>) -> [ByCategory<'a>; 2] {
    let [mut networks, mut classes] = [BTreeMap::new(), BTreeMap::new()];
    for batch in batches {
        for row in &batch.networks {
            let key = (batch.start, &*row.link, row.direction, &*row.category);
            add(&mut networks, key, [row.octets, row.packets, row.flows]);
        }
        for row in &batch.volumes {
            let key = (batch.start, &*row.link, row.direction, &*row.category);
            add(&mut classes, key, [row.octets, row.packets, row.flows]);
        }
    }
    [networks, classes]
}

/// By link, direction and network.
fn by_network<'a>(
    batches: impl IntoIterator<Item = &'a Batch>,
) -> BTreeMap<(&'a str, Direction, u32), Sums> {
    let mut sums = BTreeMap::new();
    for row in batches.into_iter().flat_map(|batch| &batch.networks) {
        let key = (&*row.link, row.direction, row.asn);
        add(&mut sums, key, [row.octets, row.packets, row.flows]);
    }
    sums
}

#[test]
fn the_remote_end_says_the_network_whichever_end_began() {
    let shared = Arc::new(SharedNetworks::new(networks(&[
        "198.18.1.0/24 AS64501",
        "198.18.2.0/24 AS64502",
        "10.0.0.0/8 AS64500 Ourselves",
    ])));
    let began_inwards = Sent { local: 2000, port: 80, ..Sent::udp(100_100, 2, true) };
    let batches = run(
        &shared,
        &[
            Sent::udp(100_000, 1, false),
            Sent::udp(100_001, 1, true),
            Sent { inwards: false, ..began_inwards.clone() },
            began_inwards,
            Sent::udp(100_200, 3, false),
        ],
    );
    let (inwards, out) = (Direction::In, Direction::Out);
    let expected = [
        (("zero", inwards, 64501), [50, 1, 0]),
        (("zero", inwards, 64502), [50, 1, 0]),
        (("zero", out, 0), [50, 1, 1]),
        (("zero", out, 64501), [50, 1, 1]),
        (("zero", out, 64502), [50, 1, 1]),
    ];
    assert_eq!(by_network(&batches), BTreeMap::from(expected));
}

#[test]
fn without_a_table_there_are_no_rows_and_a_new_one_is_taken() {
    let shared = Arc::new(SharedNetworks::default());
    let mut meter = meter(&shared, FlowSettings::default());
    send(&mut meter, &Sent::udp(100_000, 1, false));
    meter.advance(Timestamp::from_secs(125), &mut ());
    shared.replace(networks(&["198.18.1.0/24 AS64501"]));
    // A flow keeps what it began with; looked up is once a flow.
    send(&mut meter, &Sent::udp(130_000, 1, false));
    send(&mut meter, &Sent { local: 2000, ..Sent::udp(130_000, 1, false) });
    meter.finish(&mut ());
    let batches = meter.take_batches();
    assert!(batches[0].volumes.len() == 1 && batches[0].networks.is_empty(), "{batches:?}");
    let [networks, classes] = both(batches.iter().filter(|batch| batch.start >= 130));
    assert_eq!(networks, classes);
    let numbers: Vec<u32> = by_network(&batches).into_keys().map(|(_, _, asn)| asn).collect();
    assert_eq!(numbers, [0, 64501]);
}

#[test]
fn the_largest_are_told_apart_and_the_rest_is_others() {
    let address = |n: u32| Ipv4Addr::from(0xc612_0001 + (n << 8));
    let prefixes: Vec<String> =
        (0..600).map(|n| format!("{}/32 AS{}", address(n), n + 1)).collect();
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    let shared = Arc::new(SharedNetworks::new(networks(&prefixes)));
    let packet =
        |network: u16| Sent { payload: network.into(), ..Sent::udp(100_000, network, false) };
    let packets: Vec<Sent> = (0..600).map(packet).collect();
    let batches = run(&shared, &packets);
    let found = by_network(&batches);
    assert_eq!(found.len(), 501);
    let of = |number| found.get(&("zero", Direction::Out, number)).copied();
    let octets = |payload: u64| 14 + 28 + payload;
    assert_eq!(of(600), Some([octets(599), 1, 1]));
    assert_eq!(of(101), Some([octets(100), 1, 1]));
    assert_eq!(of(100), None);
    assert_eq!(of(OTHER_NETWORKS), Some([(0..100).map(octets).sum(), 100, 100]));
    let [networks, classes] = both(&batches);
    assert_eq!(networks, classes);
}

fn sent() -> impl Strategy<Value = Sent> {
    let flags = prop::option::of(prop::sample::select(vec![0x02, 0x12, 0x10, 0x11, 0x04]));
    let ends = (0..2_u8, 1000..1004_u16, 0..6_u16, prop::sample::select(vec![22, 53, 443, 6881]));
    (ends, any::<bool>(), flags, 0..200_usize, 100_000..170_000_u64).prop_map(
        |((link, local, network, port), inwards, tcp, payload, millis)| Sent {
            millis,
            link,
            local,
            network,
            port,
            inwards,
            tcp,
            payload,
        },
    )
}

proptest! {
    /// Per interval, link, direction and category, with open intervals, under pressure, with a full
    /// table, with late packets, for any number of workers.
    #[test]
    fn networks_add_up_to_the_volumes(
        mut packets in vec(sent(), 1..80),
        in_order in any::<bool>(),
        workers in 1..4_usize,
        max_flows in prop::sample::select(vec![2, 1 << 20]),
        halvings in prop::sample::select(vec![0, 2]),
        look_after in 0..80_usize,
    ) {
        if in_order {
            packets.sort_by_key(|sent| sent.millis);
        }
        let shared = Arc::new(SharedNetworks::new(networks(&[
            "198.18.0.0/24 AS64500", "198.18.1.0/24 AS64501", "198.18.2.0/23 AS64502",
        ])));
        let flows = FlowSettings { max_flows, ..FlowSettings::default() };
        let mut meters: Vec<Meter> = (0..workers).map(|_| meter(&shared, flows)).collect();
        for (number, sent) in packets.iter().enumerate() {
            let own = (usize::from(sent.network) + usize::from(sent.link)) % workers;
            if number == look_after && halvings > 0 {
                meters[own].set_pressure(Pressure::Sampled { halvings });
            }
            for (place, meter) in meters.iter_mut().enumerate() {
                match place == own {
                    true => send(meter, sent),
                    false => meter.advance(Timestamp::from_nanos(sent.millis * 1_000_000), &mut ()),
                }
            }
            if number == look_after {
                let open: Vec<Batch> = meters.iter().flat_map(Meter::open_batches).collect();
                let [networks, classes] = both(&open);
                prop_assert_eq!(networks, classes);
            }
        }
        let mut batches = Vec::new();
        for meter in &mut meters {
            meter.finish(&mut ());
            batches.extend(meter.take_batches());
        }
        let [networks, classes] = both(&batches);
        prop_assert!(!networks.is_empty());
        prop_assert_eq!(networks, classes);
        // Whose they are does not depend on how many workers there are.
        if halvings == 0 && max_flows > 2 && in_order {
            let one = run(&shared, &packets);
            prop_assert_eq!(by_network(&batches), by_network(&one));
        }
    }
}
