//! Direct Connect: NMDC (`$Command arguments|`) and ADC (`HSUP ADBASE ADTIGR`), hubs and peers.

use std::net::SocketAddr;

use etiage_capture::Side;
use memchr::memchr2_iter;

use super::Scratch;
use super::text::{self, Start};
use crate::class::{Confidence, Evidence, Protocol};
use crate::ports;
use crate::recogniser::{Answer, Finding, View};

/// NMDC's commands, as they start a message. What follows is a space or the end.
const NMDC: &[&[u8]] = &[
    b"$Lock ",
    b"$MyNick ",
    b"$Supports ",
    b"$Key ",
    b"$Direction ",
    b"$Get ",
    b"$ADCGET ",
    b"$ADCSND ",
    b"$ValidateNick ",
    b"$Hello ",
    b"$HubName ",
    b"$GetINFO ",
    b"$MyINFO ",
    b"$Search ",
    b"$SR ",
    b"$ConnectToMe ",
    b"$RevConnectToMe ",
    b"$MaxedOut",
    b"$FileLength ",
    b"$NickList ",
    b"$OpList ",
    b"$GetNickList",
    b"$HubTopic ",
    b"$UserIP ",
    b"$UserCommand ",
    b"$ZOn|",
    b"$Quit ",
    b"$Error ",
    b"$BotINFO ",
    b"$ValidateDenide",
];
/// What the first message of an NMDC connection is.
const NMDC_FIRST: &[&[u8]] = &[b"$Lock ", b"$MyNick ", b"$Supports ", b"$Key ", b"$HubName "];
/// What the first message of an ADC connection is: the sender's features.
const ADC_FIRST: &[&[u8]] = &[b"HSUP AD", b"ISUP AD", b"CSUP AD"];
/// What ADC's messages start with, where the first was not seen.
const ADC: &[&[u8]] = &[
    b"BINF ", b"BSCH ", b"FSCH ", b"BMSG ", b"DCTM ", b"ECTM ", b"DRCM ", b"CGET ", b"CSND ",
    b"CINF ID", b"ISID ", b"IINF ", b"DRES ",
];
/// Over UDP: results and searches, sent to a client directly.
const ADC_UDP: &[&[u8]] = &[b"URES ", b"UPSR ", b"USCH "];
/// A message is shorter than this but for lists.
const MAX_MESSAGE: usize = 2048;
/// Endpoints that are learnt of what one packet shows.
const MAX_LEARNT: usize = 20;

/// A command of NMDC and its end, in a stream whose start was not seen.
const NMDC_MESSAGE: Confidence = Confidence(95);
/// A line of ADC in the middle of a stream: four letters and an identifier are fixed.
const ADC_MESSAGE: Confidence = Confidence(92);
/// ADC's first line, which names features that only it has.
const FEATURES: Confidence = Confidence(97);
/// A search or its result in a datagram: the command, and the marks or the identifier behind it.
const SEARCH: Confidence = Confidence(97);

fn found<'a>(confidence: Confidence, evidence: Evidence) -> Answer<'a> {
    Answer::Match(Finding::new(Protocol::DirectConnect, confidence, evidence))
}

pub(super) fn tcp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    if view.from_start {
        let nmdc = text::start_any(view.payload, NMDC_FIRST);
        let adc = text::start_any(view.payload, ADC_FIRST);
        let ended = match (nmdc, adc) {
            (Start::Whole, _) => has_message(view.payload, b'|'),
            (_, Start::Whole) => names_features(view.payload),
            (Start::Partly, _) | (_, Start::Partly) => return text::not_yet(Start::Partly, view),
            _ => return Answer::No,
        };
        // A hub speaks first, with a lock; in ADC its clients do, with their features.
        let hub = match view.side {
            Side::Responder => view.payload.starts_with(b"$Lock ") || adc == Start::Whole,
            Side::Initiator => view.payload.starts_with(b"HSUP "),
        };
        if ended && hub {
            learn(view);
            let finding = Finding::certain(Protocol::DirectConnect, Evidence::HANDSHAKE);
            return Answer::Match(finding.with_lessons());
        }
        return match ended {
            true => found(Confidence::CERTAIN, Evidence::HANDSHAKE),
            false if view.payload.len() < MAX_MESSAGE => Answer::Unsure,
            false => Answer::No,
        };
    }
    learn(view);
    let nmdc = text::start_any(view.payload, NMDC) == Start::Whole;
    if nmdc && has_message(view.payload, b'|') {
        return found(NMDC_MESSAGE, Evidence::FRAMING);
    }
    let adc = text::start_any(view.payload, ADC) == Start::Whole;
    let line = text::first_line(view.payload);
    if adc && line.is_some_and(|line| is_adc(line) && text::is_printable(line)) {
        return found(ADC_MESSAGE, Evidence::FRAMING);
    }
    if text::start_any(view.payload, ADC_FIRST) == Start::Whole && names_features(view.payload) {
        return found(FEATURES, Evidence::HANDSHAKE);
    }
    Answer::Unsure
}

