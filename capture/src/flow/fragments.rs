//! Later fragments have no ports: their first fragment's are remembered for them.

use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::decode::FragmentId;
use crate::packet::{Packet, Transport};
use crate::time::Timestamp;

/// RFC 8200, section 4.5, gives reassembly 60 seconds; two generations of 30 seconds give 30 to 60.
const GENERATION: Duration = Duration::from_secs(30);

/// Ports of the datagrams whose first fragment was seen. What is older than two generations, or finds
/// the younger generation full, is forgotten.
#[derive(Debug)]
pub struct Fragments {
    young: HashMap<FragmentId, Whole, RandomState>,
    old: HashMap<FragmentId, Whole, RandomState>,
    since: Timestamp,
    max: usize,
}

/// What a first fragment tells of its datagram: transport, source port, destination port.
type Whole = (Transport, u16, u16);

impl Fragments {
    /// Remembers at most twice so many datagrams.
    pub fn new(max: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), since: Timestamp::EPOCH, max }
    }

    /// A first fragment was seen.
    pub fn learn(&mut self, now: Timestamp, id: FragmentId, packet: &Packet<'_>) {
        let age = now.since(self.since);
        if age >= GENERATION || self.young.len() >= self.max {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.since = now;
        }
        if age >= GENERATION * 2 {
            self.old.clear();
        }
        let ports = (packet.source.port(), packet.destination.port());
        self.young.insert(id, (packet.transport, ports.0, ports.1));
    }

    /// The packet that a later fragment is: its flow's ends, and no payload to look at.
    pub fn find(&self, now: Timestamp, id: &FragmentId) -> Option<Packet<'static>> {
        if now.since(self.since) >= GENERATION * 2 {
            return None;
        }
        let (transport, source, destination) = *self.young.get(id).or_else(|| self.old.get(id))?;
        Some(Packet {
            source: (id.source, source).into(),
            destination: (id.destination, destination).into(),
            transport,
            tcp: None,
            payload: &[],
            payload_octets: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(identification: u32) -> (FragmentId, Packet<'static>) {
        let (source, destination) = ("192.0.2.1:5000", "192.0.2.2:53");
        let packet = Packet {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            transport: Transport::UDP,
            tcp: None,
            payload: b"beginning",
            payload_octets: 9,
        };
        let (source, destination) = packet.addresses();
        (FragmentId { source, destination, identification, begins_with: Transport::UDP }, packet)
    }

    #[test]
    fn a_later_fragment_finds_its_ports_for_a_while() {
        let mut fragments = Fragments::new(10);
        let (id, packet) = first(7);
        fragments.learn(Timestamp::from_secs(1000), id, &packet);
        let found = fragments.find(Timestamp::from_secs(1001), &id).unwrap();
        assert_eq!((found.source, found.destination), (packet.source, packet.destination));
        assert_eq!(fragments.find(Timestamp::from_secs(1001), &first(8).0), None);
        assert_eq!(fragments.find(Timestamp::from_secs(1061), &id), None);
    }

    #[test]
    fn a_long_silence_does_not_make_old_ports_young() {
        let mut fragments = Fragments::new(10);
        let (id, packet) = first(7);
        fragments.learn(Timestamp::from_secs(1000), id, &packet);
        fragments.learn(Timestamp::from_secs(9000), first(8).0, &packet);
        assert_eq!(fragments.find(Timestamp::from_secs(9001), &id), None);
        assert!(fragments.find(Timestamp::from_secs(9001), &first(8).0).is_some());
    }

    #[test]
    fn is_bounded() {
        let mut fragments = Fragments::new(10);
        for identification in 0..1000 {
            let (id, packet) = first(identification);
            fragments.learn(Timestamp::from_secs(1000), id, &packet);
        }
        assert!(fragments.young.len() + fragments.old.len() <= 20);
        assert!(fragments.find(Timestamp::from_secs(1000), &first(999).0).is_some());
    }
}
