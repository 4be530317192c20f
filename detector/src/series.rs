//! One series: what it holds against what it should, and whether that is an event.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::baseline::{Basis, Expectation, Level};
use crate::calendar::Calendar;
use crate::history::{BIN_SECS, History, mean};
use crate::parameters::{HELD_MINUTES, Parameters, Rule};

/// A series is not judged before so many bins have shown how large its residuals usually are: half a day.
const WARM_BINS: u32 = 144;
/// Over how many bins the usual residual is averaged: five days.
const USUAL_BINS: u32 = 1440;
/// No series is quieter than this; a constant one would have any change be an event.
const MIN_USUAL: f64 = 0.012;
/// The mean absolute value of a normal distribution, in standard deviations, inverted.
const DEVIATION: f64 = 1.2533;
/// A rise must be so much larger than a fall: traffic has no upper bound.
const SURGE_CAUTION: f64 = 1.25;

/// Down or up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// Less than expected.
    Drop,
    /// More than expected.
    Surge,
}

impl Sign {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Surge => "surge",
        }
    }

    /// A relative residual as a depth: positive in the direction of the sign.
    pub(crate) fn depth(self, residual: f64) -> f64 {
        match self {
            Self::Drop => -residual,
            Self::Surge => residual,
        }
    }
}

/// How an alarm ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The series came back to what is expected.
    Recovered,
    /// It did not, and what it is now has become what is expected.
    Accepted,
}

/// A fall or rise of one series. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Down or up.
    pub sign: Sign,
    /// When it began, found backwards from its confirmation.
    pub onset: i64,
    /// When it was certain.
    pub confirmed: i64,
    /// When the five-minute mean was furthest from what was expected.
    pub trough: i64,
    /// How far, relative to what was expected: 0.2 is 20 %.
    pub depth: f64,
    /// Octets missing, or too many, since the onset.
    pub octets: f64,
    /// When half of the depth was made up for.
    pub half_recovered: Option<i64>,
    /// When nine tenths were.
    pub recovered: Option<i64>,
    /// When and how it ended; nothing while it lasts.
    pub ended: Option<(i64, End)>,
    /// What the expectation was founded on.
    pub basis: Basis,
}

/// One minute of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) time: i64,
    /// Octets.
    pub(crate) octets: f64,
    /// What was expected; nothing where there was no history.
    pub(crate) expected: Option<f64>,
}

impl Point {
    /// Relative to what was expected.
    fn residual(&self) -> Option<f64> {
        let expected = self.expected.filter(|expected| *expected > 0.0)?;
        Some((self.octets - expected) / expected)
    }
}

/// What a series is judged by.
pub(crate) struct Measure<'a> {
    pub(crate) parameters: &'a Parameters,
    pub(crate) calendar: &'a Calendar,
    pub(crate) rules: &'a [Rule],
    /// Less than this, in octets a minute, is not judged.
    pub(crate) floor: f64,
}

/// The five minutes at hand.
#[derive(Clone, Copy, Debug, Default)]
struct OpenBin {
    bin: i64,
    minutes: u32,
    octets: f64,
    expected: f64,
}

/// A series with its past and its state.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    history: History,
    open: OpenBin,
    level: Option<Level>,
    recent: VecDeque<Point>,
    /// Mean absolute residual, and from how many bins.
    usual: f64,
    bins: u32,
    alarm: Option<Box<Alarm>>,
}

/// What a minute brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Confirmed,
    Ended,
}

impl Series {
    pub(crate) fn new(parameters: &Parameters) -> Self {
        Self {
            history: History::new(usize::from(parameters.weeks)),
            open: OpenBin::default(),
            level: None,
            recent: VecDeque::new(),
            usual: 0.0,
            bins: 0,
            alarm: None,
        }
    }

    /// The latest minute, if it was observed.
    pub(crate) fn latest(&self) -> Option<&Point> {
        self.recent.back()
    }

