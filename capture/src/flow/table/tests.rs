use super::*;

const SYN: u8 = TcpHeader::SYN;
const ACK: u8 = TcpHeader::ACK;
const FIN: u8 = TcpHeader::FIN;

struct Bench {
    table: FlowTable<u8>,
    ended: Vec<(u64, u64, FlowEndReason)>,
}

impl Bench {
    fn new(settings: FlowSettings) -> Self {
        Self { table: FlowTable::new(settings), ended: Vec::new() }
    }

    /// A packet of 100 octets at a time in milliseconds.
    fn packet(&mut self, millis: u64, from: &str, to: &str, tcp: Option<(u8, u32)>) -> Admission {
        let time = Timestamp::from_nanos(millis * 1_000_000);
        let Self { table, ended } = self;
        let mut end = |flow: &mut Flow<u8>, reason| {
            let PerSide { initiator, responder } = flow.counts;
            ended.push((initiator.packets, responder.packets, reason));
        };
        table.advance(time, &mut end);
        let transport = if tcp.is_some() { Transport::TCP } else { Transport::UDP };
        let key = FlowKey::new(from.parse().unwrap(), to.parse().unwrap(), transport, None);
        let header = |(flags, sequence)| TcpHeader { sequence, acknowledgment: 0, flags };
        let hash = table.hash(&key.0);
        table.take(key, hash, time, 100, tcp.map(header), end)
    }
}

const A: &str = "192.0.2.1:1000";
const B: &str = "198.51.100.1:80";
const C: &str = "203.0.113.3:80";

fn side(admission: Admission) -> (Side, bool) {
    match admission {
        Admission::Flow { side, new, .. } => (side, new),
        Admission::Full => panic!("full"),
    }
}

#[test]
fn packets_of_both_sides_are_one_flow_and_it_ends_when_idle() {
    let mut bench = Bench::new(FlowSettings::default());
    assert_eq!(side(bench.packet(1_700_000_000_000, A, B, None)), (Side::Initiator, true));
    assert_eq!(side(bench.packet(1_700_000_000_500, B, A, None)), (Side::Responder, false));
    bench.packet(1_700_000_050_000, A, B, None);
    assert_eq!(bench.ended, []);
    bench.packet(1_700_000_200_000, A, C, None);
    assert_eq!(bench.ended, [(2, 1, FlowEndReason::Idle)]);
    assert_eq!(bench.table.len(), 1);
}

#[test]
fn a_late_packet_does_not_turn_time_back() {
    let mut bench = Bench::new(FlowSettings::default());
    bench.packet(1_000_000, A, B, None);
    bench.packet(900_000, A, C, None);
    assert_eq!(bench.table.now(), Timestamp::from_secs(1000));
    assert_eq!(bench.table.len(), 2);
    bench.packet(1_000_001, C, A, None);
    assert_eq!(bench.table.len(), 2);
}

#[test]
fn who_answers_a_connection_request_is_the_responder_though_seen_first() {
    let mut bench = Bench::new(FlowSettings::default());
    assert_eq!(side(bench.packet(1000, B, A, Some((SYN | ACK, 1)))), (Side::Responder, true));
    assert_eq!(side(bench.packet(1001, A, B, Some((ACK, 1)))), (Side::Initiator, false));
}

#[test]
fn a_late_handshake_says_who_began_and_what_each_sent() {
    for (first, second) in [((SYN, A, B), (SYN | ACK, B, A)), ((SYN | ACK, B, A), (SYN, A, B))] {
        let mut bench = Bench::new(FlowSettings::default());
        // The server speaks first, and its octets overtake the handshake.
        assert_eq!(side(bench.packet(1000, B, A, Some((ACK, 2)))), (Side::Initiator, true));
        for (place, (flags, from, to)) in (1..).zip([first, second]) {
            let expected = if from == A { Side::Initiator } else { Side::Responder };
            let admitted = bench.packet(1000 + place, from, to, Some((flags, 1)));
            assert_eq!(side(admitted), (expected, false));
        }
        // What was met once stays: a stray SYN of the other end changes nothing.
        let stray = bench.packet(1004, B, A, Some((SYN, 77)));
        assert_eq!(side(stray), (Side::Responder, false));
        bench.packet(1_000_000, A, C, None);
        assert_eq!(bench.ended, [(1, 3, FlowEndReason::Idle)]);
    }
}

