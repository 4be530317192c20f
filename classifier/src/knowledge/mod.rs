//! What the workers learn and share: names of addresses, endpoints of peers, announced connections.
//!
//! Each map is bounded and its entries age on stream time; a full one makes room by age and use. What
//! one host claims of another holds for the two that spoke; for others, once several have found the same.
//! A shard's lock is held for one look-up or one insertion, never across another call.

mod aged;
mod names;
mod questions;
mod witnesses;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use etiage_capture::{Timestamp, Transport};

use self::aged::Aged;
use self::names::Names;
pub use self::names::{LearntName, Teacher, Trust};
pub(crate) use self::questions::Question;
pub use self::witnesses::Word;
use self::witnesses::{Latest, Witnesses, mark};
use crate::class::{Category, Protocol};
use crate::service_id::ServiceId;

/// How many entries each of the maps may hold.
const MAX_ENTRIES: usize = 1 << 20;
/// DHT nodes and tracker lists are refreshed every 15 to 30 minutes (BEP 5, BEP 3).
const PEER_AGE: Duration = Duration::from_secs(3600);
/// An announced connection is opened at once or not at all.
const EXPECTED_AGE: Duration = Duration::from_secs(120);
/// What listens on a port today may be replaced tomorrow; within minutes it is not.
const ENDPOINT_AGE: Duration = Duration::from_secs(600);
/// A client of file sharing runs for hours; its address may be another's after that.
const HOST_AGE: Duration = Duration::from_secs(3600);
/// Connections to strangers count together while a client looks for peers.
const FAN_OUT_AGE: Duration = Duration::from_secs(600);
/// Strangers to whom a host must have done the same.
const STRANGERS: usize = 4;

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
    names: Names,
    peers: Aged<SocketAddr, Peer>,
    /// Announced, for a connection with this host, or with any.
    expected: Aged<(SocketAddr, Option<IpAddr>), Expected>,
    endpoints: Aged<(Transport, SocketAddr), Endpoint>,
    hosts: Aged<IpAddr, KnownHost>,
    fan_outs: Aged<IpAddr, FanOut>,
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
    /// Who was at the other end.
    clients: Witnesses,
}

/// What an announced connection will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// What will be spoken there.
    pub protocol: Protocol,
    /// A candidate of WebRTC that may be anybody's: it says what a call is for, and of no other flow
    /// anything.
    pub call_only: bool,
}

/// An endpoint that was told, or said itself, to be a peer's.
#[derive(Clone, Copy, Debug)]
struct Peer {
    protocol: Protocol,
    /// It said so itself, to somebody who spoke with it.
    own: bool,
    /// Somebody was told so who had asked.
    asked: bool,
    sayers: Witnesses,
    hearers: Latest,
}

/// What a host speaks, a bit for each protocol.
#[derive(Clone, Copy, Debug, Default)]
struct KnownHost {
    /// By its own word.
    own: u8,
    /// By the word of three others.
    claims: [(u32, u8); 3],
    /// By its own word that nobody asked for, which may be another's: to whom it came last.
    heard: (u32, u8),
}

/// A host's connections that began with nothing fixed.
#[derive(Clone, Copy, Debug, Default)]
struct FanOut {
    /// Strangers to whom they looked like a hidden peer-to-peer handshake, and the octets these began with.
    strangers: [Option<(SocketAddr, u16)>; STRANGERS],
    /// Those that looked like one.
    alike: u16,
    /// Those that did not, or were to a stranger for the second time.
    others: u16,
}

impl FanOut {
    fn is_established(&self) -> bool {
        self.strangers.iter().all(Option::is_some) && self.others <= self.alike / 2
    }
}

/// How full the maps are, and what made room in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnowledgeStats {
    /// Names held.
    pub names: usize,
    /// Peer endpoints held.
    pub peers: usize,
    /// Entries that made room for others before they expired, over all maps.
    pub evicted: u64,
}