    /// Minutes held, oldest first.
    pub(crate) fn recent(&self) -> impl Iterator<Item = &Point> {
        self.recent.iter()
    }

    /// The present alarm, or the one that has just ended.
    pub(crate) fn alarm(&self) -> Option<&Alarm> {
        self.alarm.as_deref()
    }

    /// The usual size of a residual: its standard deviation, robustly.
    pub(crate) fn usual(&self) -> f64 {
        (self.usual * DEVIATION).max(MIN_USUAL)
    }

    /// What the minute that begins at a moment should hold.
    pub(crate) fn expect(&self, calendar: &Calendar, time: i64) -> Option<Expectation> {
        self.level.as_ref()?.expect(&self.history, calendar, time)
    }

    /// Takes a minute; `None` if it was not observed.
    pub(crate) fn step(
        &mut self,
        time: i64,
        octets: Option<f64>,
        measure: &Measure<'_>,
    ) -> Option<Turn> {
        if self.alarm.as_ref().is_some_and(|alarm| alarm.ended.is_some()) {
            self.alarm = None;
        }
        self.turn_bin(time, measure);
        let expectation = self.expect(measure.calendar, time);
        let octets = octets?;
        let expected = expectation.map(|expectation| expectation.octets);
        self.open.minutes += 1;
        self.open.octets += octets;
        self.open.expected += expected.unwrap_or(octets);
        if self.recent.len() == HELD_MINUTES {
            self.recent.pop_front();
        }
        self.recent.push_back(Point { time, octets, expected });
        let expectation = expectation?;
        if self.alarm.is_some() {
            return self.follow(time, measure).then_some(Turn::Ended);
        }
        if self.bins < WARM_BINS || expectation.octets < measure.floor {
            return None;
        }
        let sign = self.suspect(time, expectation.basis, measure)?;
        self.confirm(sign, time, expectation.basis, measure);
        Some(Turn::Confirmed)
    }

    /// Closes the bin at hand if time has left it: into the past goes what was measured, or, of an
    /// event, what should have been.
    fn turn_bin(&mut self, time: i64, measure: &Measure<'_>) {
        let bin = History::bin(time);
        if bin == self.open.bin {
            return;
        }
        let OpenBin { bin: before, minutes, octets, expected } = self.open;
        if minutes > 0 {
            let minutes = f64::from(minutes);
            let (measured, expected) = (octets / minutes, expected / minutes);
            let kept = if self.alarm.is_some() { expected } else { measured };
            self.history.set(before, Some(kept));
            if self.alarm.is_none() && expected > 0.0 && self.level.is_some() {
                self.learn(((measured - expected) / expected).abs());
            }
        }
        self.open = OpenBin { bin, ..OpenBin::default() };
        if self.alarm.is_none() {
            let Measure { parameters, calendar, .. } = measure;
            self.level = Level::at(&self.history, calendar, parameters, time);
        }
    }

    /// A bin's residual: an outlier counts no more than four usual ones.
    fn learn(&mut self, residual: f64) {
        self.bins = self.bins.saturating_add(1);
        let known = f64::from(self.bins.min(USUAL_BINS));
        let bounded = if self.bins > WARM_BINS {
            residual.min(4.0 * self.usual.max(MIN_USUAL))
        } else {
            residual.min(1.0)
        };
        self.usual += (bounded - self.usual) / known;
    }

    /// Whether any rule holds: a fall before a rise.
    fn suspect(&self, time: i64, basis: Basis, measure: &Measure<'_>) -> Option<Sign> {
        let least = measure.parameters.min_score * self.usual();
        for sign in [Sign::Drop, Sign::Surge] {
            let caution = basis.caution() * if sign == Sign::Surge { SURGE_CAUTION } else { 1.0 };
            for rule in measure.rules {
                // No fall is deeper than all there is; a series that often falls by so much is not judged.
                let depth = (rule.depth * caution).min(0.95).max(least);
                let now = self.latest().and_then(Point::residual).map(|now| sign.depth(now));
                if now.is_some_and(|now| now >= depth / 2.0)
                    && self.depth(sign, time, rule.minutes).is_some_and(|mean| mean >= depth)
                    && self.most(sign, time, rule.minutes, depth / 2.0)
                {
                    return Some(sign);
                }
            }
        }
        None
    }

