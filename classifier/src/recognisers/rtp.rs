//! Real-time transport and its control protocol (RFC 3550, RFC 5761).
//!
//! RTP's header has little that is fixed: three packets of one source must follow each other. A
//! compound RTCP packet, whose reports end where they say, proves itself.

use etiage_capture::PerSide;

use super::Scratch;
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};
use etiage_capture::Cursor;

/// Packets of one source in a row that must agree.
const ROW: u8 = 3;
/// Lost and reordered packets between two that are seen.
const MAX_STEP: u16 = 64;
/// By how many places a packet may come late.
const MAX_LATE: u16 = 4;
/// Datagrams of another kind that may come first: keys, and what opens a path through a translator.
const MAX_BEFORE: u16 = 2;
/// Sender and receiver report.
const REPORTS: [u8; 2] = [200, 201];

/// Packets of one source that follow each other, or reports that bear each other out.
const REPEATED: Confidence = Confidence(93);
/// One report alone: the next one can tell.
const ONE_REPORT: Confidence = Confidence(75);

/// What is remembered of a flow.
#[derive(Debug, Default)]
pub(super) struct Memory {
    last: PerSide<Option<Header>>,
    row: PerSide<u8>,
    /// Source of the last lone report.
    reporter: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    kind: u8,
    sequence: u16,
    timestamp: u32,
    source: u32,
}

fn parse(packet: &[u8]) -> Option<Header> {
    let mut cursor = Cursor::new(packet);
    let first = cursor.u8()?;
    let kind = cursor.u8()? & 0x7f;
    let header =
        Header { kind, sequence: cursor.u16()?, timestamp: cursor.u32()?, source: cursor.u32()? };
    cursor.take(4 * usize::from(first & 15))?;
    if first & 0x10 != 0 {
        cursor.u16()?;
        let words = usize::from(cursor.u16()?);
        cursor.take(4 * words)?;
    }
    // Kinds 64 to 95 would be taken for control packets (RFC 5761, section 4).
    (first >> 6 == 2 && !(64..96).contains(&kind) && !cursor.is_empty()).then_some(header)
}

pub(super) fn ask<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let memory = &mut scratch.rtp;
    if let Some(control) = control(view.payload) {
        let seen = memory.reporter.replace(control.source) == Some(control.source);
        // A source that sends RTP may report too.
        let sends = |last: &Option<Header>| last.is_some_and(|last| last.source == control.source);
        let sure = control.packets > 1 || seen || sends(memory.last.get(view.side));
        let finding = Finding::new(
            Protocol::Rtp,
            if sure { REPEATED } else { ONE_REPORT },
            Evidence::FRAMING,
        );
        return Answer::Match(if sure { finding } else { finding.with_more() });
    }
    let Some(header) = parse(view.payload) else {
        // Something that opens the path may come before the first packet.
        return if view.sent <= MAX_BEFORE { Answer::Unsure } else { Answer::No };
    };
    let last = memory.last.get_mut(view.side);
    let row = memory.row.get_mut(view.side);
    match *last {
        // The same packet, seen twice.
        Some(before) if before == header => {}
        Some(before) if follows(&before, &header) => {
            *row = row.saturating_add(1);
            *last = Some(header);
        }
        // One that was overtaken: what comes next follows the one that overtook it.
        Some(before) if is_overtaken(&before, &header) => *row = row.saturating_add(1),
        _ => (*row, *last) = (1, Some(header)),
    }
    if *row >= ROW {
        return Answer::Match(Finding::new(Protocol::Rtp, REPEATED, Evidence::FRAMING));
    }
    Answer::Unsure
}

/// The next packet of the same source: audio may change its kind for a tone, so the kind is not
/// asked to be the same, but then the step must be one.
fn follows(before: &Header, next: &Header) -> bool {
    let step = next.sequence.wrapping_sub(before.sequence);
    let elapsed = next.timestamp.wrapping_sub(before.timestamp);
    before.source == next.source
        && (1..=MAX_STEP).contains(&step)
        && (before.kind == next.kind || step == 1)
        // Pictures are sent out of order: a little backwards is as good as forwards.
        && elapsed.wrapping_add(1 << 20) < (1 << 24) + (1 << 20)
}

