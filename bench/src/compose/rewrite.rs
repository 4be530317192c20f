//! Gives a copy of a recording addresses of its own.

use std::net::IpAddr;
use std::time::Duration;

use etiage_capture::decode::{Content, decode};
use etiage_capture::{Decoded, LinkLayer};

/// One copy of one recording, by its number among all copies of all recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Instance(pub(crate) u32);

impl Instance {
    /// What is turned over in each address: another for each of the first 2^24 copies. The low 16 bits
    /// come first, so that an address keeps its network as far as possible.
    fn mask(self) -> [u8; 3] {
        // An odd factor maps 16 bits onto themselves, one to one.
        let low = (self.0 as u16).wrapping_mul(40_503);
        let [low_0, low_1] = low.to_be_bytes();
        [(self.0 >> 16) as u8, low_0, low_1]
    }

    /// When the copy begins, in nanoseconds: anywhere within this span.
    pub(crate) fn start(self, within: Duration) -> u64 {
        // The finaliser of splitmix64: a good scatter without any state.
        let mut z = u64::from(self.0).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let within = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX).max(1);
        (z ^ (z >> 31)) % within
    }

    fn turn(self, address: &mut [u8]) {
        let changed = match *address {
            // This network, loopback, multicast, broadcast: they mean the same everywhere.
            [0 | 127 | 224.., _, _, _] => None,
            [_, _, _, _] => address.get_mut(1..4),
            // Multicast, and the unspecified and loopback addresses.
            [0xff, ..] | [0, 0, ..] => None,
            _ => address.get_mut(5..8),
        };
        for (octet, mask) in changed.into_iter().flatten().zip(self.mask()) {
            *octet ^= mask;
        }
    }
}

/// Where in a frame the addresses are: the innermost packet's, and those of its tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places([Option<Pair>; 2]);

/// A source and a destination address, one after the other as in both versions' headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    offset: usize,
    /// Octets of each.
    octets: usize,
}

impl Places {
    /// Finds them in a frame of Ethernet; `None` where there are none, or where they are not found.
    pub(crate) fn find(frame: &[u8], decoded: &Decoded<'_>) -> Option<Self> {
        let (addresses, headers) = match &decoded.content {
            Content::Packet(packet, _) => (packet.addresses(), before(frame, packet.payload)),
            Content::LaterFragment(id) => ((id.source, id.destination), frame),
            Content::NonIp | Content::Undecodable(_) => return None,
        };
        let inner = Pair::find(headers, addresses)?;
        let outer = match decoded.outer.addresses {
            Some(outer) => Some(Pair::find(headers.get(..inner.offset)?, outer)?),
            None => None,
        };
        Some(Self([Some(inner), outer]))
    }

    /// Gives a frame the addresses of a copy.
    pub(crate) fn rewrite(&self, frame: &mut [u8], instance: Instance) {
        for pair in self.0.iter().flatten() {
            let end = pair.offset + 2 * pair.octets;
            for address in frame
                .get_mut(pair.offset..end)
                .into_iter()
                .flat_map(|it| it.chunks_mut(pair.octets))
            {
                instance.turn(address);
            }
        }
    }

    /// Whether a frame with other addresses still is the same packet otherwise.
    pub(crate) fn hold(&self, frame: &[u8]) -> bool {
        let mut copy = frame.to_vec();
        self.rewrite(&mut copy, Instance(1));
        let (was, is) = (decode(LinkLayer::Ethernet, frame), decode(LinkLayer::Ethernet, &copy));
        match (&was.content, &is.content) {
            (Content::Packet(was, _), Content::Packet(is, _)) => {
                (was.payload, was.tcp, was.source.port(), was.destination.port())
                    == (is.payload, is.tcp, is.source.port(), is.destination.port())
            }
            (was, is) => std::mem::discriminant(was) == std::mem::discriminant(is),
        }
    }
}

impl Pair {
    /// The last place at which these two follow each other.
    fn find(headers: &[u8], addresses: (IpAddr, IpAddr)) -> Option<Self> {
        let wanted = match addresses {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                [source.octets(), destination.octets()].concat()
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                [source.octets(), destination.octets()].concat()
            }
            _ => return None,
        };
        let offset = headers.windows(wanted.len()).rposition(|window| window == wanted)?;
        Some(Self { offset, octets: wanted.len() / 2 })
    }
}

/// The part of a frame before its payload, which is a part of it too.
fn before<'a>(frame: &'a [u8], payload: &[u8]) -> &'a [u8] {
    let offset = (payload.as_ptr() as usize).checked_sub(frame.as_ptr() as usize);
    offset.filter(|_| !payload.is_empty()).and_then(|offset| frame.get(..offset)).unwrap_or(frame)
}
