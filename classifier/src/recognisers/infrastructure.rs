//! What keeps networks and offices running: SIP, RDP, SMB, DHCP, SNMP, SSDP, BGP. Each a few lines.

use etiage_capture::Transport;

use super::Scratch;
use super::text::{self, Start};
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};
use etiage_capture::Cursor;

fn certain<'a>(protocol: Protocol, evidence: Evidence) -> Answer<'a> {
    Answer::Match(Finding::certain(protocol, evidence))
}

/// Methods of RFC 3261 and its extensions.
const SIP: &[&[u8]] = &[
    b"INVITE ",
    b"ACK ",
    b"BYE ",
    b"CANCEL ",
    b"OPTIONS ",
    b"REGISTER ",
    b"PRACK ",
    b"SUBSCRIBE ",
    b"NOTIFY ",
    b"PUBLISH ",
    b"INFO ",
    b"REFER ",
    b"MESSAGE ",
    b"UPDATE ",
];

/// Session Initiation Protocol (RFC 3261).
pub(super) fn sip<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let is_port = view.ends.transport == Transport::UDP && view.ends.has_port(5060);
    match sip_start(view) {
        // On its port a damaged datagram does not deny the next one.
        Answer::No if is_port && view.sent.saturating_add(view.answered) <= 4 => Answer::Unsure,
        answer => answer,
    }
}

fn sip_start<'a>(view: &View<'a>) -> Answer<'a> {
    if view.payload.starts_with(b"SIP/2.0 ") {
        return certain(Protocol::Sip, Evidence::HANDSHAKE);
    }
    // Empty lines and zeros keep a path open (RFC 5626, section 3.5.1).
    let keeps_open = view.payload.len() <= 4 && view.ends.transport == Transport::UDP;
    if keeps_open && view.payload.iter().all(|octet| matches!(octet, 0 | b'\r' | b'\n')) {
        return if view.sent <= 4 { Answer::Unsure } else { Answer::No };
    }
    let start = text::start_any(view.payload, SIP);
    if start != Start::Whole {
        let start = if text::start(view.payload, b"SIP/2.0 ") == Start::Partly {
            Start::Partly
        } else {
            start
        };
        return text::not_yet(start, view);
    }
    let Some(line) = text::first_line(view.payload) else {
        let waits = text::may_grow(view) && view.payload.len() < 2048;
        return if waits { Answer::Unsure } else { Answer::No };
    };
    if line.ends_with(b" SIP/2.0") {
        certain(Protocol::Sip, Evidence::HANDSHAKE)
    } else {
        Answer::No
    }
}

/// Remote Desktop's connection request and confirmation: TPKT (RFC 1006), X.224, and Microsoft's
/// cookie or negotiation (MS-RDPBCGR, 2.2.1.1).
/// A connection request without cookie or negotiation: its header fits, and so does the port.
const RDP_BY_PORT: Confidence = crate::SETTLED;

pub(super) fn rdp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let mut cursor = Cursor::new(view.payload);
    let mut parse = || {
        let (version, reserved, length) = (cursor.u8()?, cursor.u8()?, usize::from(cursor.u16()?));
        if version != 3 || reserved != 0 || !(11..=1024).contains(&length) {
            return Some(Answer::No);
        }
        let (indicator, code) = (usize::from(cursor.u8()?), cursor.u8()?);
        if indicator + 5 != length || !matches!(code, 0xe0 | 0xd0) {
            return Some(Answer::No);
        }
        let rest = view.payload.get(11..length)?;
        // Kind 1 asks, 2 answers, 3 refuses; all have 8 octets.
        let negotiates =
            rest.last_chunk::<8>().is_some_and(|last| matches!(last, [1..=3, _, 8, 0, _, _, _, _]));
        let cookie = rest.starts_with(b"Cookie: mstshash=") || rest.starts_with(b"Cookie: msts=");
        Some(if negotiates || cookie {
            certain(Protocol::Rdp, Evidence::HANDSHAKE)
        } else if view.ends.has_port(3389) {
            Answer::Match(Finding::new(Protocol::Rdp, RDP_BY_PORT, Evidence::PORT))
        } else {
            Answer::No
        })
    };
    parse().unwrap_or(if text::may_grow(view) { Answer::Unsure } else { Answer::No })
}

