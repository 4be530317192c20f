//! What a web flow is for where no rule knows its name: the shape of what it moves.
//!
//! A long transfer to the one that asked, without pause, is a download. A player asks for a few
//! seconds of its film at a time and is idle in between. Nothing but sizes, directions and times of
//! packets is looked at, and only of flows whose protocol is known and whose service is not.

use std::time::Duration;

use etiage_capture::{Side, TcpHeader, Timestamp, Transport};

use crate::class::{Category, Class, Confidence, Evidence, Protocol, Verdict};
use crate::recogniser::FlowEnds;
use crate::service_id::ServiceId;
use crate::signs::Signs;

/// How long a flow is watched; a player has shown itself by then.
const WATCHED: Duration = Duration::from_secs(120);
/// A pause of the server: longer than a lost segment's repetition on most ways takes.
const IDLE: Duration = Duration::from_millis(500);
/// What a server sends on one request before it is a download: the whole of a page is seldom more.
const BULK: u64 = 400_000;
/// The same where the client is known only by what the server acknowledges: it may have asked for a
/// piece of a torrent's web seed, often 512 KiB, and its words are not seen.
const BULK_ACKNOWLEDGED: u64 = 550_000;
/// The same where nothing is seen of the client, so that a page's many requests are not.
const BULK_ONE_WAY: u64 = 2_000_000;
/// No page sends so much without a pause: the verdict is surer.
const LONG_BULK: u64 = 16_000_000;
/// A download's requests bring at least so much each; a page's pictures bring less.
const BULK_PER_REQUEST: u64 = 128_000;
/// In a download the client hardly speaks: at most one packet with payload to so many of the server.
/// A tunnel's inner acknowledgments, and a backup, show by it. QUIC's acknowledgments are payload.
const QUIET_CLIENT: u32 = 12;
/// What a client's packet has at least if it asks for something: an HTTP/2 window update in a TLS
/// record is smaller, and so are most of QUIC's acknowledgments.
const REQUEST_TCP: u32 = 60;
const REQUEST_UDP: u32 = 90;
/// What a server acknowledges at once if the client asked for something, where the client's own packets
/// are not seen: two window updates stay under it.
const REQUEST_ACKNOWLEDGED: u32 = 90;
/// A burst smaller than this is none: keep-alives, statistics.
const NO_BURST: u64 = 8_000;
/// The least of a film's segment: two seconds at 160 kbit/s.
const SEGMENT: u64 = 40_000;
/// The least rate of a film over a whole period, in octets a second: 100 kbit/s. A page that asks for
/// news again and again stays under it.
const FILM_RATE: u64 = 12_500;
/// The time from segment to segment.
const PERIOD: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(800)..=Duration::from_secs(20);
/// Packets of an answer that are seen before its question, where packets come out of order.
const OVERTAKING: u8 = 3;
/// Bursts like one another that make a film.
const BURSTS: u8 = 4;

/// Much data one way without a name: most such flows are downloads, but not all.
const BULK_CONFIDENCE: Confidence = Confidence(60);
/// The same, of [`LONG_BULK`] octets and more.
const LONG_BULK_CONFIDENCE: Confidence = Confidence(75);
/// So much less sure where the client was not seen: it may have named a service that the rules know.
const UNSEEN_CLIENT: u8 = 10;
/// Bursts at even times, as players fetch segments: few other programs do.
const FILM_CONFIDENCE: Confidence = Confidence(70);

/// Packets after which a flow that nothing was recognised in is not asked about any more.
const MAX_LATE: u16 = 1024;

/// Where servers of the web listen. A download from another port may be a peer's.
const WEB_PORTS: [u16; 4] = [443, 80, 8443, 8080];

/// A flow of a web protocol and of no known service, while the shape of it is watched; or one that no
/// recogniser knew, while others may teach what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    verdict: Verdict,
    server: Side,
    /// No name was seen: it may be a download.
    nameless: bool,
    /// Whether the client asked since the server last spoke.
    asked: bool,
    client: Client,
    began: Timestamp,
    /// When the server last sent.
    last: Timestamp,
    bulk: Bulk,
    bursts: Bursts,
    late: Option<Late>,
}