    /// Mean depth of the last minutes; `None` if less than four fifths of them were observed.
    fn depth(&self, sign: Sign, time: i64, minutes: u16) -> Option<f64> {
        let from = time - 60 * (i64::from(minutes) - 1);
        let last = self.recent.iter().rev().take_while(|point| point.time >= from);
        let residuals = last.filter_map(Point::residual);
        let (sum, count) = residuals.fold((0.0, 0u16), |(sum, count), r| (sum + r, count + 1));
        (u32::from(count) * 5 >= u32::from(minutes) * 4).then(|| sign.depth(sum / f64::from(count)))
    }

    /// Whether most of the last minutes were deeper than this: one burst is no event, however large.
    fn most(&self, sign: Sign, time: i64, minutes: u16, depth: f64) -> bool {
        let from = time - 60 * (i64::from(minutes) - 1);
        let last = self.recent.iter().rev().take_while(|point| point.time >= from);
        let deep = last.filter(|point| point.residual().is_some_and(|r| sign.depth(r) >= depth));
        deep.count() * 5 >= usize::from(minutes) * 3
    }

    /// An alarm begins: finds its onset, holds the level as it was then, and judges again from there.
    fn confirm(&mut self, sign: Sign, time: i64, basis: Basis, measure: &Measure<'_>) {
        let mut onset = time;
        // Twice: with the level held at the first onset, a slow fall shows its whole depth and its beginning.
        for _ in 0..2 {
            onset = self.onset(sign).unwrap_or(onset);
            let Measure { parameters, calendar, .. } = measure;
            let Some(level) = Level::at(&self.history, calendar, parameters, onset) else { break };
            for point in &mut self.recent {
                if point.time >= onset - 3600
                    && let Some(expectation) = level.expect(&self.history, calendar, point.time)
                {
                    point.expected = Some(expectation.octets);
                }
            }
            self.level = Some(level);
        }
        let mut alarm = Alarm {
            sign,
            onset,
            confirmed: time,
            trough: time,
            depth: 0.0,
            octets: 0.0,
            half_recovered: None,
            recovered: None,
            ended: None,
            basis,
        };
        let since: Vec<Point> =
            self.recent.iter().copied().filter(|point| point.time >= onset).collect();
        for end in 1..=since.len() {
            let five = since.get(end.saturating_sub(5)..end).unwrap_or_default();
            if let (Some(point), Some(depth)) =
                (five.last(), mean(five.iter().filter_map(Point::residual)))
            {
                // One that was certain before five minutes had passed has its depth from what there is.
                alarm.deepen(point, sign.depth(depth), five.len() >= since.len().min(5));
            }
        }
        self.alarm = Some(Box::new(alarm));
        self.repaint(onset);
    }

    /// The bins of an event become what should have been in them.
    fn repaint(&mut self, onset: i64) {
        let (first, open) = (History::bin(onset), self.open.bin);
        for bin in first..open {
            let inside = |point: &&Point| History::bin(point.time) == bin;
            let expected = self.recent.iter().filter(inside).filter_map(|point| point.expected);
            if let Some(expected) = mean(expected) {
                self.history.set(bin, Some(expected));
            }
        }
        let inside = self.recent.iter().filter(|point| History::bin(point.time) == open);
        self.open.expected = inside.filter_map(|point| point.expected).sum();
    }

