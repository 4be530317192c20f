//! How well falls are found, and how often there is an alarm without one: `make bench-events`.
//!
//! Simulated links of some categories each, minute by minute: a daily swing of 3 to 1, quieter and later weekends,
//! growth, noise that is correlated over about an hour, white noise, all of it independent between categories. The
//! first weeks are learnt, the others judged: every event there is a false one. Then each link's detector is
//! copied at an hour of the last week, and each kind of fall played to a copy.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test may fail"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use etiage_detector::{
    Calendar, Change, Detector, Key, LinkMinute, Minute, Parameters, SeriesId, Sign,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const LINKS: usize = 200;
const WEEKS: i64 = 8;
const LEARNT_WEEKS: i64 = 3;
const WEEK: i64 = 7 * 86_400;
/// A Monday, 00:00.
const START: i64 = 1_790_553_600;
/// How long a fall is played.
const AFTER: i64 = 6 * 3600;

const CATEGORIES: [(&str, f64, f64); 8] = [
    // name, share, hour of the peak
    ("streaming", 0.44, 21.0),
    ("web", 0.17, 19.5),
    ("direct-download", 0.13, 20.5),
    ("p2p", 0.08, 23.0),
    ("software-update", 0.06, 14.0),
    ("gaming", 0.05, 22.0),
    ("voip", 0.04, 15.0),
    ("cloud-storage", 0.03, 11.0),
];

/// A category of a link.
struct Source {
    mean: f64,
    peak_hour: f64,
    weekend: f64,
    swing: f64,
    growth: f64,
    correlated: f64,
    /// What is left of the correlated noise a minute later.
    memory: f64,
}

impl Source {
    /// Octets of a minute.
    fn minute(&mut self, time: i64, random: &mut StdRng) -> f64 {
        let hour = (time.rem_euclid(86_400)) as f64 / 3600.0;
        let day = (time - START).div_euclid(86_400).rem_euclid(7);
        let later = if day >= 5 { 1.0 } else { 0.0 };
        let phase = (hour - self.peak_hour - later) / 24.0 * std::f64::consts::TAU;
        let shape = 1.0 + self.swing * phase.cos() + 0.1 * (2.0 * phase).cos();
        let weekend = if day >= 5 { self.weekend } else { 1.0 };
        let growth = (1.0 + self.growth).powf((time - START) as f64 / WEEK as f64);
        self.correlated = self.memory * self.correlated
            + 0.03 * (1.0 - self.memory * self.memory).sqrt() * normal(random);
        let noise = 1.0 + self.correlated + 0.015 * normal(random);
        self.mean * shape * weekend * growth * noise.max(0.0)
    }
}

