//! Which resolution history is simulated in: fine where it is young, as a real one would be kept.

use crate::history::Stretch;

const MINUTE: u32 = 60;
const FIVE_MINUTES: u32 = 300;
const HOUR: u32 = 3_600;
const DAY: u32 = 86_400;
/// How far back there are bins of 10 s.
const FINE: u32 = 6 * HOUR;
/// How far back there are volumes by network for every minute; before, for every hour.
const NETWORKS: u32 = 3 * DAY;
/// How far back there are bins of a minute.
const MINUTES: u32 = 30 * DAY;
/// With more links, what is older than that is simulated by the hour and not by five minutes.
const FEW_LINKS: usize = 10;

/// Which bins to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// By age, as real history is kept: 10 s for the last 6 hours, 1 min for the last 30 days, 1 h before
    /// (5 min with at most 10 links).
    ByAge,
    /// All of this length, in seconds: 10, or whole minutes.
    Fixed(u32),
}

/// The stretches from one moment to another, in seconds since the epoch, in the order of time. None if there is
/// not a single whole interval between them.
pub fn plan(from: u32, to: u32, step: Step, links: usize) -> Vec<Stretch> {
    let mut stretches = match step {
        Step::Fixed(step) => vec![Stretch {
            from: from.next_multiple_of(step.max(MINUTE)),
            to: to - to % step.max(MINUTE),
            step,
            networks_step: step.max(MINUTE),
            round_trips: step <= MINUTE,
        }],
        Step::ByAge => by_age(from, to, links),
    };
    stretches.retain(|stretch| stretch.bins() > 0);
    stretches
}

fn by_age(from: u32, to: u32, links: usize) -> Vec<Stretch> {
    // Whole hours, so that no hour is made of two kinds of bins. The last minute is whole.
    let from = from - from % HOUR;
    let end = to - to % MINUTE;
    let ago = |age: u32| end.saturating_sub(age) / HOUR * HOUR;
    let cuts = [from, ago(MINUTES).max(from), ago(NETWORKS).max(from), ago(FINE).max(from), end];
    let old = if links <= FEW_LINKS { FIVE_MINUTES } else { HOUR };
    let kinds =
        [(old, HOUR, false), (MINUTE, HOUR, false), (MINUTE, MINUTE, false), (10, MINUTE, true)];
    let spans = cuts.iter().zip(cuts.iter().skip(1));
    spans
        .zip(kinds)
        .map(|((from, to), (step, networks_step, round_trips))| Stretch {
            from: *from,
            to: *to,
            step,
            networks_step,
            round_trips,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saturday, 21 November 2026, 10:17:33 UTC.
    const NOW: u32 = 1_795_256_253;

    #[test]
    fn a_year_is_finer_the_younger_it_is() {
        let plan = plan(NOW - 365 * DAY, NOW, Step::ByAge, 100);
        let steps: Vec<_> = plan.iter().map(|part| (part.step, part.networks_step)).collect();
        assert_eq!(steps, [(3600, 3600), (60, 3600), (60, 60), (10, 60)]);
        for pair in plan.windows(2) {
            assert_eq!(pair[0].to, pair[1].from);
            assert_eq!(pair[0].to % HOUR, 0);
        }
        assert_eq!(plan[3].to, NOW - NOW % 60);
        // Hours of 335 days, and a little.
        assert!(plan[0].bins().abs_diff(335 * 24) <= 1, "{}", plan[0].bins());
        assert!(plan[1].bins() + plan[2].bins() > 42_000);
    }

    #[test]
    fn few_links_have_five_minutes_all_year() {
        let plan = plan(NOW - 365 * DAY, NOW, Step::ByAge, 10);
        assert_eq!(plan[0].step, 300);
    }

    #[test]
    fn short_histories_begin_where_they_should() {
        let plan = plan(NOW - 2 * HOUR, NOW, Step::ByAge, 100);
        assert_eq!((plan.len(), plan[0].step), (1, 10));
    }

    #[test]
    fn there_may_be_nothing_between() {
        assert!(plan(NOW, NOW - DAY, Step::ByAge, 1).is_empty());
        assert!(plan(NOW, NOW + 59, Step::Fixed(HOUR), 1).is_empty());
        assert!(plan(NOW, NOW, Step::Fixed(MINUTE), 1).is_empty());
    }
}