    /// Where the deviation began: the largest sum of what exceeds a small part of it, from the end back
    /// (the maximum likelihood of a CUSUM's change point; Page 1954).
    fn onset(&self, sign: Sign) -> Option<i64> {
        let (_, last) = (self.recent.front()?, self.recent.back()?);
        let recent = self.recent.iter().rev().filter(|point| point.time > last.time - 300);
        let depth = sign.depth(mean(recent.filter_map(Point::residual))?);
        let slack = (0.25 * depth).max(1.5 * self.usual());
        let mut best = (0.0, last.time);
        let mut sum = 0.0;
        for point in self.recent.iter().rev() {
            let Some(residual) = point.residual() else { continue };
            sum += sign.depth(residual) - slack;
            if sum >= best.0 {
                best = (sum, point.time);
            }
        }
        Some(best.1)
    }

    /// A minute of an alarm; whether it ends with it.
    fn follow(&mut self, time: i64, measure: &Measure<'_>) -> bool {
        let Some(mut alarm) = self.alarm.take() else { return false };
        let sign = alarm.sign;
        if let (Some(point), Some(depth)) = (self.latest(), self.depth(sign, time, 5)) {
            alarm.deepen(point, depth, true);
        }
        let mildest = measure.rules.iter().map(|rule| rule.depth).fold(1.0, f64::min);
        let close = (measure.parameters.close_share * mildest * alarm.basis.caution())
            .max(2.0 * self.usual())
            .min(alarm.depth / 2.0);
        let minutes = measure.parameters.close_minutes;
        // What is looked at must lie behind the onset: a fall that was certain within a minute or two is mild
        // on the mean of the minutes before it.
        let begun = time - alarm.onset >= 60 * i64::from(minutes);
        let over = begun && self.depth(sign, time, minutes).is_some_and(|depth| depth < close);
        let accept = i64::from(measure.parameters.accept_hours) * 3600;
        if over {
            let end = self.came_back(sign, close, time - 60 * i64::from(minutes), alarm.trough);
            alarm.ended = Some((end, End::Recovered));
            alarm.half_recovered.get_or_insert(end);
            alarm.recovered.get_or_insert(end);
        } else if time - alarm.onset >= accept {
            alarm.ended = Some((time, End::Accepted));
            self.accept();
        }
        let ended = alarm.ended.is_some();
        self.alarm = Some(alarm);
        ended
    }

    /// What was measured becomes the past, for as far back as minutes are held: the new level.
    fn accept(&mut self) {
        let Some(first) = self.recent.front().map(|point| History::bin(point.time)) else { return };
        for bin in first + 1..self.open.bin {
            let inside = self.recent.iter().filter(|point| History::bin(point.time) == bin);
            if let Some(measured) = mean(inside.map(|point| point.octets)) {
                self.history.set(bin, Some(measured));
            }
        }
        self.level = None;
    }

    /// The first minute after the trough whose depth was below this; at the earliest `from`.
    fn came_back(&self, sign: Sign, close: f64, from: i64, trough: i64) -> i64 {
        let after = self.recent.iter().filter(|point| point.time > from && point.time > trough);
        let below = |point: &&Point| point.residual().is_some_and(|r| sign.depth(r) < close);
        let mut after = after.skip_while(|point| !below(point));
        after.next().map_or(from, |point| point.time)
    }
}

impl Alarm {
    /// Another minute of it, with the mean depth of the last five. `whole`: they are five.
    fn deepen(&mut self, point: &Point, depth: f64, whole: bool) {
        if let Some(expected) = point.expected {
            self.octets += self.sign.depth(point.octets - expected);
        }
        if whole && depth > self.depth {
            self.depth = depth;
            self.trough = point.time;
            self.half_recovered = None;
            self.recovered = None;
        }
        if depth <= self.depth / 2.0 {
            self.half_recovered.get_or_insert(point.time);
        }
        if depth <= self.depth / 10.0 {
            self.recovered.get_or_insert(point.time);
        }
    }
}

/// Bins are whole minutes.
const _: () = assert!(BIN_SECS % 60 == 0);
