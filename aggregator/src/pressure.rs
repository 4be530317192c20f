//! What a worker leaves out when it cannot keep up, in steps, and how it comes back by itself.

use std::time::Duration;

/// What is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pressure {
    /// Nothing.
    #[default]
    Normal,
    /// New flows are not probed: they are counted by port and by what is known of their ends. Flows
    /// that are known stay as they are.
    Unprobed,
    /// Besides, of new flows only one in `1 << halvings` is looked at, chosen by the flow's hash, and
    /// counted that many times: sums by class are estimates. What a link received stays exact.
    Sampled {
        /// At most [`Pressure::MAX_HALVINGS`].
        halvings: u8,
    },
}

impl Pressure {
    /// One flow in 256 is the least that is looked at.
    pub const MAX_HALVINGS: u8 = 8;
    /// The steps, in their order.
    const STEPS: [Self; 5] = [
        Self::Normal,
        Self::Unprobed,
        Self::Sampled { halvings: 2 },
        Self::Sampled { halvings: 4 },
        Self::Sampled { halvings: 6 },
    ];

    /// How many flows one stands for.
    pub const fn weight(self) -> u32 {
        match self {
            Self::Normal | Self::Unprobed => 1,
            Self::Sampled { halvings: 0..Self::MAX_HALVINGS } => 1 << self.halvings(),
            Self::Sampled { .. } => 1 << Self::MAX_HALVINGS,
        }
    }

    /// 0 for normal, then the step's number.
    pub fn step(self) -> u8 {
        match self {
            Self::Normal => 0,
            Self::Unprobed => 1,
            Self::Sampled { .. } => 2,
        }
    }

    const fn halvings(self) -> u8 {
        match self {
            Self::Sampled { halvings } => halvings,
            _ => 0,
        }
    }
}

/// So full, the next step is taken.
const HIGH: f64 = 0.5;
/// So full, it is taken without waiting for the last step's effect.
const BRIM: f64 = 0.9;
/// As empty as this for [`CALM`], the last step is taken back.
const LOW: f64 = 0.1;
/// A step needs so long to show: a queue drains before it is judged again.
const EFFECT: Duration = Duration::from_millis(200);
/// The same at the brim.
const BRIM_EFFECT: Duration = Duration::from_millis(20);
/// How long it must be quiet before the last step is taken back.
const CALM: Duration = Duration::from_secs(5);

/// Decides on the step from how full the queue before a worker is (a capture ring, or a lag as a part
/// of what is tolerable). Time is passed in, from any starting point.
#[derive(Clone, Copy, Debug, Default)]
pub struct PressureGauge {
    step: usize,
    /// When the last step was taken, up or down.
    changed: Option<Duration>,
    /// Since when it is quiet.
    quiet: Option<Duration>,
}

impl PressureGauge {
    /// The step at this moment; `fill` is from 0 (empty) to 1 (packets are being dropped).
    pub fn update(&mut self, fill: f64, now: Duration) -> Pressure {
        let since = |then: Option<Duration>| then.map(|then| now.saturating_sub(then));
        let effect = if fill >= BRIM { BRIM_EFFECT } else { EFFECT };
        let judged = since(self.changed).is_none_or(|passed| passed >= effect);
        if fill >= HIGH && judged && self.step + 1 < Pressure::STEPS.len() {
            self.change(self.step + 1, now);
        }
        self.quiet = if fill <= LOW { self.quiet.or(Some(now)) } else { None };
        if self.step > 0 && since(self.quiet).is_some_and(|quiet| quiet >= CALM) {
            self.change(self.step - 1, now);
            self.quiet = Some(now);
        }
        self.pressure()
    }

    /// The step that was decided on last.
    pub fn pressure(&self) -> Pressure {
        Pressure::STEPS.get(self.step).copied().unwrap_or_default()
    }

    fn change(&mut self, step: usize, now: Duration) {
        self.step = step;
        self.changed = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Run {
        gauge: PressureGauge,
        millis: u64,
    }

    impl Run {
        /// Every 10 ms for so long; the weights and steps that were passed through.
        fn fill(&mut self, fill: f64, millis: u64) -> Vec<(u8, u32)> {
            let mut seen = Vec::new();
            for _ in 0..millis / 10 {
                self.millis += 10;
                let pressure = self.gauge.update(fill, Duration::from_millis(self.millis));
                let now = (pressure.step(), pressure.weight());
                if seen.last() != Some(&now) {
                    seen.push(now);
                }
            }
            seen
        }
    }

    fn run() -> Run {
        Run { gauge: PressureGauge::default(), millis: 1_000_000 }
    }

    #[test]
    fn steps_come_one_after_the_other_and_stop_where_the_queue_drains() {
        let mut run = run();
        assert_eq!(run.fill(0.3, 10_000), [(0, 1)]);
        assert_eq!(run.fill(0.6, 100), [(1, 1)]);
        assert_eq!(run.fill(0.6, 200), [(1, 1), (2, 4)]);
        assert_eq!(run.fill(0.4, 60_000), [(2, 4)], "neither worse nor quiet");
        assert_eq!(run.fill(0.6, 60_000), [(2, 16), (2, 64)], "and no further");
    }

    #[test]
    fn at_the_brim_they_come_at_once() {
        assert_eq!(run().fill(0.95, 100), [(1, 1), (2, 4), (2, 16), (2, 64)]);
    }

    #[test]
    fn it_comes_back_a_step_at_a_time_once_it_is_quiet() {
        let mut run = run();
        run.fill(1.0, 100);
        assert_eq!(run.fill(0.05, 4_900), [(2, 64)]);
        run.fill(0.2, 10);
        assert_eq!(run.fill(0.05, 5_000), [(2, 64)], "it was not quiet all the time");
        assert_eq!(run.fill(0.05, 20_000), [(2, 16), (2, 4), (1, 1), (0, 1)]);
        assert_eq!(run.fill(0.0, 60_000), [(0, 1)]);
    }
}