/// A normal deviate (Box and Muller 1958).
fn normal(random: &mut StdRng) -> f64 {
    let (a, b): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// A fall: of which categories, and how deep each.
#[derive(Clone, Copy)]
enum Fall {
    /// Of the total, all categories alike.
    All(f64),
    /// Of the total, out of one category.
    FromOne(f64),
    /// Of one category.
    OfOne(f64),
}

const FALLS: [Fall; 11] = [
    Fall::All(0.08),
    Fall::All(0.12),
    Fall::All(0.20),
    Fall::All(0.40),
    Fall::FromOne(0.08),
    Fall::FromOne(0.12),
    Fall::FromOne(0.20),
    Fall::FromOne(0.40),
    Fall::OfOne(0.20),
    Fall::OfOne(0.34),
    Fall::OfOne(0.55),
];
const RAMPS: [i64; 2] = [0, 7200];

struct Link {
    sources: Vec<Source>,
    detector: Detector,
    total: SeriesId,
    parts: Vec<SeriesId>,
    random: StdRng,
}

#[derive(Clone, Default)]
struct Found {
    played: usize,
    /// Minutes from being fully down to the alarm, of those that were found; negative within a ramp.
    delays: Vec<i64>,
    /// Minutes between the true onset and the one found.
    onsets: Vec<i64>,
}

#[derive(Clone, Default)]
struct Outcome {
    false_events: usize,
    false_by_scope: [usize; 2],
    weeks: i64,
    falls: Vec<Found>,
    flat_false: usize,
    flat_falls: Vec<Found>,
}

fn link(number: usize) -> Link {
    let mut random = StdRng::seed_from_u64(number as u64);
    let capacity: f64 = 10f64.powf(random.random_range(8.5..11.0)) / 8.0 * 60.0;
    let mut sources = Vec::new();
    let mut detector = Detector::new(Parameters::default(), Calendar::utc()).unwrap();
    let (name, direction): (Arc<str>, Arc<str>) = ("link".into(), "in".into());
    let total = detector.series(&Key::Link { link: name.clone(), direction: direction.clone() });
    let mut parts = Vec::new();
    for (category, share, peak_hour) in CATEGORIES {
        sources.push(Source {
            mean: 0.5 * capacity * share * random.random_range(0.6..1.4),
            peak_hour: peak_hour + random.random_range(-1.5..1.5),
            weekend: random.random_range(0.8..1.15),
            swing: random.random_range(0.4..0.55),
            growth: random.random_range(0.0..0.02),
            correlated: 0.0,
            memory: 0.5f64.powf(1.0 / random.random_range(20.0..90.0)),
        });
        parts.push(detector.series(&Key::LinkCategory {
            link: name.clone(),
            direction: direction.clone(),
            category: category.into(),
        }));
    }
    Link { sources, detector, total, parts, random }
}

impl Link {
    fn rates(&mut self, time: i64) -> Vec<f64> {
        let Self { sources, random, .. } = self;
        sources.iter_mut().map(|source| source.minute(time, random)).collect()
    }

    fn minute(&self, start: i64, rates: &[f64]) -> Minute {
        let mut octets: Vec<(SeriesId, f64)> =
            self.parts.iter().copied().zip(rates.iter().copied()).collect();
        octets.push((self.total, rates.iter().sum()));
        Minute { start, links: vec![LinkMinute { link: "link".into(), observed: true }], octets }
    }

    /// The fall of each category.
    fn depths(&mut self, fall: Fall, rates: &[f64]) -> Vec<f64> {
        let total: f64 = rates.iter().sum();
        let mut depths = vec![0.0; rates.len()];
        match fall {
            Fall::All(depth) => depths.fill(depth),
            Fall::FromOne(depth) => {
                let carries = |place: &usize| rates[*place] >= 1.05 * depth * total;
                let able: Vec<usize> = (0..rates.len()).filter(carries).collect();
                if let Some(place) = pick(&able, &mut self.random) {
                    depths[place] = depth * total / rates[place];
                }
            }
            Fall::OfOne(depth) => {
                let judged = |place: &usize| rates[*place] >= 0.04 * total;
                let able: Vec<usize> = (0..rates.len()).filter(judged).collect();
                if let Some(place) = pick(&able, &mut self.random) {
                    depths[place] = depth;
                }
            }
        }
        depths
    }
}

fn pick(able: &[usize], random: &mut StdRng) -> Option<usize> {
    (!able.is_empty()).then(|| able[random.random_range(0..able.len())])
}

/// IODA's rule: five minutes below 0.8 of the median of the last seven days.
struct Flat {
    sorted: Vec<f64>,
    week: std::collections::VecDeque<f64>,
    sum: f64,
    low: bool,
}

impl Flat {
    /// Whether an episode begins with this minute.
    fn step(&mut self, time: i64, total: f64) -> bool {
        self.sum += total;
        if time.rem_euclid(300) != 240 {
            return false;
        }
        let bin = std::mem::take(&mut self.sum);
        let median = self.sorted.get(self.sorted.len() / 2).copied();
        let full = self.week.len() == 2016;
        if full && let Some(old) = self.week.pop_front() {
            let at = self.sorted.partition_point(|value| *value < old);
            self.sorted.remove(at);
        }
        self.week.push_back(bin);
        self.sorted.insert(self.sorted.partition_point(|value| *value < bin), bin);
        let low = full && median.is_some_and(|median| bin < 0.8 * median);
        let begins = low && !self.low;
        self.low = low;
        begins
    }
}

fn run(number: usize) -> Outcome {
    let mut link = link(number);
    let mut outcome = Outcome {
        falls: vec![Found::default(); FALLS.len() * RAMPS.len()],
        flat_falls: vec![Found::default(); FALLS.len() * RAMPS.len()],
        weeks: WEEKS - LEARNT_WEEKS,
        ..Outcome::default()
    };
    let mut flat =
        Flat { sorted: Vec::new(), week: std::collections::VecDeque::new(), sum: 0.0, low: false };
    // Any hour of the last days but one.
    let fork = START + (WEEKS - 1) * WEEK + 60 * link.random.random_range(0..5 * 1440);
    let judged = START + LEARNT_WEEKS * WEEK;
    let end = START + WEEKS * WEEK;
    let mut time = START;
    while time < end {
        if time == fork {
            play_falls(&link, &flat, time, &mut outcome);
        }
        let rates = link.rates(time);
        let minute = link.minute(time, &rates);
        let low = flat.step(time, rates.iter().sum());
        if time < judged {
            link.detector.learn(&minute);
        } else {
            outcome.flat_false += usize::from(low);
            for change in link.detector.step(&minute) {
                if let Change::Opened(event) = change {
                    outcome.false_events += 1;
                    let total = matches!(event.members[0].key, Key::Link { .. });
                    outcome.false_by_scope[usize::from(!total)] += 1;
                }
            }
        }
        time += 60;
    }
    outcome
}

fn play_falls(link: &Link, flat: &Flat, onset: i64, outcome: &mut Outcome) {
    for (number, (fall, ramp)) in
        FALLS.iter().flat_map(|fall| RAMPS.map(|ramp| (*fall, ramp))).enumerate()
    {
        let mut copy = Link {
            sources: link.sources.iter().map(|source| Source { ..*source }).collect(),
            detector: link.detector.clone(),
            total: link.total,
            parts: link.parts.clone(),
            random: StdRng::seed_from_u64(onset as u64 + number as u64),
        };
        let mut rule = Flat {
            sorted: flat.sorted.clone(),
            week: flat.week.clone(),
            sum: flat.sum,
            low: flat.low,
        };
        let first = copy.rates(onset);
        let depths = copy.depths(fall, &first);
        if depths.iter().all(|depth| *depth == 0.0) {
            continue;
        }
        let (found, ioda) = (&mut outcome.falls[number], &mut outcome.flat_falls[number]);
        found.played += 1;
        ioda.played += 1;
        let (mut seen, mut seen_flat) = (false, false);
        let mut time = onset;
        while time < onset + AFTER && !(seen && seen_flat) {
            let share =
                if ramp == 0 { 1.0 } else { ((time - onset) as f64 / ramp as f64).min(1.0) };
            let mut rates = copy.rates(time);
            for (rate, depth) in rates.iter_mut().zip(&depths) {
                *rate *= 1.0 - depth * share;
            }
            let delay = (time + 60 - onset - ramp) / 60;
            if rule.step(time, rates.iter().sum()) && !seen_flat {
                seen_flat = true;
                ioda.delays.push(delay);
            }
            for change in copy.detector.step(&copy.minute(time, &rates)) {
                if let Change::Opened(event) = change
                    && event.sign == Sign::Drop
                    && !seen
                {
                    seen = true;
                    found.delays.push(delay);
                    found.onsets.push((event.onset - onset) / 60);
                }
            }
            time += 60;
        }
    }
}

fn median(values: &[i64]) -> String {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).map_or("-".into(), ToString::to_string)
}