/// A packet of the same source and kind that was sent a few packets before.
fn is_overtaken(before: &Header, late: &Header) -> bool {
    let step = before.sequence.wrapping_sub(late.sequence);
    let elapsed = before.timestamp.wrapping_sub(late.timestamp);
    (before.source, before.kind) == (late.source, late.kind)
        && (1..=MAX_LATE).contains(&step)
        && elapsed.wrapping_add(1 << 20) < (1 << 24) + (1 << 20)
}

struct Control {
    packets: u32,
    source: u32,
}

/// Control packets to the datagram's end, the first a report.
fn control(datagram: &[u8]) -> Option<Control> {
    let mut cursor = Cursor::new(datagram);
    let mut control = None::<Control>;
    while !cursor.is_empty() {
        let (first, kind, words) = (cursor.u8()?, cursor.u8()?, usize::from(cursor.u16()?));
        if first >> 6 != 2 {
            return None;
        }
        let mut body = Cursor::new(cursor.take(4 * words)?);
        match &mut control {
            None => {
                let blocks = usize::from(first & 0x1f);
                let sender = if kind == 200 { 5 } else { 0 };
                // A report may be extended, but is never shorter than its blocks.
                if !REPORTS.contains(&kind) || words < 1 + sender + 6 * blocks {
                    return None;
                }
                control = Some(Control { packets: 1, source: body.u32()? });
            }
            Some(control) if (192..=223).contains(&kind) => control.packets += 1,
            Some(_) => return None,
        }
    }
    control
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    fn packet(sequence: u16, timestamp: u32, source: u32) -> Vec<u8> {
        let mut octets = vec![0x80, 96];
        octets.extend(sequence.to_be_bytes());
        octets.extend(timestamp.to_be_bytes());
        octets.extend(source.to_be_bytes());
        octets.extend([7; 40]);
        octets
    }

    #[test]
    fn three_in_a_row_settle_and_two_do_not() {
        let mut flow = Flow::udp(5004);
        assert_eq!(flow.client(ask, &packet(u16::MAX, 0, 9)), Said::Unsure);
        assert_eq!(flow.client(ask, &packet(0, 160, 9)), Said::Unsure);
        assert_eq!(flow.client(ask, &packet(1, 320, 9)).settled(), Some(Protocol::Rtp));
    }

    #[test]
    fn another_source_or_no_progress_starts_again() {
        let mut flow = Flow::udp(5004);
        for sequence in 0..12 {
            let source = u32::from(sequence % 2);
            assert_eq!(flow.client(ask, &packet(sequence, 0, source)), Said::Unsure);
        }
        let mut flow = Flow::udp(5004);
        for _ in 0..12 {
            assert_eq!(flow.client(ask, &packet(5, 0, 1)), Said::Unsure);
        }
        let packet = packet(1, 1, 1);
        truncations(ask, || Flow::udp(5004), &packet, |_| false);
    }

    #[test]
    fn compound_reports_settle_alone_and_lone_ones_the_second_time() {
        let report = b"\x80\xc9\0\x01\0\0\0\x09";
        let compound = [&report[..], b"\x81\xca\0\x02\0\0\0\x09\x01\x01a\0"].concat();
        truncations(ask, || Flow::udp(5005), &compound, |length| length == compound.len());
        let mut flow = Flow::udp(5005);
        assert!(flow.client(ask, report).settled().is_none());
        assert_eq!(flow.client(ask, report).settled(), Some(Protocol::Rtp));
        let cut = b"\x82\xc9\0\x01\0\0\0\x09";
        let mut flow = Flow::udp(5005);
        for said in [Said::Unsure, Said::Unsure, Said::No] {
            assert_eq!(flow.client(ask, cut), said);
        }
    }
}