/// What is left of a flow that no recogniser knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Late {
    pub(crate) signs: Signs,
    packets: u16,
}

/// What is seen of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    /// Nothing: the server's packets are all there is, and QUIC's do not tell what they acknowledge.
    Unseen,
    /// How far the server has acknowledged its octets (TCP).
    Acknowledged(u32),
    /// Its packets.
    Seen,
}

/// What moved since the last pause that a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bulk {
    octets: u64,
    packets: u32,
    requests: u32,
    client_packets: u32,
    client_octets: u64,
}

/// The server's bursts, and how many of the last were alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bursts {
    began: Timestamp,
    octets: u64,
    /// So many packets, as far as it is a few.
    packets: u8,
    asked: bool,
    before: Option<Burst>,
    alike: u8,
}

/// A burst that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Burst {
    began: Timestamp,
    octets: u64,
    period: Option<Duration>,
}

impl Watch {
    /// Watches a flow whose verdict says nothing of what it is for; `named`: a host name was seen, in
    /// the flow or in DNS, that no rule knows.
    pub(crate) fn new(
        verdict: Verdict,
        ends: &FlowEnds,
        named: impl Fn() -> bool,
        now: Timestamp,
    ) -> Option<Self> {
        let Class { protocol, service, category } = verdict.class;
        let web = matches!(protocol, Protocol::Http | Protocol::Tls | Protocol::Quic);
        if !web || service != ServiceId::NONE || category != Category::Web {
            return None;
        }
        let serves = |side| WEB_PORTS.contains(&ends.end(side).port());
        let server = match (serves(Side::Initiator), serves(Side::Responder)) {
            (true, false) => Side::Initiator,
            (false, false) if protocol != Protocol::Http => return None,
            _ => Side::Responder,
        };
        Some(Self {
            verdict,
            server,
            nameless: !named(),
            asked: true,
            client: Client::Unseen,
            began: now,
            last: now,
            bulk: Bulk::default(),
            bursts: Bursts { began: now, asked: true, ..Bursts::default() },
            late: None,
        })
    }

    /// Watches a flow that no recogniser knew.
    pub(crate) fn unknown(signs: Signs, now: Timestamp) -> Self {
        Self {
            verdict: Verdict::UNKNOWN,
            server: Side::Responder,
            nameless: true,
            asked: false,
            client: Client::Unseen,
            began: now,
            last: now,
            bulk: Bulk::default(),
            bursts: Bursts::default(),
            late: Some(Late { signs, packets: 0 }),
        }
    }

    pub(crate) const fn late(&self) -> Option<Late> {
        self.late
    }

    /// It is known now, and need not be watched any more.
    pub(crate) fn found(&mut self, verdict: Verdict) {
        self.verdict = verdict;
        self.late = None;
        self.nameless = false;
    }

    /// Whether [`crate::Classifier::ask_again`] is due: after 1, 2, 4… packets, so that a flow asks ten
    /// times at most.
    pub const fn is_due(&self) -> bool {
        match self.late {
            Some(Late { packets, .. }) => packets.is_power_of_two(),
            None => false,
        }
    }

    /// What is known by now.
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether what the flow moves is better counted later: it has no name, and its shape does not tell
    /// yet.
    pub fn is_open(&self) -> bool {
        self.late.is_some() || self.nameless && self.verdict.class.category == Category::Web
    }

