//! IP and what it carries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use etherparse::err::ip::LaxHeaderSliceError;
use etherparse::{IpNumber, LaxIpSlice};

use super::{Content, Decoder, FragmentId, Undecodable};
use crate::cursor::Cursor;
use crate::packet::{Packet, TcpHeader, Transport};

/// Extension headers that are walked; RFC 8200 knows five kinds, each at most once or twice.
const MAX_EXTENSIONS: usize = 8;

/// An IP packet's header, read; its payload not yet.
struct Datagram<'a> {
    source: IpAddr,
    destination: IpAddr,
    transport: Transport,
    /// Captured octets after the IP headers, without link-layer padding.
    payload: &'a [u8],
    /// Octets after the IP headers on the wire.
    payload_octets: u32,
    /// Where it is one of several fragments.
    fragment: Option<Fragment>,
}

/// A fragment of a datagram.
struct Fragment {
    identification: u32,
    /// What the datagram begins with, as every fragment states it: perhaps an extension header that
    /// only the first has.
    begins_with: Transport,
    first: bool,
}

impl Decoder {
    /// An IP packet of either version.
    pub(super) fn ip<'a>(&mut self, packet: &'a [u8]) -> Option<Content<'a>> {
        let datagram = match short_way(packet) {
            Some(datagram) => datagram,
            None => match long_way(packet) {
                Ok(datagram) => datagram,
                Err(reason) => return Some(Content::Undecodable(reason)),
            },
        };
        self.datagram(&datagram)
    }

    fn datagram<'a>(&mut self, datagram: &Datagram<'a>) -> Option<Content<'a>> {
        let id = datagram.fragment.as_ref().map(|fragment| FragmentId {
            source: datagram.source,
            destination: datagram.destination,
            identification: fragment.identification,
            begins_with: fragment.begins_with,
        });
        if let (Some(id), Some(Fragment { first: false, .. })) = (id, &datagram.fragment) {
            return Some(Content::LaterFragment(id));
        }
        let content = match datagram.transport {
            Transport::TCP => tcp(datagram),
            Transport::UDP => {
                let packet = udp(datagram)?;
                match self.inside(datagram, |decoder| decoder.udp_tunnel(&packet)) {
                    Some(inner) => return Some(inner),
                    None => Some(packet),
                }
            }
            Transport::SCTP => with_ports(datagram, 12),
            Transport(4 | 41 | 47 | 97 | 115 | 137 | 143) => {
                let inner = self.inside(datagram, |decoder| match datagram.transport {
                    Transport(47) => decoder.gre(datagram.payload),
                    Transport(97) => decoder.ether_ip(datagram.payload),
                    Transport(115) => decoder.l2tp_v3(datagram.payload),
                    Transport(137) => decoder.mpls(datagram.payload),
                    // RFC 8986, section 4.9: Ethernet after segment routing.
                    Transport(143) => decoder.ethernet(datagram.payload),
                    _ => decoder.ip(datagram.payload),
                });
                if inner.is_some() {
                    return inner;
                }
                Some(without_ports(datagram))
            }
            _ => Some(without_ports(datagram)),
        };
        content.map(|packet| Content::Packet(packet, id))
    }

    /// Looks into a tunnel. What cannot be read there, or is neither IP nor a link's own control, leaves the
    /// tunnel itself as the packet.
    fn inside<'a>(
        &mut self,
        datagram: &Datagram<'_>,
        look: impl FnOnce(&mut Self) -> Option<Content<'a>>,
    ) -> Option<Content<'a>> {
        let (outer, depth) = (self.outer, self.depth);
        self.deeper()?;
        self.outer.addresses.get_or_insert((datagram.source, datagram.destination));
        match look(self) {
            Some(inner @ (Content::Packet(..) | Content::LaterFragment(_))) => Some(inner),
            Some(Content::NonIp) if self.is_link_control => Some(Content::NonIp),
            _ => {
                (self.outer, self.depth) = (outer, depth);
                None
            }
        }
    }
}

/// IPv4 and IPv6 as nearly all packets have them: no fragment, no extension header. Anything else is
/// `None`, and read the long way.
fn short_way(packet: &[u8]) -> Option<Datagram<'_>> {
    match packet.first()? >> 4 {
        4 => ipv4(packet),
        6 => ipv6(packet),
        _ => None,
    }
}

