//! What the workers learn and share: names of addresses, endpoints of peers, announced connections.
//!
//! Each map is bounded and its entries age on stream time. A full map refuses what is new once its
//! expired entries are gone, and counts the refusal. A shard's lock is held for one look-up or one
//! insertion, never across another call.

use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use etiage_capture::{Timestamp, Transport};

use crate::class::{Category, Protocol};
use crate::rules::ServiceId;

/// How many entries each of the maps may hold.
const MAX_ENTRIES: usize = 1 << 20;
/// A name outlives its DNS time to live: clients keep connections, and resolvers' caches hide queries.
const NAME_AGE: Duration = Duration::from_secs(3600);
/// DHT nodes and tracker lists are refreshed every 15 to 30 minutes (BEP 5, BEP 3).
const PEER_AGE: Duration = Duration::from_secs(3600);
/// An announced connection is opened at once or not at all.
const EXPECTED_AGE: Duration = Duration::from_secs(120);
/// What listens on a port today may be replaced tomorrow; within minutes it is not.
const ENDPOINT_AGE: Duration = Duration::from_secs(600);
/// A client of file sharing runs for hours; its address may be another's after that.
const SPEAKER_AGE: Duration = Duration::from_secs(3600);
/// Connections to strangers count together while a client looks for peers.
const FAN_OUT_AGE: Duration = Duration::from_secs(600);
/// Distinct strangers of a host that are told apart; more prove no more.
const MAX_STRANGERS: usize = 4;

/// Says when a worker may look at what is shared, so that workers of one capture see it as one worker
/// would: a packet sees what all packets before it taught, and nothing of those after it.
pub trait Turn: fmt::Debug + Send + Sync {
    /// Returns once every other worker is past all packets before the one at hand.
    fn wait(&self);
}

/// What is learnt, shared by all workers.
#[derive(Debug)]
pub struct Knowledge {
    maps: Arc<Maps>,
    turn: Option<Arc<dyn Turn>>,
}

#[derive(Debug)]
struct Maps {
    names: Aged<(IpAddr, IpAddr), Arc<str>>,
    names_of_servers: Aged<IpAddr, Arc<str>>,
    peers: Aged<SocketAddr, Protocol>,
    expected: Aged<SocketAddr, Protocol>,
    endpoints: Aged<(Transport, SocketAddr), Endpoint>,
    speakers: Aged<IpAddr, u8>,
    fan_outs: Aged<IpAddr, [Option<SocketAddr>; MAX_STRANGERS]>,
}

impl Default for Knowledge {
    fn default() -> Self {
        Self::with_capacity(MAX_ENTRIES)
    }
}

/// What was recognised at an endpoint within the last minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What it spoke last.
    pub protocol: Protocol,
    /// Whose it was, if it was the same in every flow; else [`ServiceId::NONE`].
    pub service: ServiceId,
    /// Two flows differed in what they are for: the endpoint says nothing.
    mixed: bool,
}

/// How full the maps are, and what they refused for being full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnowledgeStats {
    /// Names held.
    pub names: usize,
    /// Peer endpoints held.
    pub peers: usize,
    /// Entries refused, over all maps.
    pub refused: u64,
}

impl Knowledge {
    /// Maps of at most so many entries each.
    pub fn with_capacity(max_entries: usize) -> Self {
        let maps = Maps {
            names: Aged::new(max_entries, NAME_AGE),
            names_of_servers: Aged::new(max_entries, NAME_AGE),
            peers: Aged::new(max_entries, PEER_AGE),
            expected: Aged::new(max_entries, EXPECTED_AGE),
            endpoints: Aged::new(max_entries, ENDPOINT_AGE),
            speakers: Aged::new(max_entries, SPEAKER_AGE),
            fan_outs: Aged::new(max_entries, FAN_OUT_AGE),
        };
        Self { maps: Arc::new(maps), turn: None }
    }

    /// The same knowledge for a worker that waits for its turn at each look.
    #[must_use]
    pub fn in_turn(&self, turn: Arc<dyn Turn>) -> Self {
        Self { maps: self.maps.clone(), turn: Some(turn) }
    }