    /// Takes a packet by the octets of its payload on the wire; false once there is nothing more to learn.
    pub fn packet(
        &mut self,
        transport: Transport,
        side: Side,
        (octets, tcp): (u32, Option<TcpHeader>),
        now: Timestamp,
    ) -> bool {
        if let Some(late) = &mut self.late {
            late.packets = late.packets.saturating_add(1);
            return late.packets < MAX_LATE && now.since(self.began) < WATCHED;
        }
        if side == self.server {
            self.acknowledged(tcp);
        }
        if octets == 0 {
            return true;
        }
        if side == self.server {
            self.served(u64::from(octets), now);
        } else {
            let udp = transport == Transport::UDP;
            let request = if udp { REQUEST_UDP } else { REQUEST_TCP };
            self.client = Client::Seen;
            self.bulk.client(octets, octets >= request);
            self.asked |= octets >= request;
            // The first of an answer may have overtaken its question.
            self.bursts.asked |= octets >= request && self.bursts.packets <= OVERTAKING;
        }
        self.look();
        let film = self.verdict.class.category == Category::Streaming;
        !film && now.since(self.began) < WATCHED
    }

    /// A packet of the server: where the client's take another way, what it acknowledges is what they
    /// carried.
    fn acknowledged(&mut self, tcp: Option<TcpHeader>) {
        let Some(tcp) = tcp.filter(|tcp| tcp.has(TcpHeader::ACK)) else { return };
        match self.client {
            Client::Seen => return,
            Client::Unseen => {}
            Client::Acknowledged(before) => {
                let octets = tcp.acknowledgment.wrapping_sub(before);
                if octets == 0 || octets >= 1 << 31 {
                    return;
                }
                self.bulk.client(octets, octets >= REQUEST_TCP);
                self.asked |= octets >= REQUEST_ACKNOWLEDGED;
            }
        }
        self.client = Client::Acknowledged(tcp.acknowledgment);
    }

    fn served(&mut self, octets: u64, now: Timestamp) {
        if now.since(self.last) > IDLE {
            if self.asked {
                self.bulk = Bulk { requests: 1, ..Bulk::default() };
            }
            self.bursts.next(now, self.asked);
        }
        self.asked = false;
        self.last = now;
        self.bulk.octets = self.bulk.octets.saturating_add(octets);
        self.bulk.packets = self.bulk.packets.saturating_add(1);
        self.bursts.octets = self.bursts.octets.saturating_add(octets);
        self.bursts.packets = self.bursts.packets.saturating_add(1);
    }

    fn look(&mut self) {
        if self.bursts.alike >= BURSTS {
            self.tell(Category::Streaming, FILM_CONFIDENCE);
        } else if self.nameless && self.is_download() {
            let long = self.bulk.octets >= LONG_BULK;
            let Confidence(sure) = if long { LONG_BULK_CONFIDENCE } else { BULK_CONFIDENCE };
            let less = if self.client == Client::Seen { 0 } else { UNSEEN_CLIENT };
            self.tell(Category::DirectDownload, Confidence(sure - less));
        }
    }

    fn is_download(&self) -> bool {
        let least = match self.client {
            Client::Seen => BULK,
            Client::Acknowledged(_) => BULK_ACKNOWLEDGED,
            Client::Unseen => BULK_ONE_WAY,
        };
        self.bulk.octets >= least && self.bulk.is_one_sided(self.verdict.class.protocol)
    }

    fn tell(&mut self, category: Category, confidence: Confidence) {
        let Verdict { class: Class { protocol, .. }, evidence, .. } = self.verdict;
        let class = Class { protocol, service: ServiceId::UNATTRIBUTED, category };
        self.verdict = Verdict { class, confidence, evidence: evidence.with(Evidence::SHAPE) };
    }
}

impl Bulk {
    fn client(&mut self, octets: u32, request: bool) {
        self.client_octets = self.client_octets.saturating_add(u64::from(octets));
        self.client_packets = self.client_packets.saturating_add(1);
        self.requests = self.requests.saturating_add(u32::from(request));
    }

    fn is_one_sided(&self, protocol: Protocol) -> bool {
        let quiet = protocol == Protocol::Quic
            || self.client_packets.saturating_mul(QUIET_CLIENT) <= self.packets;
        quiet
            && self.client_octets.saturating_mul(20) <= self.octets
            && u64::from(self.requests).saturating_mul(BULK_PER_REQUEST) <= self.octets
    }
}