fn ipv4(packet: &[u8]) -> Option<Datagram<'_>> {
    let header: &[u8; 20] = packet.first_chunk()?;
    let [version_ihl, _, length_high, length_low, _, _, flags, offset, _, protocol, ..] = *header;
    let header_octets = usize::from(version_ihl & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([length_high, length_low]));
    // More fragments, or a fragment offset; an authentication header; a length of 0 as offloading
    // network cards leave it.
    if flags & 0x3f != 0
        || offset != 0
        || protocol == 51
        || header_octets < 20
        || total < header_octets
    {
        return None;
    }
    let [.., s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let end = packet.len().min(total);
    Some(Datagram {
        source: Ipv4Addr::new(s0, s1, s2, s3).into(),
        destination: Ipv4Addr::new(d0, d1, d2, d3).into(),
        transport: Transport(protocol),
        payload: packet.get(header_octets..end)?,
        payload_octets: (total - header_octets) as u32,
        fragment: None,
    })
}

fn ipv6(packet: &[u8]) -> Option<Datagram<'_>> {
    let (header, rest) = packet.split_first_chunk::<40>()?;
    let [_, _, _, _, length_high, length_low, next, ..] = *header;
    let length = u16::from_be_bytes([length_high, length_low]);
    // Extension headers (RFC 8200, section 4.1) go the long way, and so do jumbograms (RFC 2675) and
    // what offloading network cards left without a length. After 59 nothing follows.
    if matches!(next, 0 | 43 | 44 | 51 | 60) || length == 0 && next != 59 {
        return None;
    }
    let mut cursor = Cursor::new(header);
    cursor.take(8)?;
    let source: [u8; 16] = *cursor.take(16)?.first_chunk()?;
    let destination: [u8; 16] = *cursor.take(16)?.first_chunk()?;
    Some(Datagram {
        source: Ipv6Addr::from(source).into(),
        destination: Ipv6Addr::from(destination).into(),
        transport: Transport(next),
        payload: rest.get(..rest.len().min(length.into()))?,
        payload_octets: length.into(),
        fragment: None,
    })
}

fn long_way(packet: &[u8]) -> Result<Datagram<'_>, Undecodable> {
    let (slice, _) = LaxIpSlice::from_slice(packet).map_err(|error| match error {
        LaxHeaderSliceError::Len(_) => Undecodable::Truncated,
        LaxHeaderSliceError::Content(_) => Undecodable::Malformed,
    })?;
    let payload = slice.payload();
    let headers = packet.len().min(payload.payload.as_ptr() as usize - packet.as_ptr() as usize);
    let (stated, fragment) = match &slice {
        LaxIpSlice::Ipv4(v4) => {
            let header = v4.header();
            let parts = header.more_fragments() || header.fragments_offset().value() != 0;
            let fragment = parts.then(|| Fragment {
                identification: header.identification().into(),
                begins_with: Transport(header.protocol().0),
                first: header.fragments_offset().value() == 0,
            });
            (usize::from(header.total_len()).saturating_sub(headers), fragment)
        }
        LaxIpSlice::Ipv6(v6) => {
            let fragment = ipv6_fragment(packet);
            let length = usize::from(v6.header().payload_length());
            ((40 + length).saturating_sub(headers), fragment)
        }
    };
    // Extension headers that were cut, or that contradict themselves, leave one of their own numbers.
    if matches!((&slice, payload.ip_number), (LaxIpSlice::Ipv6(_), IpNumber(0 | 43 | 44 | 60)))
        && fragment.is_none()
    {
        return Err(Undecodable::Truncated);
    }
    Ok(Datagram {
        source: slice.source_addr(),
        destination: slice.destination_addr(),
        transport: Transport(payload.ip_number.0),
        payload: payload.payload,
        payload_octets: (stated as u32).max(payload.payload.len() as u32),
        fragment,
    })
}