/// SMB behind NetBIOS's length (RFC 1002, section 4.3; MS-SMB2, 2.1), after a session request or
/// not.
pub(super) fn smb<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let mut cursor = Cursor::new(view.payload);
    let mut parse = || {
        match (cursor.u8()?, cursor.u24()? as usize) {
            // A session request has both names, encoded in 34 octets each; it is confirmed with
            // none.
            (0x81, 68) | (0x82, 0) if view.ends.has_port(139) => {
                cursor.take(if view.payload.first() == Some(&0x81) { 68 } else { 0 })?;
                if cursor.is_empty() {
                    return Some(Answer::Unsure);
                }
                cursor.u8()?;
                cursor.u24()?;
            }
            (0, 32..) => {}
            _ => return Some(Answer::No),
        }
        let found = matches!(cursor.take(4)?, [0xfc..=0xff, b'S', b'M', b'B']);
        Some(if found { certain(Protocol::Smb, Evidence::FRAMING) } else { Answer::No })
    };
    parse().unwrap_or(if text::may_grow(view) { Answer::Unsure } else { Answer::No })
}

/// DHCP for IPv4 (RFC 2131) and IPv6 (RFC 8415).
pub(super) fn dhcp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let payload = view.payload;
    let operation = matches!(payload.first(), Some(1 | 2));
    if operation && payload.get(236..240) == Some(&[0x63, 0x82, 0x53, 0x63]) {
        return certain(Protocol::Dhcp, Evidence::FRAMING);
    }
    let on_port = view.ends.has_port(546) || view.ends.has_port(547);
    if on_port && is_dhcp6(payload) {
        return certain(Protocol::Dhcp, Evidence::FRAMING.with(Evidence::PORT));
    }
    Answer::No
}

fn is_dhcp6(payload: &[u8]) -> bool {
    let mut cursor = Cursor::new(payload);
    let header = match cursor.u8() {
        Some(1..=11) => 3,
        // Relayed: hops, link and peer address.
        Some(12 | 13) => 33,
        _ => return false,
    };
    if cursor.take(header).is_none() {
        return false;
    }
    while !cursor.is_empty() {
        if cursor.u16().is_none() || cursor.vec16().is_none() {
            return false;
        }
    }
    true
}

/// Simple Network Management Protocol: a sequence in BER that fills the datagram (RFC 3416, RFC
/// 3412).
pub(super) fn snmp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let parse = || {
        let (message, rest) = ber(view.payload, 0x30)?;
        let (version, fields) = ber(message, 0x02)?;
        let known = match version {
            // Community, then a message of one of the kinds.
            [0 | 1] => {
                let (community, data) = ber(fields, 0x04)?;
                let kind = *data.first()?;
                (0xa0..=0xa8).contains(&kind)
                    && ber(data, kind)?.1.is_empty()
                    && text::is_printable(community)
            }
            // Header, security parameters, data encrypted or not.
            [3] => {
                let (_, parameters) = ber(fields, 0x30)?;
                let (_, data) = ber(parameters, 0x04)?;
                matches!(data.first(), Some(0x30 | 0x04))
            }
            _ => false,
        };
        (rest.is_empty() && known).then_some(())
    };
    match parse() {
        Some(()) => certain(Protocol::Snmp, Evidence::FRAMING),
        None => Answer::No,
    }
}

/// A value with this tag, and what follows it.
fn ber(octets: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let mut cursor = Cursor::new(octets);
    if cursor.u8()? != tag {
        return None;
    }
    let length = match cursor.u8()? {
        short @ ..=0x7f => usize::from(short),
        0x81 => usize::from(cursor.u8()?),
        0x82 => usize::from(cursor.u16()?),
        _ => return None,
    };
    let value = cursor.take(length)?;
    Some((value, cursor.rest()))
}

/// Simple Service Discovery Protocol (UPnP's Device Architecture).
pub(super) fn ssdp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let asks = [&b"M-SEARCH * HTTP/1."[..], b"NOTIFY * HTTP/1."];
    if text::start_any(view.payload, &asks) == Start::Whole {
        return certain(Protocol::Ssdp, Evidence::HANDSHAKE);
    }
    let answers = view.payload.starts_with(b"HTTP/1.");
    let named = || ["ST", "USN"].iter().any(|field| text::header(view.payload, field).is_some());
    if answers && named() { certain(Protocol::Ssdp, Evidence::HANDSHAKE) } else { Answer::No }
}