/// Learns where clients ask each other to connect to: `$ConnectToMe nick 192.0.2.1:4125S`, and in ADC
/// `DCTM AAAB AAAC ADCS/0.10 4125 token` of the client itself, whose address the flow shows.
fn learn(view: &View<'_>) {
    const ASKS: &[&[u8]] = &[b"$ConnectToMe ", b"DCTM "];
    let ends = memchr2_iter(b'|', b'\n', view.payload).map(|end| end + 1);
    let messages = std::iter::once(0).chain(ends).filter_map(|start| view.payload.get(start..));
    let asks = messages.filter(|rest| ASKS.iter().any(|start| rest.starts_with(start)));
    let asks = asks.filter_map(|rest| rest.split(|octet| matches!(octet, b'|' | b'\n')).next());
    for message in asks.take(MAX_LEARNT) {
        let mut words = message.split(|octet| *octet == b' ');
        let endpoint = if message.starts_with(b"$") {
            words.nth(2).and_then(endpoint)
        } else {
            let port = words.nth(4).and_then(text::number);
            let port = port.and_then(|(port, _)| u16::try_from(port).ok());
            let own = view.side == Side::Initiator;
            port.filter(|_| own).map(|port| SocketAddr::new(view.source().ip(), port))
        };
        // Hubs have been abused to direct clients at web servers: services are not believed.
        if let Some(endpoint) = endpoint.filter(|end| !ports::is_service(end.port())) {
            view.knowledge.expect(view.now, endpoint, Protocol::DirectConnect, view.word());
        }
    }
}

/// Address and port, and the letter that says that it encrypts.
fn endpoint(word: &[u8]) -> Option<SocketAddr> {
    let word = std::str::from_utf8(word).ok()?;
    word.trim_end_matches(|last: char| last.is_ascii_uppercase()).parse().ok()
}

/// Whether a printable message ends in view. NMDC's names come in any code page.
fn has_message(payload: &[u8], end: u8) -> bool {
    let length = payload.iter().take(MAX_MESSAGE).position(|octet| *octet == end);
    let message = length.and_then(|length| payload.get(..length));
    message.is_some_and(|message| message.iter().all(|octet| *octet >= 5))
}

/// `HSUP ADBASE ADTIGR`: the features are four capitals or digits each.
fn names_features(payload: &[u8]) -> bool {
    let Some(line) = text::first_line(payload) else { return false };
    let mut features = line.split(|octet| *octet == b' ').skip(1).filter(|word| !word.is_empty());
    let is_feature = |word: &[u8]| {
        let name = word.strip_prefix(b"AD").or_else(|| word.strip_prefix(b"RM"));
        name.is_some_and(|name| {
            name.len() == 4
                && name.iter().all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit())
        })
    };
    features.all(is_feature)
}

/// What follows ADC's command: session identifiers are four letters of base32, other commands name
/// what they are about.
fn is_adc(line: &[u8]) -> bool {
    let Some((command, rest)) = line.split_at_checked(5) else { return false };
    match command {
        b"CGET " | b"CSND " => {
            [&b"file "[..], b"tthl ", b"list "].iter().any(|kind| rest.starts_with(kind))
        }
        b"CINF " | b"IINF " => true,
        b"FSCH " => rest.get(..4).is_some_and(is_base32),
        _ => {
            let ends = matches!(rest.get(4), None | Some(b' '));
            ends && rest.get(..4).is_some_and(is_base32)
        }
    }
}

fn is_base32(text: &[u8]) -> bool {
    text.iter().all(|octet| matches!(octet, b'A'..=b'Z' | b'2'..=b'7'))
}