impl Knowledge {
    /// Maps of at most so many entries each.
    pub fn with_capacity(max_entries: usize) -> Self {
        let maps = Maps {
            names: Names::new(max_entries),
            peers: Aged::new(max_entries, PEER_AGE),
            expected: Aged::new(max_entries, EXPECTED_AGE),
            endpoints: Aged::new(max_entries, ENDPOINT_AGE),
            hosts: Aged::new(max_entries, HOST_AGE),
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

    /// A client asks a resolver.
    pub(crate) fn ask(&self, now: Timestamp, question: &Question<'_>) {
        self.maps().names.ask(now, question);
    }

    /// A resolver answers: the host of the question has these addresses. Believed as far as the question
    /// was seen.
    pub(crate) fn answer(
        &self,
        now: Timestamp,
        question: &Question<'_>,
        host: Option<&str>,
        addresses: &[IpAddr],
    ) {
        self.maps().names.answer(now, question, host, addresses);
    }

    /// A client asked a resolver, and was told that `server` has this name.
    #[cfg(test)]
    pub(crate) fn learn_name(&self, now: Timestamp, client: IpAddr, server: IpAddr, name: &str) {
        let question = Question {
            client: SocketAddr::new(client, 50_000),
            resolver: SocketAddr::from(([192, 0, 2, 53], 53)),
            transport: Transport::UDP,
            id: 1,
            kind: 1,
            name: name.as_bytes(),
        };
        self.ask(now, &question);
        self.answer(now, &question, Some(name), &[server]);
    }

    /// The name under which `client` knows `server`, if it asked for it; else what three others were
    /// given for that address; else what the client was told though its question was not seen, by a
    /// resolver of whose questions none is seen.
    pub fn name(&self, now: Timestamp, client: IpAddr, server: IpAddr) -> Option<LearntName> {
        self.maps().names.get(now, client, server)
    }

    /// Somebody says that an endpoint is a peer of this protocol: its own host, or another.
    pub fn learn_peer(&self, now: Timestamp, endpoint: SocketAddr, protocol: Protocol, word: Word) {
        let maps = self.maps();
        maps.peers.update(now, endpoint, |before| {
            let (sayers, hearers) = (Witnesses::default(), Latest::default());
            let new = Peer { protocol, own: false, asked: false, sayers, hearers };
            let mut peer = before.copied().filter(|peer| peer.protocol == protocol).unwrap_or(new);
            peer.own |= word.asked && word.by == endpoint.ip();
            peer.asked |= word.asked;
            if word.asked {
                peer.sayers.add(word.by);
            }
            peer.hearers.add(word.to);
            peer
        });
    }

    /// The protocol of which this endpoint is a known peer, and whether that was asked for: by its own
    /// word or that of three others, or because `other`, with whom it speaks, was told so.
    pub fn peer(
        &self,
        now: Timestamp,
        endpoint: SocketAddr,
        other: IpAddr,
    ) -> Option<(Protocol, bool)> {
        let peer = self.maps().peers.get(now, &endpoint)?;
        let believed = peer.own || peer.sayers.are_enough();
        let told = peer.hearers.has(other) || peer.sayers.has(other);
        (believed || told).then_some((peer.protocol, peer.asked))
    }

    /// A control connection announced that this endpoint will be connected to: by whom it was told, or
    /// by anybody if it is the speaker's own.
    pub fn expect(&self, now: Timestamp, endpoint: SocketAddr, protocol: Protocol, word: Word) {
        let with = (word.by != endpoint.ip()).then_some(word.to);
        let expected = Expected { protocol, call_only: false };
        self.maps().expected.insert(now, (endpoint, with), expected);
    }

    /// Somebody offers this endpoint as a candidate for a call (RFC 8445): his own under another address,
    /// as it seems, for anybody to call.
    pub fn expect_call(
        &self,
        now: Timestamp,
        endpoint: SocketAddr,
        protocol: Protocol,
        word: Word,
    ) {
        let expected = Expected { protocol, call_only: word.by != endpoint.ip() };
        let maps = self.maps();
        maps.expected.update(now, (endpoint, None), |before| {
            before.copied().filter(|before| !before.call_only).unwrap_or(expected)
        });
    }

    /// What was announced for this endpoint and a connection with `other`.
    pub fn expected(
        &self,
        now: Timestamp,
        endpoint: SocketAddr,
        other: IpAddr,
    ) -> Option<Expected> {
        let maps = self.maps();
        let with = |host| maps.expected.get(now, &(endpoint, host));
        with(Some(other)).or_else(|| with(None))
    }

    /// A flow between this endpoint and a client of it was recognised by its own payload.
    pub fn learn_endpoint(
        &self,
        now: Timestamp,
        (transport, endpoint): (Transport, SocketAddr),
        protocol: Protocol,
        service: ServiceId,
        client: IpAddr,
    ) {
        let maps = self.maps();
        maps.endpoints.update(now, (transport, endpoint), |before| {
            let clients = Witnesses::of(client);
            let mut entry = Endpoint { protocol, service, mixed: false, clients };
            if let Some(before) = before {
                // Keys, media and what opens their path share a port (RFC 7983): all of them are calls.
                let calls = |one: Protocol| one.category() == Category::Voip;
                let alike =
                    before.protocol == protocol || calls(before.protocol) && calls(protocol);
                entry.mixed = before.mixed || !alike;
                entry.clients = before.clients;
                entry.clients.add(client);
                if before.service != service {
                    entry.service = ServiceId::NONE;
                }
            }
            entry
        });
    }

    /// What was recognised at this endpoint, if all of it was of one kind: with this client, or with
    /// three others.
    pub fn endpoint(
        &self,
        now: Timestamp,
        transport: Transport,
        endpoint: SocketAddr,
        client: IpAddr,
    ) -> Option<Endpoint> {
        let known = self.maps().endpoints.get(now, &(transport, endpoint))?;
        let believed = known.clients.are_enough() || known.clients.has(client);
        (believed && !known.mixed).then_some(known)
    }

    /// A host speaks a peer-to-peer protocol, Skype's too, by its own word or another's. Protocols that
    /// hide are found among hosts that are known by what does not.
    pub fn learn_host(&self, now: Timestamp, host: IpAddr, protocol: Protocol, word: Word) {
        let Some(bit) = protocol_bit(protocol) else { return };
        self.maps().hosts.update(now, host, |before| {
            let mut speaker = before.copied().unwrap_or_default();
            match (word.by == host, word.asked) {
                (true, true) => speaker.own |= bit,
                (true, false) => speaker.heard = (mark(word.to), bit),
                (false, true) => speaker.claim(word.by, bit),
                (false, false) => {}
            }
            speaker
        });
    }

    /// Whether this host was seen to speak this peer-to-peer protocol: by itself, or by three others,
    /// or by `other`, with whom it speaks now.
    pub fn speaks(&self, now: Timestamp, host: IpAddr, protocol: Protocol, other: IpAddr) -> bool {
        let known = self.maps().hosts.get(now, &host).unwrap_or_default();
        protocol_bit(protocol).is_some_and(|bit| known.has(bit, other))
    }

    /// A host opened a connection that looks like a hidden peer-to-peer handshake and began with so many
    /// octets. Returns whether it does that to strangers: to four or more that differ in address, port and
    /// octets, and seldom to one of them twice. A client of a few proxies goes to few ports again and again, with
    /// beginnings of one length; and most of what it does looks otherwise.
    pub fn suspect(&self, now: Timestamp, host: IpAddr, stranger: SocketAddr, octets: u16) -> bool {
        self.fan_out(now, host, |fan_out| {
            let known = fan_out.strangers.iter().flatten();
            if known.clone().any(|(known, _)| *known == stranger) {
                fan_out.others = fan_out.others.saturating_add(1);
                return;
            }
            fan_out.alike = fan_out.alike.saturating_add(1);
            let same = |(end, begun): &(SocketAddr, u16)| {
                end.ip() == stranger.ip() || end.port() == stranger.port() || *begun == octets
            };
            if !known.clone().any(same)
                && let Some(free) = fan_out.strangers.iter_mut().find(|place| place.is_none())
            {
                *free = Some((stranger, octets));
            }
        })
    }

    /// A host opened a connection that hides what it is and is no such handshake.
    pub fn clear_of_suspicion(&self, now: Timestamp, host: IpAddr) {
        self.fan_out(now, host, |fan_out| fan_out.others = fan_out.others.saturating_add(1));
    }

    /// Whether a host is known to do what [`Knowledge::suspect`] says.
    pub fn is_suspected(&self, now: Timestamp, host: IpAddr) -> bool {
        self.maps().fan_outs.get(now, &host).is_some_and(|fan_out| fan_out.is_established())
    }

    fn fan_out(&self, now: Timestamp, host: IpAddr, note: impl FnOnce(&mut FanOut)) -> bool {
        let maps = self.maps();
        let mut fan_out = maps.fan_outs.get(now, &host).unwrap_or_default();
        note(&mut fan_out);
        maps.fan_outs.insert(now, host, fan_out);
        fan_out.is_established()
    }

    /// How full the maps are.
    pub fn stats(&self) -> KnowledgeStats {
        let Maps { names, peers, expected, endpoints, hosts, fan_outs } = &*self.maps;
        KnowledgeStats {
            names: names.len(),
            peers: peers.len(),
            evicted: names.evicted()
                + peers.evicted()
                + expected.evicted()
                + endpoints.evicted()
                + hosts.evicted()
                + fan_outs.evicted(),
        }
    }
}

impl KnownHost {
    fn claim(&mut self, who: IpAddr, bit: u8) {
        let mark = mark(who);
        let place = self.claims.iter_mut().find(|(by, _)| *by == mark || *by == 0);
        if let Some(place) = place {
            *place = (mark, place.1 | bit);
        }
    }

    fn has(&self, bit: u8, other: IpAddr) -> bool {
        let other = mark(other);
        let mut claims = self.claims.iter().filter(|(_, bits)| bits & bit != 0);
        self.own & bit != 0
            || self.heard.0 == other && self.heard.1 & bit != 0
            || claims.clone().any(|(by, _)| *by == other)
            || claims.nth(self.claims.len() - 1).is_some()
    }
}

/// The place of a peer-to-peer protocol among what a host speaks.
const fn protocol_bit(protocol: Protocol) -> Option<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// What one host said to another that had asked.
    fn word(by: u8, to: u8) -> Word {
        Word { by: ip(by), to: ip(to), asked: true }
    }

    #[test]
    fn a_name_is_first_the_clients_own_then_that_of_three_and_expires() {
        let knowledge = Knowledge::default();
        let name = |secs, client| {
            let name = knowledge.name(at(secs), ip(client), ip(9))?;
            Some((name.host.to_string(), name.teacher.trust))
        };
        knowledge.learn_name(at(100), ip(1), ip(9), "a.example");
        for client in 2..=4 {
            assert_eq!(name(101, 8), None);
            knowledge.learn_name(at(100), ip(client), ip(9), "b.example");
        }
        assert_eq!(name(101, 1), Some(("a.example".to_owned(), Trust::Asked)));
        assert_eq!(name(101, 8), Some(("b.example".to_owned(), Trust::Others)));
        assert_eq!(name(100 + 3601, 1), None);
    }

    #[test]
    fn a_host_speaks_what_it_was_seen_to_speak_until_that_is_old() {
        let knowledge = Knowledge::default();
        let learn = |protocol, word: Word| knowledge.learn_host(at(10), ip(1), protocol, word);
        learn(Protocol::Edonkey, word(1, 2));
        learn(Protocol::BitTorrent, word(1, 2));
        learn(Protocol::Tls, word(1, 2));
        let speaks = |secs, host, protocol| knowledge.speaks(at(secs), ip(host), protocol, ip(9));
        assert!(speaks(11, 1, Protocol::Edonkey));
        assert!(speaks(11, 1, Protocol::BitTorrent));
        assert!(!speaks(11, 1, Protocol::Tls), "not peer-to-peer");
        assert!(!speaks(11, 2, Protocol::Edonkey));
        assert!(!speaks(10 + 3601, 1, Protocol::Edonkey));
        // What others say of it holds for them, and for all once three have said it.
        for by in 2..=4 {
            assert!(!speaks(11, 1, Protocol::Soulseek), "{by}");
            learn(Protocol::Soulseek, word(by, 1));
            assert!(knowledge.speaks(at(11), ip(1), Protocol::Soulseek, ip(by)));
        }
        assert!(speaks(11, 1, Protocol::Soulseek));
        // A datagram of its own that nobody asked for may be another's.
        learn(Protocol::Gnutella, Word { asked: false, ..word(1, 2) });
        assert!(!speaks(11, 1, Protocol::Gnutella));
        assert!(knowledge.speaks(at(11), ip(1), Protocol::Gnutella, ip(2)));
    }

    #[test]
    fn a_peer_is_one_by_its_own_word_by_three_others_or_to_who_was_told() {
        let knowledge = Knowledge::default();
        let end = |last| SocketAddr::new(ip(last), 51413);
        let learn = |of, word| knowledge.learn_peer(at(10), end(of), Protocol::BitTorrent, word);
        let known = |of, other| knowledge.peer(at(11), end(of), ip(other)).map(|(_, asked)| asked);
        learn(1, word(1, 50));
        assert_eq!(known(1, 60), Some(true), "its own word");
        // One tracker, or one forger, tells many of an address.
        for to in 70..80 {
            learn(2, word(99, to));
        }
        assert_eq!((known(2, 60), known(2, 79)), (None, Some(true)));
        learn(2, word(98, 70));
        learn(2, word(97, 70));
        assert_eq!(known(2, 60), Some(true), "three say so");
        // What nobody asked for holds for who was sent it, and is not sure.
        for by in 90..99 {
            learn(3, Word { asked: false, ..word(by, 70) });
        }
        learn(3, Word { asked: false, ..word(3, 70) });
        assert_eq!((known(3, 60), known(3, 70)), (None, Some(false)));
    }

    #[test]
    fn an_announcement_is_for_the_two_that_spoke_of_it() {
        let knowledge = Knowledge::default();
        let end = SocketAddr::new(ip(9), 443);
        let expected = |other| knowledge.expected(at(11), end, ip(other));
        knowledge.expect(at(10), end, Protocol::FtpData, word(1, 2));
        let sure = Some(Expected { protocol: Protocol::FtpData, call_only: false });
        assert_eq!((expected(2), expected(3)), (sure, None));
        knowledge.expect_call(at(10), end, Protocol::BitTorrent, word(1, 2));
        let call = Some(Expected { protocol: Protocol::BitTorrent, call_only: true });
        assert_eq!((expected(2), expected(3)), (sure, call));
        knowledge.expect(at(10), end, Protocol::FtpData, word(9, 2));
        assert_eq!(expected(3), sure, "its own");
        knowledge.expect_call(at(10), end, Protocol::BitTorrent, word(1, 2));
        assert_eq!(expected(3), sure);
    }

    #[test]
    fn an_endpoint_is_known_for_minutes_while_its_flows_agree() {
        let knowledge = Knowledge::default();
        let end = SocketAddr::new(ip(1), 7000);
        let learn = |secs, protocol, service| {
            let key = (Transport::TCP, end);
            knowledge.learn_endpoint(at(secs), key, protocol, ServiceId(service), ip(2));
        };
        let known = |secs| {
            let known = knowledge.endpoint(at(secs), Transport::TCP, end, ip(2));
            known.map(|known| (known.protocol, known.service.0))
        };
        learn(100, Protocol::Tls, 7);
        learn(100, Protocol::Tls, 7);
        assert_eq!(known(700), Some((Protocol::Tls, 7)));
        assert_eq!(known(701), None, "aged");
        assert_eq!(knowledge.endpoint(at(100), Transport::UDP, end, ip(2)), None);
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
    fn what_one_client_shows_at_an_endpoint_holds_for_it_and_what_three_show_for_all() {
        let knowledge = Knowledge::default();
        let key = (Transport::TCP, SocketAddr::new(ip(1), 8443));
        let known = |client| knowledge.endpoint(at(11), key.0, key.1, ip(client)).is_some();
        for client in 2..=4 {
            assert!(!known(9), "{client}");
            knowledge.learn_endpoint(at(10), key, Protocol::Tls, ServiceId(7), ip(client));
            assert!(known(client));
        }
        assert!(known(9));
    }

    #[test]
    fn strangers_differ_in_address_port_and_beginning() {
        let knowledge = Knowledge::default();
        let suspect = |last: u8, port: u16, octets: u16| {
            knowledge.suspect(at(10), ip(1), SocketAddr::new(ip(last), port), octets)
        };
        assert!(!suspect(10, 8388, 100));
        assert!(!suspect(10, 8389, 101), "one host");
        assert!(!suspect(11, 8388, 102), "one port");
        assert!(!suspect(12, 51413, 100), "one length");
        assert!(!suspect(13, 6881, 104));
        assert!(!suspect(14, 51413, 105));
        assert!(suspect(15, 1, 106));
        assert!(knowledge.is_suspected(at(10 + 600), ip(1)));
        assert!(!knowledge.is_suspected(at(10 + 601), ip(1)), "aged");
    }

    #[test]
    fn who_mostly_does_other_things_is_not_suspected() {
        let knowledge = Knowledge::default();
        let stranger = |n: u8| SocketAddr::new(ip(n), 6000 + u16::from(n));
        for n in 1..=6 {
            knowledge.suspect(at(10), ip(100), stranger(n), 200 + u16::from(n));
        }
        assert!(knowledge.is_suspected(at(10), ip(100)));
        for _ in 0..3 {
            assert!(knowledge.is_suspected(at(10), ip(100)));
            knowledge.clear_of_suspicion(at(10), ip(100));
        }
        knowledge.suspect(at(10), ip(100), stranger(1), 77);
        assert!(!knowledge.is_suspected(at(10), ip(100)), "four others of ten, the last one again");
    }
}
