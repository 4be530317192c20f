//! A packet of a settled flow takes no memory: the allocator is counted.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]
// An allocator is an unsafe trait: this one hands everything on to the system's.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use etiage_aggregator::{Live, Meter, MeterSettings};
use etiage_capture::flow::FlowSettings;
use etiage_capture::source::Frame;
use etiage_capture::{LinkLayer, LinkMap, Timestamp};
use etiage_classifier::{Classifier, Rules};

struct Counting;

thread_local! {
    /// Of this thread alone: the test harness has others.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is handed on as it comes; counting touches nothing that is allocated.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Ethernet, IPv4, TCP with ten octets of payload between a host by its number and a server of SSH.
fn frame(host: u8, answers: bool) -> Vec<u8> {
    let (mut source, mut destination) = ([10, 0, 0, host], [198, 51, 100, 1]);
    let mut ports = [4000u16, 22];
    if answers {
        std::mem::swap(&mut source, &mut destination);
        ports.reverse();
    }
    let ip = [0x45, 0, 0, 50, 0, 1, 0x40, 0, 64, 6, 0, 0];
    let ports: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
    let tcp = [0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0];
    [&[2; 12][..], &[8, 0], &ip, &source, &destination, &ports, &tcp, b"SSH-2.0-x\n"].concat()
}

#[test]
fn a_settled_flow_allocates_nothing() {
    let live = Arc::new(Live::new(vec!["all".into()]));
    let settings = MeterSettings {
        probe: "test".into(),
        links: Arc::new(LinkMap::everything()),
        link_names: vec!["all".into()],
        flows: FlowSettings::default(),
        vlan_in_key: false,
    };
    let classifier = Classifier::new(Arc::new(Rules::default()), Arc::default());
    let mut meter = Meter::new(&settings, classifier, Some(live.clone()));
    let octets: Vec<_> =
        (0..200).flat_map(|host| [frame(host, false), frame(host, true)]).collect();
    let mut pass = |second: u64, whole: bool| {
        let timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000 + second * 100_000_000);
        let frames = octets.iter().map(|data| Frame { timestamp, octets: 64, data });
        let before = ALLOCATIONS.get();
        match whole {
            true => meter.frames(0, LinkLayer::Ethernet, frames, || (), &mut ()),
            false => frames.for_each(|one| meter.frame(0, LinkLayer::Ethernet, &one, &mut ())),
        }
        ALLOCATIONS.get() - before
    };
    assert_ne!(pass(0, true), 0, "the counter counts");
    for round in 1..50 {
        assert_eq!(pass(round, round % 2 == 0), 0, "round {round}");
    }
    assert_eq!(live.snapshot().flows_started, 200);
}