    fn maps(&self) -> &Maps {
        if let Some(turn) = &self.turn {
            turn.wait();
        }
        &self.maps
    }

    /// A DNS answer told `client` that `server` has this name.
    pub fn learn_name(&self, now: Timestamp, client: IpAddr, server: IpAddr, name: &str) {
        let maps = self.maps();
        let name: Arc<str> = name.into();
        maps.names.insert(now, (client, server), name.clone());
        maps.names_of_servers.insert(now, server, name);
    }

    /// The name under which `client` knows `server`, if it asked for it; else the last name that any
    /// client was given for that address. The flag tells which: true if the client itself asked.
    pub fn name(&self, now: Timestamp, client: IpAddr, server: IpAddr) -> Option<(Arc<str>, bool)> {
        let maps = self.maps();
        if let Some(name) = maps.names.get(now, &(client, server)) {
            return Some((name, true));
        }
        maps.names_of_servers.get(now, &server).map(|name| (name, false))
    }

    /// An endpoint is a peer of this protocol.
    pub fn learn_peer(&self, now: Timestamp, endpoint: SocketAddr, protocol: Protocol) {
        let maps = self.maps();
        maps.peers.insert(now, endpoint, protocol);
    }

    /// The protocol of which this endpoint is a known peer.
    pub fn peer(&self, now: Timestamp, endpoint: SocketAddr) -> Option<Protocol> {
        let maps = self.maps();
        maps.peers.get(now, &endpoint)
    }

    /// A control connection announced that this endpoint will be connected to.
    pub fn expect(&self, now: Timestamp, endpoint: SocketAddr, protocol: Protocol) {
        let maps = self.maps();
        maps.expected.insert(now, endpoint, protocol);
    }

    /// What was announced for this endpoint.
    pub fn expected(&self, now: Timestamp, endpoint: SocketAddr) -> Option<Protocol> {
        let maps = self.maps();
        maps.expected.get(now, &endpoint)
    }

    /// A flow of this endpoint was recognised by its own payload.
    pub fn learn_endpoint(
        &self,
        now: Timestamp,
        (transport, endpoint): (Transport, SocketAddr),
        protocol: Protocol,
        service: ServiceId,
    ) {
        let key = (transport, endpoint);
        let mut entry = Endpoint { protocol, service, mixed: false };
        let maps = self.maps();
        if let Some(before) = maps.endpoints.get(now, &key) {
            // Keys, media and what opens their path share a port (RFC 7983): all of them are calls.
            let calls = |one: Protocol| one.category() == Category::Voip;
            let alike = before.protocol == protocol || calls(before.protocol) && calls(protocol);
            entry.mixed = before.mixed || !alike;
            if before.service != service {
                entry.service = ServiceId::NONE;
            }
        }
        maps.endpoints.insert(now, key, entry);
    }

    /// What was recognised at this endpoint, if all of it was of one kind.
    pub fn endpoint(
        &self,
        now: Timestamp,
        transport: Transport,
        endpoint: SocketAddr,
    ) -> Option<Endpoint> {
        let maps = self.maps();
        maps.endpoints.get(now, &(transport, endpoint)).filter(|known| !known.mixed)
    }

    /// A host was seen to speak a peer-to-peer protocol itself, Skype's too. Protocols that hide are found among
    /// hosts that are known by what does not.
    pub fn learn_speaker(&self, now: Timestamp, host: IpAddr, protocol: Protocol) {
        let maps = self.maps();
        if let Some(bit) = speaker_bit(protocol) {
            let known = maps.speakers.get(now, &host).unwrap_or_default();
            maps.speakers.insert(now, host, known | bit);
        }
    }

    /// Whether this host was seen to speak this peer-to-peer protocol.
    pub fn speaks(&self, now: Timestamp, host: IpAddr, protocol: Protocol) -> bool {
        let maps = self.maps();
        let known = maps.speakers.get(now, &host).unwrap_or_default();
        speaker_bit(protocol).is_some_and(|bit| known & bit != 0)
    }