#[test]
fn a_closed_connection_lingers_then_ends_and_its_ports_can_be_used_again() {
    let mut bench = Bench::new(FlowSettings::default());
    bench.packet(10_000, A, B, Some((SYN, 7)));
    bench.packet(10_001, A, B, Some((FIN | ACK, 8)));
    bench.packet(10_002, B, A, Some((FIN | ACK, 1)));
    assert_eq!(side(bench.packet(10_003, A, B, Some((ACK, 9)))), (Side::Initiator, false));
    assert!(!side(bench.packet(10_004, A, B, Some((SYN, 7)))).1, "a repeated SYN");
    assert!(side(bench.packet(10_005, A, B, Some((SYN, 99)))).1);
    assert_eq!(bench.ended, [(4, 1, FlowEndReason::EndOfFlow)]);
    bench.packet(10_006, B, A, Some((TcpHeader::RST, 0)));
    bench.packet(18_000, A, C, None);
    assert_eq!(bench.ended.last(), Some(&(1, 1, FlowEndReason::EndOfFlow)));
}

#[test]
fn the_active_timeout_reports_before_the_packet_is_counted() {
    let active = Some(Duration::from_secs(60));
    let mut bench = Bench::new(FlowSettings { active, ..FlowSettings::default() });
    for second in [0, 30, 59, 60, 90] {
        bench.packet(1_000_000 + second * 1000, A, B, None);
    }
    assert_eq!(bench.ended, [(3, 0, FlowEndReason::Active)]);
    let Bench { mut table, mut ended } = bench;
    table.drain(|flow, reason| ended.push((flow.counts.initiator.packets, 0, reason)));
    assert_eq!(ended.last(), Some(&(2, 0, FlowEndReason::Forced)));
    assert!(table.is_empty());
}

#[test]
fn a_full_table_takes_no_new_flow_but_still_knows_its_own() {
    let mut bench = Bench::new(FlowSettings { max_flows: 1, ..FlowSettings::default() });
    for _ in 0..9 {
        bench.packet(1000, A, B, None);
    }
    assert_eq!(bench.packet(1001, A, C, None), Admission::Full);
    assert!(!side(bench.packet(1002, A, B, None)).1);
    bench.packet(100_000, A, C, None);
    assert_eq!(bench.table.len(), 1);
    assert_eq!(bench.ended, [(10, 0, FlowEndReason::Idle)]);
}

/// Answered queries, and scans that are answered, fill a table as requests do; what moves something,
/// and what has just begun, stays.
#[test]
fn in_a_full_table_the_oldest_brief_flow_makes_room() {
    for tcp in [Some(ACK), None] {
        let mut bench = Bench::new(FlowSettings { max_flows: 400, ..FlowSettings::default() });
        let end = |place: u32| format!("10.0.{}.{}:80", place / 256, place % 256);
        for place in 0..100 {
            for _ in 0..9 {
                bench.packet(1000, A, &end(place), Some((ACK, 1)));
            }
        }
        let mut asks = 0;
        for place in 1000..5000 {
            let millis = 1000 + u64::from(place);
            // Somebody asks, and is answered 20 ms later.
            if place % 100 == 0 {
                asks = place;
                bench.packet(millis, B, &end(place), Some((SYN, 1)));
            }
            if place == asks + 20 {
                let answer = bench.packet(millis, &end(asks), B, Some((SYN | ACK, 1)));
                assert!(!side(answer).1, "it was still there");
            }
            bench.packet(millis, A, &end(place), tcp.map(|_| (SYN, 1)));
            bench.packet(millis, &end(place), A, tcp.map(|ack| (SYN | ack, 1)));
            assert!(bench.table.len() <= 400);
        }
        let evicted = bench.table.stats().half_open_evicted;
        assert!(evicted >= 3700, "{evicted}");
        for place in 0..100 {
            assert!(!side(bench.packet(7000, A, &end(place), Some((ACK, 2)))).1, "{place}");
        }
    }
}