impl Bursts {
    /// The server speaks again after a pause.
    fn next(&mut self, now: Timestamp, asked: bool) {
        if self.octets < NO_BURST {
            *self = Self { began: now, octets: 0, packets: 0, asked, ..*self };
            return;
        }
        let period = self.before.map(|before| self.began.since(before.began));
        let ended = Burst { began: self.began, octets: self.octets, period };
        let film = self.asked && self.octets >= SEGMENT;
        self.alike = match self.before {
            Some(before) if film && ended.is_like(&before) => self.alike.saturating_add(1),
            _ => u8::from(film),
        };
        self.before = Some(ended);
        *self = Self { began: now, octets: 0, packets: 0, asked, ..*self };
    }
}

impl Burst {
    /// Whether it follows another as a film's segment follows the one before.
    fn is_like(&self, before: &Self) -> bool {
        let Some(period) = self.period else { return false };
        let (small, large) = (self.octets.min(before.octets), self.octets.max(before.octets));
        let millis = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        let steady = before.period.is_none_or(|last| period <= last * 2 && last <= period * 2);
        PERIOD.contains(&period)
            && steady
            && large <= small.saturating_mul(4)
            && before.octets.saturating_mul(1000) >= FILM_RATE.saturating_mul(millis)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    const SEGMENT_OCTETS: u32 = 1400;

    struct Flow {
        ends: FlowEnds,
        watch: Option<Watch>,
        now: u64,
        /// What the server's packets acknowledge.
        acknowledges: Option<u32>,
    }

    /// A packet of so many octets of payload that acknowledges so many.
    fn packet(octets: u32, ack: Option<u32>) -> (u32, Option<TcpHeader>) {
        let header = |acknowledgment| TcpHeader { sequence: 0, acknowledgment, flags: 0x10 };
        (octets, ack.map(header))
    }

    impl Flow {
        fn new(protocol: Protocol, port: u16, named: bool) -> Self {
            let udp = protocol == Protocol::Quic;
            let ends = FlowEnds {
                initiator: SocketAddr::from(([192, 0, 2, 1], 50000)),
                responder: SocketAddr::from(([198, 51, 100, 1], port)),
                transport: if udp { Transport::UDP } else { Transport::TCP },
            };
            let verdict = Verdict {
                class: Class::of(protocol),
                confidence: Confidence::CERTAIN,
                evidence: Evidence::HANDSHAKE,
            };
            let watch = Watch::new(verdict, &ends, || named, Timestamp::from_secs(1));
            Self { ends, watch, now: 1_000_000_000, acknowledges: None }
        }

        fn packet(&mut self, side: Side, octets: u32, after_micros: u64) {
            self.now += after_micros * 1000;
            let Some(watch) = &mut self.watch else { return };
            let packet = packet(octets, self.acknowledges);
            watch.packet(self.ends.transport, side, packet, Timestamp::from_nanos(self.now));
        }

        fn request(&mut self, after_millis: u64) {
            self.packet(Side::Initiator, 200, after_millis * 1000);
        }

        /// The server sends, in full segments half a millisecond apart; the client acknowledges with
        /// payload of this size after every 24th, as HTTP/2 and QUIC do.
        fn bulk(&mut self, octets: u32, acknowledges: u32) {
            for place in 0..octets.div_ceil(SEGMENT_OCTETS) {
                self.packet(Side::Responder, SEGMENT_OCTETS, 500);
                if place % 24 == 23 {
                    self.packet(Side::Initiator, acknowledges, 10);
                }
            }
        }

        fn said(&self) -> (Category, u8) {
            let verdict = self.watch.unwrap().verdict();
            let by_shape = verdict.evidence.has(Evidence::SHAPE);
            assert_eq!(by_shape, verdict.class.service == ServiceId::UNATTRIBUTED);
            (verdict.class.category, verdict.confidence.0)
        }
    }

    #[test]
    fn one_request_and_a_long_answer_is_a_download_if_no_name_shows() {
        for (protocol, acknowledges) in
            [(Protocol::Tls, 35), (Protocol::Http, 0), (Protocol::Quic, 40)]
        {
            let mut flow = Flow::new(protocol, 443, false);
            flow.request(1);
            flow.bulk(390_000, acknowledges);
            assert_eq!(flow.said().0, Category::Web, "{protocol}");
            assert!(flow.watch.unwrap().is_open());
            flow.bulk(20_000, acknowledges);
            assert_eq!(flow.said(), (Category::DirectDownload, 60), "{protocol}");
            flow.bulk(16_000_000, acknowledges);
            assert_eq!(flow.said(), (Category::DirectDownload, 75), "{protocol}");
            let mut named = Flow::new(protocol, 443, true);
            named.request(1);
            named.bulk(2_000_000, acknowledges);
            assert_eq!(named.said(), (Category::Web, 99), "{protocol}");
        }
    }

    #[test]
    fn a_page_of_many_requests_a_tunnel_and_an_upload_are_no_downloads() {
        let mut page = Flow::new(Protocol::Tls, 443, false);
        for _ in 0..40 {
            page.request(20);
            page.bulk(50_000, 35);
        }
        assert_eq!(page.said(), (Category::Web, 99));
        let mut tunnel = Flow::new(Protocol::Tls, 443, false);
        for _ in 0..1000 {
            tunnel.bulk(2 * SEGMENT_OCTETS, 0);
            tunnel.packet(Side::Initiator, 56, 10);
        }
        assert_eq!(tunnel.said(), (Category::Web, 99));
        let mut upload = Flow::new(Protocol::Tls, 443, false);
        for place in 0..2000 {
            upload.packet(Side::Initiator, SEGMENT_OCTETS, 500);
            if place % 8 == 0 {
                upload.packet(Side::Responder, 40, 10);
            }
        }
        assert_eq!(upload.said(), (Category::Web, 99));
    }

    #[test]
    fn one_way_alone_needs_more() {
        let mut flow = Flow::new(Protocol::Tls, 443, false);
        for place in 0..2_100_000 / SEGMENT_OCTETS {
            flow.packet(Side::Responder, SEGMENT_OCTETS, 500);
            if place == 1000 {
                assert_eq!(flow.said().0, Category::Web);
            }
        }
        assert_eq!(flow.said().0, Category::DirectDownload);
    }

    /// The server's packets alone; before each of these lengths, it acknowledges so much more.
    fn served_alone(rounds: &[(u32, u32)], pause_micros: u64) -> Flow {
        let mut flow = Flow::new(Protocol::Tls, 443, false);
        flow.acknowledges = Some(u32::MAX - 100);
        flow.packet(Side::Responder, 100, 10);
        for (acknowledges, octets) in rounds {
            flow.now += pause_micros * 1000;
            flow.acknowledges = flow.acknowledges.map(|before| before.wrapping_add(*acknowledges));
            for _ in 0..octets.div_ceil(SEGMENT_OCTETS) {
                flow.packet(Side::Responder, SEGMENT_OCTETS, 500);
            }
        }
        flow
    }

    #[test]
    fn what_the_server_acknowledges_tells_of_a_client_that_is_not_seen() {
        // One request, then window updates.
        let download = [&[(200, 50_000)][..], &[(35, 50_000); 20]].concat();
        assert_eq!(served_alone(&download, 0).said(), (Category::DirectDownload, 50));
        let small = [&[(200, 50_000)][..], &[(35, 50_000); 9]].concat();
        assert_eq!(served_alone(&small, 0).said().0, Category::Web, "a web seed's piece");
        let long = [&[(200, 50_000)][..], &[(35, 50_000); 340]].concat();
        assert_eq!(served_alone(&long, 0).said(), (Category::DirectDownload, 65));
        assert_eq!(served_alone(&[(200, 50_000); 40], 0).said().0, Category::Web, "a page");
        let film = [(300, 600_000); 7];
        assert_eq!(served_alone(&film, 1_600_000).said(), (Category::Streaming, 70));
        let upload = [(14_000, 1_400); 400];
        assert_eq!(served_alone(&upload, 0).said().0, Category::Web);
    }

    #[test]
    fn a_peers_port_is_not_watched_and_a_known_service_neither() {
        assert!(Flow::new(Protocol::Tls, 51413, false).watch.is_none());
        assert!(Flow::new(Protocol::Http, 51413, false).watch.is_some());
        assert!(Flow::new(Protocol::BitTorrent, 443, false).watch.is_none());
        let verdict = Verdict { class: Class::of(Protocol::Tls), ..Verdict::UNKNOWN };
        let known = Class { service: ServiceId(1), ..verdict.class };
        let ends = Flow::new(Protocol::Tls, 443, false).ends;
        let verdict = Verdict { class: known, ..verdict };
        assert_eq!(Watch::new(verdict, &ends, || true, Timestamp::EPOCH), None);
    }

    /// Segments of these octets, asked for every so many milliseconds.
    fn played(named: bool, segments: &[u32], every_millis: u64) -> Flow {
        let mut flow = Flow::new(Protocol::Tls, 443, named);
        for octets in segments {
            flow.request(every_millis);
            flow.bulk(*octets, 35);
            flow.packet(Side::Responder, 24, 400_000);
        }
        flow
    }

    #[test]
    fn segments_at_a_steady_pace_are_a_film() {
        for named in [true, false] {
            let film = [600_000, 130_000, 125_000, 127_000, 119_000, 117_000, 90_000];
            let (category, sure) = played(named, &film, 1600).said();
            assert_eq!((category, sure), (Category::Streaming, 70), "{named}");
        }
        // At the start a film without a name looks like a download; its pauses correct that.
        let buffered = [3_000_000, 600_000, 650_000, 500_000, 700_000, 600_000, 600_000];
        assert_eq!(played(false, &buffered[..1], 4000).said().0, Category::DirectDownload);
        assert_eq!(played(false, &buffered, 4000).said().0, Category::Streaming);
    }

    #[test]
    fn a_segment_may_overtake_the_request_for_it() {
        let mut flow = Flow::new(Protocol::Tls, 443, true);
        for _ in 0..7 {
            flow.packet(Side::Responder, SEGMENT_OCTETS, 1_600_000);
            flow.request(0);
            flow.bulk(600_000, 35);
        }
        assert_eq!(flow.said(), (Category::Streaming, 70));
    }

    #[test]
    fn pages_news_and_slow_downloads_are_no_film() {
        let pages = [300_000, 9_000, 120_000, 20_000, 400_000, 60_000, 9_000];
        assert_eq!(played(true, &pages, 3000).said().0, Category::Web);
        let news = [41_000; 12];
        assert_eq!(played(true, &news, 6000).said().0, Category::Web);
        // A client that reads slowly stops the server again and again, but asks for nothing.
        let mut slow = Flow::new(Protocol::Tls, 443, false);
        slow.request(1);
        for _ in 0..20 {
            slow.bulk(150_000, 35);
            slow.packet(Side::Responder, SEGMENT_OCTETS, 900_000);
        }
        assert_eq!(slow.said().0, Category::DirectDownload);
    }

    #[test]
    fn it_ends_and_is_small() {
        let mut flow = Flow::new(Protocol::Tls, 443, true);
        let watch = flow.watch.as_mut().unwrap();
        let (shown, transport) = (packet(100, None), flow.ends.transport);
        assert!(watch.packet(transport, Side::Responder, shown, Timestamp::from_secs(120)));
        assert!(!watch.packet(transport, Side::Responder, shown, Timestamp::from_secs(121)));
        assert!(size_of::<Watch>() <= 192, "{}", size_of::<Watch>());
    }
}