fn main() {
    let next = AtomicUsize::new(0);
    let links = std::env::var("LINKS").ok().and_then(|links| links.parse().ok()).unwrap_or(LINKS);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let work = || {
            let mut outcomes = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= links {
                    return outcomes;
                }
                outcomes.push(run(number));
            }
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let weeks: i64 = outcomes.iter().map(|outcome| outcome.weeks).sum();
    let count = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum::<usize>();
    let rate = |events: usize| events as f64 / weeks as f64;
    println!("{links} links, {weeks} link-weeks judged, {} series a link\n", CATEGORIES.len() + 1);
    println!("| | Etiage | IODA's rule on the total |");
    println!("|---|---|---|");
    println!(
        "| false events a link-week | {:.4} (total {:.4}, category {:.4}) | {:.2} |",
        rate(count(|outcome| outcome.false_events)),
        rate(count(|outcome| outcome.false_by_scope[0])),
        rate(count(|outcome| outcome.false_by_scope[1])),
        rate(count(|outcome| outcome.flat_false)),
    );
    println!(
        "\n| fall | ramp | found | within 45 min | median delay, min | median error of the onset, min | IODA's rule: found within 6 h |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (number, (fall, ramp)) in
        FALLS.iter().flat_map(|fall| RAMPS.map(|ramp| (*fall, ramp))).enumerate()
    {
        let mut all = Found::default();
        let mut flat = Found::default();
        for outcome in &outcomes {
            let found = &outcome.falls[number];
            all.played += found.played;
            all.delays.extend(&found.delays);
            all.onsets.extend(&found.onsets);
            flat.delays.extend(&outcome.flat_falls[number].delays);
        }
        let share = |count: usize| 100.0 * count as f64 / all.played.max(1) as f64;
        let name = match fall {
            Fall::All(depth) => format!("−{:.0} % of the total, all categories", depth * 100.0),
            Fall::FromOne(depth) => {
                format!("−{:.0} % of the total, from one category", depth * 100.0)
            }
            Fall::OfOne(depth) => format!("−{:.0} % of one category", depth * 100.0),
        };
        println!(
            "| {name} | {} | {} of {} ({:.1} %) | {:.1} % | {} | {} | {:.0} % |",
            if ramp == 0 { "none" } else { "2 h" },
            all.delays.len(),
            all.played,
            share(all.delays.len()),
            share(all.delays.iter().filter(|delay| **delay <= 45).count()),
            median(&all.delays),
            median(&all.onsets),
            share(flat.delays.len()),
        );
    }
}