/// Border Gateway Protocol's header (RFC 4271, section 4.1; length up to 65,535 by RFC 8654).
pub(super) fn bgp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let marker = text::start(view.payload, &[0xff; 16]);
    if marker != Start::Whole {
        return text::not_yet(marker, view);
    }
    let mut cursor = Cursor::new(view.payload.get(16..).unwrap_or_default());
    match (cursor.u16(), cursor.u8()) {
        (Some(19..), Some(1..=5)) => certain(Protocol::Bgp, Evidence::FRAMING),
        (_, None) => text::not_yet(Start::Partly, view),
        _ => Answer::No,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    #[test]
    fn sip_over_either_transport() {
        let invite = b"INVITE sip:bob@example.org SIP/2.0\r\n";
        truncations(sip, || Flow::udp(5060), invite, |length| length == invite.len());
        assert!(Flow::tcp(5060).server(sip, b"SIP/2.0 100 Trying\r\n").settled().is_some());
        assert_eq!(Flow::tcp(5060).client(sip, b"SIP/"), Said::Unsure);
        assert_eq!(Flow::tcp(80).client(sip, b"OPTIONS * HTTP/1.1\r\n"), Said::No);
        assert_eq!(Flow::udp(80).client(sip, b"INV"), Said::No);
        let mut flow = Flow::udp(5060);
        assert_eq!(flow.client(sip, b"\r\n\r\n"), Said::Unsure);
        assert!(flow.client(sip, invite).settled().is_some());
        let mut flow = Flow::udp(5060);
        assert_eq!(flow.client(sip, b"INVITETKsip:bob@example.org SIP/2.0\r\n"), Said::Unsure);
        assert!(flow.client(sip, invite).settled().is_some());
        let mut flow = Flow::udp(5060);
        let hellos = [0; 5].map(|_| flow.client(sip, b"hello"));
        assert_eq!((hellos[3], hellos[4]), (Said::Unsure, Said::No));
    }

    #[test]
    fn rdp_asks_or_answers() {
        let request = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0";
        truncations(rdp, || Flow::tcp(3390), request, |length| length == request.len());
        let other = b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02";
        assert_eq!(Flow::tcp(102).client(rdp, other), Said::No);
        assert_eq!(Flow::tcp(3389).client(rdp, b"\x03\0"), Said::Unsure);
        assert_eq!(Flow::tcp(3389).client(rdp, b"\x03\x01\x03\0\0\0"), Said::No);
    }

    #[test]
    fn smb_with_and_without_a_session_request() {
        let negotiate = b"\0\0\0\x40\xfeSMB\x40\0";
        truncations(smb, || Flow::tcp(445), negotiate, |length| length >= 8);
        let request = [&b"\x81\0\0\x44"[..], &[b'C'; 68]].concat();
        let mut flow = Flow::tcp(139);
        assert_eq!(flow.client(smb, &request), Said::Unsure);
        assert!(flow.client(smb, negotiate).settled().is_some());
        assert_eq!(Flow::tcp(445).client(smb, b"\0\0\0\x40\x00SMB"), Said::No);
    }

    #[test]
    fn dhcp_by_its_cookie_and_version_6_by_its_options() {
        let mut discover = vec![1; 236];
        discover.extend([0x63, 0x82, 0x53, 0x63, 53]);
        truncations(dhcp, || Flow::udp(67), &discover, |length| length >= 240);
        let solicit = b"\x01\xaa\xbb\xcc\0\x08\0\x02\0\0";
        assert!(Flow::udp(547).client(dhcp, solicit).settled().is_some());
        assert_eq!(Flow::udp(547).client(dhcp, &solicit[..9]), Said::No);
        assert_eq!(Flow::udp(548).client(dhcp, solicit), Said::No);
    }

    #[test]
    fn snmp_must_fill_the_datagram() {
        let get = b"\x30\x1d\x02\x01\x01\x04\x06public\xa0\x10\x02\x01\x05\x02\x01\0\x02\x01\0\x30\x05\x30\x03\x06\x01\x2b";
        truncations(snmp, || Flow::udp(161), get, |length| length == get.len());
        let mut wrong = get.to_vec();
        wrong[4] = 9;
        assert_eq!(Flow::udp(161).client(snmp, &wrong), Said::No);
    }

    #[test]
    fn ssdp_and_bgp() {
        let search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n";
        assert!(Flow::udp(1900).client(ssdp, search).settled().is_some());
        let answer = b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n\r\n";
        assert!(Flow::udp(1900).server(ssdp, answer).settled().is_some());
        assert_eq!(Flow::udp(1900).client(ssdp, b"BT-SEARCH * HTTP/1.1\r\n"), Said::No);
        let open = [&[0xff; 16][..], &[0, 29, 1, 4]].concat();
        truncations(bgp, || Flow::tcp(179), &open, |length| length >= 19);
        assert_eq!(Flow::tcp(179).client(bgp, &[0xff; 10]), Said::Unsure);
        assert_eq!(Flow::tcp(179).client(bgp, &[0xff; 64]), Said::No);
    }
}