    /// A host opened a connection that looks like a hidden peer-to-peer handshake. Returns how many
    /// strangers, this one included, it has done that to: those that differ in address and port,
    /// for a client of one proxy goes to one port, and peers listen on any. At most four.
    pub fn suspect(&self, now: Timestamp, host: IpAddr, stranger: SocketAddr) -> usize {
        let maps = self.maps();
        let mut strangers = maps.fan_outs.get(now, &host).unwrap_or_default();
        let same =
            |known: &SocketAddr| known.ip() == stranger.ip() || known.port() == stranger.port();
        if !strangers.iter().flatten().any(same)
            && let Some(free) = strangers.iter_mut().find(|place| place.is_none())
        {
            *free = Some(stranger);
        }
        let count = strangers.iter().flatten().count();
        maps.fan_outs.insert(now, host, strangers);
        count
    }

    /// How full the maps are.
    pub fn stats(&self) -> KnowledgeStats {
        let refused = |count: &AtomicU64| count.load(Ordering::Relaxed);
        KnowledgeStats {
            names: self.maps.names.map.len(),
            peers: self.maps.peers.map.len(),
            refused: refused(&self.maps.names.refused)
                + refused(&self.maps.names_of_servers.refused)
                + refused(&self.maps.peers.refused)
                + refused(&self.maps.expected.refused)
                + refused(&self.maps.endpoints.refused)
                + refused(&self.maps.speakers.refused)
                + refused(&self.maps.fan_outs.refused),
        }
    }
}

/// The place of a peer-to-peer protocol among what a host speaks.
const fn speaker_bit(protocol: Protocol) -> Option<u8> {
    match protocol {
        Protocol::BitTorrent => Some(1),
        Protocol::Edonkey => Some(1 << 1),
        Protocol::DirectConnect => Some(1 << 2),
        Protocol::Soulseek => Some(1 << 3),
        Protocol::Gnutella => Some(1 << 4),
        Protocol::Skype => Some(1 << 5),
        _ => None,
    }
}

/// A bounded map whose entries expire on stream time.
#[derive(Debug)]
struct Aged<K: Eq + Hash, V> {
    map: DashMap<K, (V, Timestamp), foldhash::fast::RandomState>,
    max_entries: usize,
    age: Duration,
    /// Stream time, in seconds, of the last sweep: at most one each second, else a full map would
    /// be swept once a packet.
    swept: AtomicU64,
    refused: AtomicU64,
}