/// A flow of one packet, or of connection requests alone, makes room for the next; no other does.
#[test]
fn a_flood_of_requests_and_a_scan_take_a_quarter_of_the_table() {
    for tcp in [Some((SYN, 1)), None] {
        let mut bench = Bench::new(FlowSettings { max_flows: 400, ..FlowSettings::default() });
        let end = |place: u32| format!("10.0.{}.{}:80", place / 256, place % 256);
        for place in 0..250 {
            bench.packet(1000, A, &end(place), Some((SYN, 1)));
            bench.packet(1001, &end(place), A, Some((SYN | ACK, 1)));
        }
        for place in 1000..5000 {
            let (_, new) = side(bench.packet(1002, A, &end(place), tcp));
            assert!(new);
            if tcp.is_some() {
                bench.packet(1003, A, &end(place), tcp);
            }
            let stats = bench.table.stats();
            assert!(stats.half_open <= 100 && stats.flows <= 350);
        }
        assert_eq!(bench.table.stats().half_open_evicted, 3900);
        assert!(bench.ended.iter().all(|(_, _, reason)| *reason == FlowEndReason::Evicted));
        for place in 0..250 {
            assert!(!side(bench.packet(1004, A, &end(place), Some((ACK, 2)))).1);
        }
    }
}

#[test]
fn memory_bounds_the_flows() {
    let settings = FlowSettings { max_memory: 1 << 20, ..FlowSettings::default() };
    let mut bench = Bench::new(settings);
    let capacity = bench.table.stats().capacity as u32;
    for place in 0..2 * capacity {
        let to = format!("10.{}.{}.1:80", place / 256, place % 256);
        bench.packet(1000, A, &to, None);
        bench.packet(1000, &to, A, None);
    }
    let stats = bench.table.stats();
    assert_eq!(stats.flows, stats.capacity);
    assert!(stats.octets as u64 <= 2 * settings.table_memory(), "an index grows by doubling");
}

#[test]
fn a_flow_with_sixteen_octets_of_state_is_two_cache_lines() {
    assert_eq!(size_of::<Flow<[u32; 4]>>(), 128);
}

#[test]
fn a_flow_id_does_not_outlive_its_flow() {
    let mut bench = Bench::new(FlowSettings { max_flows: 1, ..FlowSettings::default() });
    let Admission::Flow { id, .. } = bench.packet(1000, A, B, None) else { panic!() };
    bench.table.get_mut(id).unwrap().state = 9;
    bench.packet(100_000, A, C, None);
    assert!(bench.table.get_mut(id).is_none());
}

proptest::proptest! {
    /// Whatever comes, each packet is counted in exactly one flow, and the bound holds.
    #[test]
    fn every_packet_is_counted_once(
        packets in proptest::collection::vec((0u64..4_000_000, 0u8..6, 0u8..6, 0u8..32), 1..400),
    ) {
        let mut bench = Bench::new(FlowSettings { max_flows: 8, ..FlowSettings::default() });
        let mut full = 0;
        for (millis, from, to, flags) in &packets {
            let from = format!("192.0.2.{from}:1000");
            let to = format!("192.0.2.{to}:80");
            let tcp = (*flags > 8).then_some((*flags, u32::from(*flags)));
            full += u64::from(bench.packet(*millis, &from, &to, tcp) == Admission::Full);
            proptest::prop_assert!(bench.table.len() <= 8);
        }
        let Bench { mut table, mut ended } = bench;
        table.drain(|flow, reason| {
            ended.push((flow.counts.initiator.packets, flow.counts.responder.packets, reason));
        });
        let counted: u64 = ended.iter().map(|(initiator, responder, _)| initiator + responder).sum();
        proptest::prop_assert_eq!(counted + full, packets.len() as u64);
    }
}
