//! The live view: rates over the last second, computed once for any number of watchers.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use etiage_aggregator::{Counted, Drops, Live, LiveSnapshot};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use utoipa::ToSchema;

use crate::clock::Clock;
use crate::timestamps::format_time;

/// How often rates are computed.
const PERIOD: Duration = Duration::from_secs(1);
/// Periods over which it is judged how much of what begins the classifier looks at.
const MINUTE: usize = 60;

/// Rates over the last second. Bits and packets are of whole frames without FCS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct LiveEvent {
    /// End of the second, RFC 3339, UTC.
    #[schema(example = "2026-11-21T10:00:00Z", format = DateTime)]
    pub time: String,
    /// Each configured link.
    pub links: Vec<LinkRates>,
    /// Each category.
    pub categories: Vec<CategoryRates>,
    /// Packets per second, all links together, those of no configured link included.
    pub packets_per_second: u64,
    /// Flows in the flow tables now.
    pub active_flows: u64,
    /// Packets lost since the start, by reason.
    pub dropped: Dropped,
    /// Flows of the last minute.
    #[serde(skip)]
    #[schema(ignore)]
    pub sight: Sight,
}

/// How much of what began in the last minute the classifier looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Flows begun.
    pub begun: u64,
    /// Flows that were not probed, or not to their verdict.
    pub unprobed: u64,
}

/// One link's rates.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LinkRates {
    /// The link's name.
    #[schema(example = "transit-1")]
    pub name: String,
    /// Towards our network, in bit/s.
    pub in_bps: u64,
    /// Out of our network, in bit/s.
    pub out_bps: u64,
    /// Towards our network, in packets per second.
    pub in_pps: u64,
    /// Out of our network, in packets per second.
    pub out_pps: u64,
}

/// One category's rates.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CategoryRates {
    /// The category's name.
    #[schema(example = "direct-download")]
    pub name: &'static str,
    /// Towards our network, in bit/s.
    pub in_bps: u64,
    /// Out of our network, in bit/s.
    pub out_bps: u64,
}

/// Packets that were lost, or not treated as they should be, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Dropped {
    /// Dropped by the kernel: the capture ring was full.
    pub kernel: u64,
    /// Dropped by the network interface or its driver.
    pub interface: u64,
    /// Dropped for a full queue between capture and the store.
    pub queue: u64,
    /// Counted, but without a flow of their own: the flow table was full.
    pub table_full: u64,
}

impl From<Drops> for Dropped {
    fn from(drops: Drops) -> Self {
        let Drops { kernel, interface, queue, table_full } = drops;
        Self { kernel, interface, queue, table_full }
    }
}

/// The rates between two snapshots.
fn rates(before: &LiveSnapshot, now: &LiveSnapshot, elapsed: Duration, time: String) -> LiveEvent {
    let per_second = |now: u64, before: u64| -> u64 {
        // Counters only grow; a second of any link's bits is exact in 53 bits of mantissa.
        (now.saturating_sub(before) as f64 / elapsed.as_secs_f64().max(1e-3)).round() as u64
    };
    let bps =
        |now: Counted, before: Counted| per_second(now.octets, before.octets).saturating_mul(8);
    let pps = |now: Counted, before: Counted| per_second(now.packets, before.packets);
    let links_before: HashMap<&str, _> =
        before.links.iter().map(|link| (&*link.name, (link.incoming, link.outgoing))).collect();
    let links = now.links.iter().map(|link| {
        let (incoming, outgoing) = links_before.get(&*link.name).copied().unwrap_or_default();
        LinkRates {
            name: link.name.to_string(),
            in_bps: bps(link.incoming, incoming),
            out_bps: bps(link.outgoing, outgoing),
            in_pps: pps(link.incoming, incoming),
            out_pps: pps(link.outgoing, outgoing),
        }
    });
    let categories =
        now.categories.iter().zip(&before.categories).map(|(now, before)| CategoryRates {
            name: now.category.name(),
            in_bps: bps(now.incoming, before.incoming),
            out_bps: bps(now.outgoing, before.outgoing),
        });
    LiveEvent {
        time,
        links: links.collect(),
        categories: categories.collect(),
        packets_per_second: pps(now.received, before.received),
        active_flows: now.active_flows,
        dropped: now.dropped.into(),
        sight: Sight::default(),
    }
}

/// Flows begun and unprobed at the ends of the last periods.
#[derive(Debug)]
struct Sights(VecDeque<Sight>);