pub(super) fn udp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let payload = view.payload;
    if payload.starts_with(b"$SR ") && payload.contains(&5) {
        return found(SEARCH, Evidence::FRAMING);
    }
    if payload.starts_with(b"$Search ") && has_message(payload, b'|') {
        return found(SEARCH, Evidence::FRAMING);
    }
    // A client's identifier: 192 bits in base32.
    let id = payload.get(5..44);
    if text::start_any(payload, ADC_UDP) == Start::Whole && id.is_some_and(is_base32) {
        return found(SEARCH, Evidence::FRAMING);
    }
    Answer::No
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    #[test]
    fn nmdc_settles_with_its_first_whole_message() {
        let lock = b"$Lock EXTENDEDPROTOCOLABCABC Pk=hub1.0|";
        truncations(tcp, || Flow::tcp(411), lock, |length| length == lock.len());
        assert!(Flow::tcp(411).client(tcp, b"$MyNick joe|$Lock x|").settled().is_some());
        assert_eq!(Flow::tcp(411).server(tcp, b"$Loc"), Said::Unsure);
        assert_eq!(Flow::tcp(411).server(tcp, b"$Log x|"), Said::No);
        assert_eq!(Flow::tcp(411).server(tcp, b"$Lock \0\0|"), Said::Unsure);
    }

    #[test]
    fn adc_settles_with_its_features() {
        let sup = b"HSUP ADBASE ADTIGR ADZLIG\n";
        truncations(tcp, || Flow::tcp(1511), sup, |length| length == sup.len());
        assert_eq!(Flow::tcp(1511).client(tcp, b"HSUP ADnope\n"), Said::Unsure);
        assert!(Flow::tcp(1).client(tcp, b"CSUP ADBAS0 ADBASE RMTEST\n").settled().is_some());
    }

    #[test]
    fn transfers_are_known_midway() {
        let get = b"$ADCGET file TTH/ABC 0 1000|";
        assert!(Flow::tcp(1).midway().client(tcp, get).settled().is_some());
        let get = b"CGET file TTH/ABC 0 -1\n";
        assert!(Flow::tcp(1).midway().client(tcp, get).settled().is_some());
        assert!(Flow::tcp(1).midway().client(tcp, b"BINF AAAB NIjoe\n").settled().is_some());
        assert_eq!(Flow::tcp(1).midway().client(tcp, b"BINF aaab NIjoe\n"), Said::Unsure);
    }

    #[test]
    fn a_hub_is_listened_to_for_where_clients_connect() {
        let expects = |flow: &Flow, endpoint: &str| {
            let endpoint = endpoint.parse().unwrap();
            flow.announced(endpoint) == Some(Protocol::DirectConnect)
        };
        let mut hub = Flow::tcp(4111);
        assert!(hub.server(tcp, b"$Lock EXTENDEDPROTOCOL Pk=hub|").teaches());
        hub.server(tcp, b"$Hello joe|$ConnectToMe joe 203.0.113.7:4125S|");
        hub.server(tcp, b"$ConnectToMe joe 203.0.113.8:80|$ConnectToMe joe|$ConnectToMe a b:c|");
        assert!(expects(&hub, "203.0.113.7:4125") && !expects(&hub, "203.0.113.8:80"));
        let mut hub = Flow::tcp(1511);
        assert!(hub.client(tcp, b"HSUP ADBASE ADTIGR\n").teaches());
        hub.client(tcp, b"DCTM AAAB AAAC ADCS/0.10 24125 token\n");
        assert!(expects(&hub, "192.0.2.1:24125"));
        let mut peer = Flow::tcp(412);
        assert!(!peer.client(tcp, b"$MyNick joe|$Lock x|").teaches());
    }

    #[test]
    fn results_over_udp_settle() {
        let result = b"$SR joe dir\\file.iso\x051000 1/3\x05TTH:ABC (203.0.113.1:411)|";
        assert_eq!(Flow::udp(412).client(udp, result).settled(), Some(Protocol::DirectConnect));
        let id = [b'Q'; 39];
        let result = [&b"URES "[..], &id, b" FN/a SI9\n"].concat();
        truncations(udp, || Flow::udp(412), &result, |length| length >= 44);
        assert_eq!(Flow::udp(412).client(udp, b"$SR joe"), Said::No);
    }
}
