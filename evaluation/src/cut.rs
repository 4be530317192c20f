//! Cuts captures as a link with asymmetric routes or a probe started late would: in memory.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use etiage_capture::decode::{self, Content};
use etiage_capture::flow::{Admission, FlowKey, FlowSettings, FlowTable, Fragments};
use etiage_capture::source::Frame;
use etiage_capture::{LinkLayer, Packet, Side};

/// Datagrams whose later fragments follow their first one.
const MAX_FRAGMENTS: usize = 16_384;

/// Which packets of each flow are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Those of the end that began the flow.
    Client,
    /// Those of the other end.
    Server,
    /// All but this number of first ones, of both directions together.
    First(u64),
}

impl FromStr for Cut {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("first:").map(str::parse)) {
            ("client", _) => Ok(Self::Client),
            ("server", _) => Ok(Self::Server),
            (_, Some(Ok(packets))) => Ok(Self::First(packets)),
            _ => Err("a cut is `client`, `server` or `first:N` with a number of packets".into()),
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("client"),
            Self::Server => f.write_str("server"),
            Self::First(packets) => write!(f, "first:{packets}"),
        }
    }
}

/// Says of each frame whether it is left; knows a flow's ends and beginning as the meter does.
pub(crate) struct Cutter {
    cut: Cut,
    /// Packets seen of each flow.
    table: FlowTable<u64>,
    fragments: Fragments,
}

impl Cutter {
    pub(crate) fn new(cut: Cut, flows: FlowSettings) -> Self {
        Self { cut, table: FlowTable::new(flows), fragments: Fragments::new(MAX_FRAGMENTS) }
    }

    /// Whether a frame is left. What belongs to no flow is not.
    pub(crate) fn keeps(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) -> bool {
        let key = FlowKey::new(packet.source, packet.destination, packet.transport, None);
        self.table.advance(frame.timestamp, |_, _| {});
        let hash = self.table.hash(&key.0);
        let (time, octets) = (frame.timestamp, frame.octets);
        let taken = self.table.take(key, hash, time, octets, packet.tcp, |_, _| {});
        let Admission::Flow { id, side, .. } = taken else { return false };
        let Some(flow) = self.table.get_mut(id) else { return false };
        flow.state += 1;
        match self.cut {
            Cut::Client => side == Side::Initiator,
            Cut::Server => side == Side::Responder,
            Cut::First(packets) => flow.state > packets,
        }
    }

    /// The packet that a frame is or belongs to.
    pub(crate) fn packet<'a>(&mut self, layer: LinkLayer, frame: &Frame<'a>) -> Option<Packet<'a>> {
        packet(&mut self.fragments, layer, frame)
    }
}

/// The packet that a frame is, or whose later fragment it is.
fn packet<'a>(
    fragments: &mut Fragments,
    layer: LinkLayer,
    frame: &Frame<'a>,
) -> Option<Packet<'a>> {
    match decode::decode(layer, frame.data).content {
        Content::Packet(packet, id) => {
            if let Some(id) = id {
                fragments.learn(frame.timestamp, id, &packet);
            }
            Some(packet)
        }
        Content::LaterFragment(id) => fragments.find(frame.timestamp, &id),
        Content::NonIp | Content::Undecodable(_) => None,
    }
}

/// Leaves only the packets of some flows.
pub(crate) struct Only<'a> {
    keys: &'a HashSet<FlowKey>,
    fragments: Fragments,
}

impl<'a> Only<'a> {
    pub(crate) fn new(keys: &'a HashSet<FlowKey>) -> Self {
        Self { keys, fragments: Fragments::new(MAX_FRAGMENTS) }
    }

    pub(crate) fn keeps(&mut self, layer: LinkLayer, frame: &Frame<'_>) -> bool {
        packet(&mut self.fragments, layer, frame).is_some_and(|packet| {
            self.keys.contains(&crate::key(packet.transport, [packet.source, packet.destination]))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etiage_capture::{TcpHeader, Timestamp, Transport};

    fn left(cut: Cut, senders: &[(&str, u8)]) -> Vec<bool> {
        let mut cutter = Cutter::new(cut, FlowSettings::default());
        let frame = |millis: u64| Frame {
            timestamp: Timestamp::from_nanos(millis * 1_000_000),
            octets: 60,
            data: &[],
        };
        let end = |text: &str| format!("192.0.2.{text}:{text}").parse().unwrap();
        let packets = senders.iter().zip(1_u64..).map(|((sender, flags), millis)| {
            let other = if *sender == "1" { "2" } else { "1" };
            let packet = Packet {
                source: end(sender),
                destination: end(other),
                transport: Transport::TCP,
                tcp: Some(TcpHeader { flags: *flags, ..TcpHeader::default() }),
                payload: &[],
                payload_octets: 0,
            };
            cutter.keeps(&frame(millis), &packet)
        });
        packets.collect()
    }

    #[test]
    fn each_cut_leaves_its_packets() {
        let (syn, syn_ack, ack) = (TcpHeader::SYN, TcpHeader::SYN | TcpHeader::ACK, TcpHeader::ACK);
        let flow = [("1", syn), ("2", syn_ack), ("1", ack), ("2", ack)];
        assert_eq!(left(Cut::Client, &flow), [true, false, true, false]);
        assert_eq!(left(Cut::Server, &flow), [false, true, false, true]);
        assert_eq!(left(Cut::First(3), &flow), [false, false, false, true]);
    }

    #[test]
    fn an_answer_seen_first_is_the_servers() {
        let flow = [("2", TcpHeader::SYN | TcpHeader::ACK), ("1", TcpHeader::ACK)];
        assert_eq!(left(Cut::Client, &flow), [false, true]);
    }

    #[test]
    fn cuts_parse_back() {
        for text in ["client", "server", "first:5"] {
            assert_eq!(text.parse::<Cut>().unwrap().to_string(), text);
        }
        for text in ["", "first", "first:", "first:-1", "middle"] {
            assert!(text.parse::<Cut>().is_err(), "{text}");
        }
    }
}
