//! Whether a capture thread keeps up: how full the ring before it is, and what it leaves out for that.
//!
//! libpcap does not say how full a ring is. But packets carry the time at which the kernel put them there: what has
//! come since the packet at hand is still in it.

use std::time::Duration;

use crate::pressure::{Pressure, PressureGauge};

/// The kernel hands a block of packets over when it is full, or this long after its first one: a shorter lag
/// says nothing.
const HANDED_OVER: Duration = Duration::from_millis(150);
/// Octets that the ring spends on a packet besides what was captured of it.
pub const RING_HEADER: u64 = 100;
/// Weight of the latest look in the rate of arrival.
const LATEST: f64 = 0.25;
/// At most one change of step is told in this time.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// What one look at a worker shows.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// When, from any starting point.
    pub now: Duration,
    /// How far the latest packet is behind the clock; zero where the ring has been emptied.
    pub lag: Duration,
    /// Octets that were taken out of the ring since the last look.
    pub octets: u64,
    /// Packets that found the ring full since the last look.
    pub dropped: u64,
}

/// One worker's load.
#[derive(Debug)]
pub struct Load {
    ring_octets: f64,
    /// Octets a second.
    rate: f64,
    last: Option<Duration>,
    gauge: PressureGauge,
    told: (Pressure, Option<Duration>),
}

impl Load {
    /// Of a worker with a ring of this size.
    pub fn new(ring_octets: u32) -> Self {
        Self {
            ring_octets: ring_octets.into(),
            rate: 0.0,
            last: None,
            gauge: PressureGauge::default(),
            told: (Pressure::Normal, None),
        }
    }

    /// What to leave out from now on.
    pub fn look(&mut self, look: &Look) -> Pressure {
        let passed = look.now.saturating_sub(self.last.unwrap_or(look.now)).as_secs_f64();
        if passed > 0.0 {
            let rate = look.octets as f64 / passed;
            self.rate += LATEST * (rate - self.rate);
        }
        self.last = Some(look.now);
        let waiting = self.rate * look.lag.saturating_sub(HANDED_OVER).as_secs_f64();
        let fill = if look.dropped > 0 { 1.0 } else { (waiting / self.ring_octets).min(1.0) };
        self.gauge.update(fill, look.now)
    }

    /// The step, if it is another one than was told last, and that was not just now.
    pub fn news(&mut self, now: Duration) -> Option<Pressure> {
        let pressure = self.gauge.pressure();
        let (told, when) = self.told;
        let just_now = when.is_some_and(|when| now.saturating_sub(when) < TOLD_EVERY);
        if pressure.step() == told.step() || just_now {
            return None;
        }
        self.told = (pressure, Some(now));
        Some(pressure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RING: u32 = 64 << 20;

    /// Looks every 10 ms for so long; the step at the end.
    fn run(load: &mut Load, from: u64, millis: u64, lag: u64, rate: u64, dropped: u64) -> u8 {
        let mut step = 0;
        for at in (from..from + millis).step_by(10) {
            let look = Look {
                now: Duration::from_millis(at),
                lag: Duration::from_millis(lag),
                octets: rate / 100,
                dropped,
            };
            step = load.look(&look).step();
        }
        step
    }

    #[test]
    fn a_lag_presses_as_far_as_it_fills_the_ring() {
        // 100 MB/s: a ring of 67 MB holds 0.67 s of it.
        let step = |lag| run(&mut Load::new(RING), 1_000, 500, lag, 100_000_000, 0);
        assert_eq!(step(0), 0);
        assert_eq!(step(150), 0, "blocks are handed over late");
        assert_eq!(step(400), 0);
        assert_eq!(step(600), 2);
        // The same lag is nothing for a ring that lasts for minutes.
        assert_eq!(run(&mut Load::new(RING), 1_000, 500, 600, 100_000, 0), 0);
    }

    #[test]
    fn drops_press_at_once_and_silence_relieves() {
        let mut load = Load::new(RING);
        assert_eq!(run(&mut load, 1_000, 100, 0, 1_000, 5), 2);
        assert_eq!(run(&mut load, 1_100, 30_000, 0, 1_000, 0), 0);
    }

    #[test]
    fn steps_are_told_once_and_not_too_often() {
        let mut load = Load::new(RING);
        let at = Duration::from_millis;
        assert_eq!(load.news(at(900)), None);
        run(&mut load, 1_000, 10, 0, 1_000, 5);
        assert_eq!(load.news(at(1_010)), Some(Pressure::Unprobed));
        assert_eq!(load.news(at(1_020)), None);
        run(&mut load, 1_100, 100, 0, 1_000, 5);
        assert_eq!(load.news(at(1_200)), None, "ten seconds have not passed");
        assert!(matches!(load.news(at(11_100)), Some(Pressure::Sampled { .. })));
        run(&mut load, 12_000, 60_000, 0, 1_000, 0);
        assert_eq!(load.news(at(72_000)), Some(Pressure::Normal));
    }
}