impl<K: Eq + Hash, V: Clone> Aged<K, V> {
    fn new(max_entries: usize, age: Duration) -> Self {
        Self {
            map: DashMap::default(),
            max_entries,
            age,
            swept: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    fn insert(&self, now: Timestamp, key: K, value: V) {
        if let Some(mut entry) = self.map.get_mut(&key) {
            *entry = (value, now);
            return;
        }
        if self.map.len() >= self.max_entries && !self.sweep(now) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.map.insert(key, (value, now));
    }

    fn get(&self, now: Timestamp, key: &K) -> Option<V> {
        let entry = self.map.get(key)?;
        let (value, learnt) = entry.value();
        (now.since(*learnt) <= self.age).then(|| value.clone())
    }

    /// Removes what has expired; whether there is room now.
    fn sweep(&self, now: Timestamp) -> bool {
        if self.swept.swap(now.as_secs(), Ordering::Relaxed) != now.as_secs() {
            self.map.retain(|_, (_, learnt)| now.since(*learnt) <= self.age);
        }
        self.map.len() < self.max_entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_name_is_first_the_clients_own_then_anybodys_and_expires() {
        let knowledge = Knowledge::default();
        knowledge.learn_name(at(100), ip(1), ip(9), "a.example");
        knowledge.learn_name(at(100), ip(2), ip(9), "b.example");
        assert_eq!(knowledge.name(at(101), ip(1), ip(9)), Some(("a.example".into(), true)));
        assert_eq!(knowledge.name(at(101), ip(3), ip(9)), Some(("b.example".into(), false)));
        assert_eq!(knowledge.name(at(100 + 3601), ip(1), ip(9)), None);
    }

    #[test]
    fn a_host_speaks_what_it_was_seen_to_speak_until_that_is_old() {
        let knowledge = Knowledge::default();
        knowledge.learn_speaker(at(10), ip(1), Protocol::Edonkey);
        knowledge.learn_speaker(at(10), ip(1), Protocol::BitTorrent);
        knowledge.learn_speaker(at(10), ip(1), Protocol::Tls);
        assert!(knowledge.speaks(at(11), ip(1), Protocol::Edonkey));
        assert!(knowledge.speaks(at(11), ip(1), Protocol::BitTorrent));
        assert!(!knowledge.speaks(at(11), ip(1), Protocol::Tls), "not peer-to-peer");
        assert!(!knowledge.speaks(at(11), ip(2), Protocol::Edonkey));
        assert!(!knowledge.speaks(at(10 + 3601), ip(1), Protocol::Edonkey));
    }

    #[test]
    fn an_endpoint_is_known_for_minutes_while_its_flows_agree() {
        let knowledge = Knowledge::default();
        let end = SocketAddr::new(ip(1), 7000);
        let learn = |secs, protocol, service| {
            let key = (Transport::TCP, end);
            knowledge.learn_endpoint(at(secs), key, protocol, ServiceId(service));
        };
        let known = |secs| {
            let known = knowledge.endpoint(at(secs), Transport::TCP, end);
            known.map(|known| (known.protocol, known.service.0))
        };
        learn(100, Protocol::Tls, 7);
        learn(100, Protocol::Tls, 7);
        assert_eq!(known(700), Some((Protocol::Tls, 7)));
        assert_eq!(known(701), None, "aged");
        assert_eq!(knowledge.endpoint(at(100), Transport::UDP, end), None);
        learn(110, Protocol::Tls, 8);
        assert_eq!(known(111), Some((Protocol::Tls, 0)), "two services: it is shared");
        learn(112, Protocol::Ssh, 0);
        learn(113, Protocol::Ssh, 0);
        assert_eq!(known(114), None, "two protocols");
        learn(800, Protocol::Stun, 0);
        learn(801, Protocol::Rtp, 0);
        assert_eq!(known(802), Some((Protocol::Rtp, 0)), "of one call");
    }

    #[test]
    fn strangers_differ_in_address_and_port() {
        let knowledge = Knowledge::default();
        let suspect =
            |last: u8, port: u16| knowledge.suspect(at(10), ip(1), SocketAddr::new(ip(last), port));
        assert_eq!(suspect(10, 8388), 1);
        assert_eq!(suspect(10, 8389), 1, "one host");
        assert_eq!(suspect(11, 8388), 1, "one port");
        assert_eq!(suspect(12, 51413), 2);
        assert_eq!(suspect(13, 6881), 3);
        assert_eq!((suspect(14, 1), suspect(15, 2)), (4, 4), "bounded");
        let later = knowledge.suspect(at(10 + 601), ip(1), SocketAddr::new(ip(16), 3));
        assert_eq!(later, 1, "aged");
    }

    #[test]
    fn a_full_map_refuses_counts_and_takes_again_once_entries_expired() {
        let knowledge = Knowledge::with_capacity(2);
        for last in 1..=3 {
            knowledge.learn_peer(at(10), SocketAddr::new(ip(last), 6881), Protocol::BitTorrent);
        }
        assert_eq!(knowledge.peer(at(10), SocketAddr::new(ip(3), 6881)), None);
        assert_eq!(knowledge.stats().refused, 1);
        let later = at(10 + 3602);
        knowledge.learn_peer(later, SocketAddr::new(ip(3), 6881), Protocol::BitTorrent);
        assert_eq!(knowledge.peer(later, SocketAddr::new(ip(3), 6881)), Some(Protocol::BitTorrent));
        assert_eq!(knowledge.stats().peers, 1);
    }
}