impl Sights {
    fn new(first: &LiveSnapshot) -> Self {
        Self(VecDeque::from([of(first)]))
    }

    /// The last minute, with this moment as its end.
    fn next(&mut self, now: &LiveSnapshot) -> Sight {
        let now = of(now);
        self.0.push_back(now);
        if self.0.len() > MINUTE + 1 {
            self.0.pop_front();
        }
        let before = self.0.front().copied().unwrap_or_default();
        Sight {
            begun: now.begun.saturating_sub(before.begun),
            unprobed: now.unprobed.saturating_sub(before.unprobed),
        }
    }
}

/// What a snapshot has counted since the start.
const fn of(snapshot: &LiveSnapshot) -> Sight {
    Sight { begun: snapshot.flows_started, unprobed: snapshot.unprobed_flows }
}

/// The last event, for whoever wants to watch. Nothing until a second has passed.
pub(crate) type Feed = watch::Receiver<Option<Arc<LiveEvent>>>;

/// Starts the task that computes one event a second until `stop` says so or its sender is gone;
/// with the task, every feed ends.
pub(crate) fn start(live: Arc<Live>, clock: Clock, mut stop: watch::Receiver<bool>) -> Feed {
    let (sender, feed) = watch::channel(None);
    // The first snapshot is taken here and not in the task, so that what comes next is counted.
    let mut before = live.snapshot();
    let mut sights = Sights::new(&before);
    let mut at = Instant::now();
    tokio::spawn(async move {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => break,
                _ = ticks.tick() => {}
            }
            let now = live.snapshot();
            let elapsed = at.elapsed();
            at = Instant::now();
            let mut event = rates(&before, &now, elapsed, format_time(clock.now()));
            event.sight = sights.next(&now);
            sender.send_replace(Some(Arc::new(event)));
            before = now;
        }
    });
    feed
}

#[cfg(test)]
mod tests {
    use etiage_aggregator::{Direction, LiveDelta};
    use etiage_classifier::Category;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn rates_are_differences_over_time() {
        let live = Live::new(vec!["a".into(), "b".into()]);
        let mut delta = LiveDelta::new(2);
        delta.on_link(1, Direction::Out, 1_000, 5);
        live.add(&mut delta);
        let before = live.snapshot();
        for _ in 0..4 {
            delta.received.count(500);
            delta.on_link(1, Direction::Out, 500, 6);
            delta.in_category(Category::P2p, Direction::Out, 500, 1);
        }
        live.add(&mut delta);
        live.add_kernel_drops(7, 0);
        let event =
            rates(&before, &live.snapshot(), Duration::from_secs(2), "2026-01-01T00:00:00Z".into());
        assert_eq!(event.links[1].out_bps, 8_000);
        assert_eq!(event.links[1].out_pps, 2);
        assert_eq!((event.links[1].in_bps, event.links[0].out_bps), (0, 0));
        let p2p = event.categories.iter().find(|rates| rates.name == "p2p").unwrap();
        assert_eq!((p2p.in_bps, p2p.out_bps), (0, 8_000));
        assert_eq!(event.packets_per_second, 2);
        assert_eq!(event.dropped.kernel, 7);
    }

    #[test]
    fn the_last_minute_is_what_began_in_it() {
        let live = Live::new(vec!["a".into()]);
        let mut sights = Sights::new(&live.snapshot());
        let mut delta = LiveDelta::new(1);
        for second in 1..=200u64 {
            delta.flows_started += 10;
            delta.unprobed_flows += u64::from(second <= 100);
            live.add(&mut delta);
            let sight = sights.next(&live.snapshot());
            let begun = second.min(60) * 10;
            let unprobed = second.min(100) - second.saturating_sub(60).min(100);
            assert_eq!(sight, Sight { begun, unprobed }, "{second}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_event_a_second_until_stopped() {
        let live = Arc::new(Live::new(vec!["a".into()]));
        let (stop, stopped) = watch::channel(false);
        let clock = Clock::fixed(datetime!(2026-11-21 12:00:00 UTC));
        let mut feed = start(live.clone(), clock, stopped);
        let mut delta = LiveDelta::new(1);
        delta.on_link(0, Direction::In, 125, 1);
        live.add(&mut delta);
        for expected in [1_000, 0] {
            feed.changed().await.unwrap();
            let event = feed.borrow_and_update().clone().unwrap();
            assert_eq!(event.links[0].in_bps, expected);
        }
        stop.send_replace(true);
        assert!(feed.changed().await.is_err(), "the feed ends");
    }
}