/// The fragment header of an IPv6 packet, if it is one fragment of several (RFC 8200, section 4.5).
///
/// Walked here: etherparse 0.21's iterator over extension headers reads past headers that were cut.
fn ipv6_fragment(packet: &[u8]) -> Option<Fragment> {
    let (header, rest) = packet.split_first_chunk::<40>()?;
    let [_, _, _, _, _, _, mut next, ..] = *header;
    let mut cursor = Cursor::new(rest);
    for _ in 0..MAX_EXTENSIONS {
        let following = cursor.u8()?;
        let length = usize::from(cursor.u8()?);
        match next {
            // Their length counts units of 8 octets after the first 8.
            0 | 43 | 60 => cursor.take(length * 8 + 6)?,
            // An authentication header counts units of 4, less 2 (RFC 4302, section 2.2).
            51 => cursor.take(length * 4 + 6)?,
            44 => {
                let offset_and_more = cursor.u16()?;
                let fragment = Fragment {
                    identification: cursor.u32()?,
                    begins_with: Transport(following),
                    first: offset_and_more & 0xfff8 == 0,
                };
                return (offset_and_more & 0xfff9 != 0).then_some(fragment);
            }
            _ => return None,
        };
        next = following;
    }
    None
}

fn tcp<'a>(datagram: &Datagram<'a>) -> Option<Packet<'a>> {
    let mut cursor = Cursor::new(datagram.payload);
    let ports = (cursor.u16()?, cursor.u16()?);
    let mut packet = of_ports(datagram, ports);
    let (header, header_octets) = match tcp_header(cursor) {
        // Cut after the ports: the flow is known, its state is not.
        None => return Some(Packet { payload: &[], payload_octets: 0, ..packet }),
        Some(read) => read,
    };
    packet.tcp = Some(header);
    packet.payload = datagram.payload.get(header_octets..).unwrap_or_default();
    packet.payload_octets = datagram.payload_octets.saturating_sub(header_octets as u32);
    Some(packet)
}

/// The header after its ports, and its length in octets (RFC 9293, section 3.1).
fn tcp_header(mut cursor: Cursor<'_>) -> Option<(TcpHeader, usize)> {
    let (sequence, acknowledgment) = (cursor.u32()?, cursor.u32()?);
    let header_octets = usize::from(cursor.u8()? >> 4) * 4;
    let flags = cursor.u8()?;
    // A length below 20 is wrong; the fixed part is what can be relied on.
    Some((TcpHeader { sequence, acknowledgment, flags }, header_octets.max(20)))
}

fn udp<'a>(datagram: &Datagram<'a>) -> Option<Packet<'a>> {
    let mut cursor = Cursor::new(datagram.payload);
    let ports = (cursor.u16()?, cursor.u16()?);
    let length = cursor.u16();
    let mut packet = of_ports(datagram, ports);
    let available = datagram.payload_octets.saturating_sub(8);
    // A length of 0 stands for a jumbogram (RFC 2675); one that contradicts the IP length is wrong.
    let stated = match length {
        Some(length @ 8..) if datagram.fragment.is_none() => u32::from(length) - 8,
        _ => available,
    };
    packet.payload_octets = stated.min(available);
    let captured = datagram.payload.get(8..).unwrap_or_default();
    packet.payload = captured.get(..packet.payload_octets as usize).unwrap_or(captured);
    Some(packet)
}

/// A transport whose header begins with two ports and has a fixed length.
fn with_ports<'a>(datagram: &Datagram<'a>, header_octets: usize) -> Option<Packet<'a>> {
    let mut cursor = Cursor::new(datagram.payload);
    let ports = (cursor.u16()?, cursor.u16()?);
    let mut packet = of_ports(datagram, ports);
    packet.payload = datagram.payload.get(header_octets..).unwrap_or_default();
    packet.payload_octets = datagram.payload_octets.saturating_sub(header_octets as u32);
    Some(packet)
}

fn without_ports<'a>(datagram: &Datagram<'a>) -> Packet<'a> {
    of_ports(datagram, (0, 0))
}

fn of_ports<'a>(datagram: &Datagram<'a>, (source, destination): (u16, u16)) -> Packet<'a> {
    Packet {
        source: SocketAddr::new(datagram.source, source),
        destination: SocketAddr::new(datagram.destination, destination),
        transport: datagram.transport,
        tcp: None,
        payload: datagram.payload,
        payload_octets: datagram.payload_octets,
    }
}

#[cfg(test)]
mod tests;
