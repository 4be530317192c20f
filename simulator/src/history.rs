//! History as batches, bin by bin.

use std::collections::VecDeque;
use std::sync::Arc;

use etiage_aggregator::{Batch, Direction, NetworkVolume, Observation, RoundTrips, Volume};

use crate::catalogue::Category;
use crate::effects::{Effects, Place};
use crate::links::LinkSpec;
use crate::noise::{Memory, Rng};
use crate::world::{ClassShare, LinkModel, World, heavier};

/// A stretch of history in bins of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its first second, a multiple of `step`.
    pub from: u32,
    /// The first second after, a multiple of `step`.
    pub to: u32,
    /// Length of a bin in seconds.
    pub step: u32,
    /// Length of a bin of volumes by network: a multiple of `step`. Where it is longer, they come in batches
    /// of their own.
    pub networks_step: u32,
    /// Whether there are round-trip times.
    pub round_trips: bool,
}

impl Stretch {
    /// How many bins it has.
    pub fn bins(&self) -> u64 {
        u64::from(self.to.saturating_sub(self.from) / self.step.max(1))
    }
}

/// Batches, one a bin, in the order of time.
pub struct History<'w, E> {
    world: &'w World,
    effects: E,
    probe: Arc<str>,
    stretches: VecDeque<Stretch>,
    /// Start of the next bin.
    at: Option<u32>,
    states: Vec<LinkState>,
    /// Made and not yet given.
    ready: VecDeque<Batch>,
}

/// What a link remembers from bin to bin.
struct LinkState {
    rng: Rng,
    link: f64,
    categories: Vec<f64>,
    classes: Vec<f64>,
    /// Volumes by network since the last time they were given, heavier way first.
    networks: Vec<[Counts; 2]>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    octets: u64,
    packets: u64,
    flows: u64,
}

impl World {
    /// The history of some stretches, one after the other, as this probe saw it.
    pub fn history<E: Effects>(
        &self,
        probe: &str,
        stretches: &[Stretch],
        effects: E,
    ) -> History<'_, E> {
        let state = |(index, model): (usize, &LinkModel)| {
            let mut rng = Rng::new(self.settings.seed, &[3, index as u64]);
            LinkState {
                link: rng.normal(),
                categories: model.categories.iter().map(|_| rng.normal()).collect(),
                classes: model.classes.iter().map(|_| rng.normal()).collect(),
                networks: vec![[Counts::default(); 2]; model.networks.len()],
                rng,
            }
        };
        History {
            world: self,
            effects,
            probe: probe.into(),
            stretches: stretches.iter().copied().filter(|stretch| stretch.bins() > 0).collect(),
            at: None,
            states: self.models.iter().enumerate().map(state).collect(),
            ready: VecDeque::new(),
        }
    }
}

impl<E: Effects> Iterator for History<'_, E> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Some(batch);
            }
            let stretch = *self.stretches.front()?;
            let at = self.at.unwrap_or(stretch.from);
            let bin = self.bin(at, &stretch);
            self.ready.push_back(bin);
            let next = at + stretch.step;
            let ended = next >= stretch.to;
            let whole = stretch.networks_step.max(stretch.step);
            if whole > stretch.step && (ended || next.is_multiple_of(whole)) {
                let networks = self.take_networks();
                let start = at - at % whole;
                let probe = self.probe.clone();
                let batch = Batch { probe, start, seconds: whole, networks, ..Batch::default() };
                self.ready.push_back(batch);
            }
            self.at = (!ended).then_some(next);
            if ended {
                self.stretches.pop_front();
            }
        }
    }
}

impl<E: Effects> History<'_, E> {
    fn bin(&mut self, at: u32, stretch: &Stretch) -> Batch {
        let mut batch = Batch {
            probe: self.probe.clone(),
            start: at,
            seconds: stretch.step,
            ..Batch::default()
        };
        let links = self.world.links().iter().zip(&self.world.models).enumerate();
        for ((index, (spec, model)), state) in links.zip(&mut self.states) {
            let moment = Moment {
                at,
                step: stretch.step,
                memory: self.world.settings.noise.memory_of(stretch.step),
                watched: self.effects.watched(at, index),
            };
            let octets = octets(self.world, &self.effects, &moment, (index, spec, model), state);
            if !moment.watched {
                continue;
            }
            let mut sum = Observation { link: spec.name.clone(), ..Observation::default() };
            let mut flows = vec![0; model.categories.len()];
            for (share, octets) in model.classes.iter().zip(octets) {
                let Some(category) = model.categories.get(share.category) else { continue };
                let ways = ways(category.habits, octets, &mut state.rng);
                flows.iter_mut().skip(share.category).take(1).for_each(|flows| {
                    *flows += ways.iter().map(|way| way.flows).sum::<u64>();
                });
                push_class(&mut batch, spec, share, ways, &mut sum);
                split(&mut state.networks, share, ways);
            }
            sum.active_flows = flows.iter().sum::<u64>() * 30 / u64::from(stretch.step.max(1));
            batch.observations.push(sum);
            if stretch.round_trips {
                round_trips(&mut batch, spec, model, &flows);
            }
        }
        if stretch.networks_step <= stretch.step {
            batch.networks = self.take_networks();
        }
        batch
    }

    /// All volumes by network since the last time.
    fn take_networks(&mut self) -> Vec<NetworkVolume> {
        let mut rows = Vec::new();
        let links = self.world.links().iter().zip(&self.world.models);
        for ((spec, model), state) in links.zip(&mut self.states) {
            for ((category, asn), both) in model.networks.iter().zip(&mut state.networks) {
                for (counts, direction) in both.iter_mut().zip(directions(spec)) {
                    let Counts { octets, packets, flows } = std::mem::take(counts);
                    if octets > 0 {
                        let (link, category) = (spec.name.clone(), category.clone());
                        let asn = *asn;
                        rows.push(NetworkVolume {
                            link,
                            direction,
                            category,
                            asn,
                            octets,
                            packets,
                            flows,
                        });
                    }
                }
            }
        }
        rows
    }
}

/// The heavier way first.
fn directions(spec: &LinkSpec) -> [Direction; 2] {
    match heavier(spec.kind) {
        Direction::In => [Direction::In, Direction::Out],
        Direction::Out => [Direction::Out, Direction::In],
    }
}

struct Moment {
    at: u32,
    step: u32,
    memory: Memory,
    watched: bool,
}

/// Octets of each of a link's classes in a bin, the heavier way. Noise goes on where nobody watches.
fn octets<E: Effects>(
    world: &World,
    effects: &E,
    moment: &Moment,
    (index, spec, model): (usize, &LinkSpec, &LinkModel),
    state: &mut LinkState,
) -> Vec<f64> {
    let Moment { at, step, memory, .. } = *moment;
    let noise = &world.settings.noise;
    let white = noise.white_of(step);
    let rng = &mut state.rng;
    let on_link = 1.0 + noise.link * memory.next(&mut state.link, rng);
    // The middle of the bin stands for all of it.
    let ahead = effects.clock_ahead(at, index);
    let mut rates = world.category_rates(at + step / 2, ahead, spec, model);
    for (rate, last) in rates.iter_mut().zip(&mut state.categories) {
        let slow = 1.0 + noise.category * memory.next(last, rng);
        *rate *= on_link * slow * (1.0 + white * rng.normal()) * f64::from(step);
    }
    let octets = model.classes.iter().zip(&mut state.classes).map(|(share, last)| {
        let own = 1.0 + noise.service * memory.next(last, rng);
        let place = Place {
            link: index,
            link_name: &spec.name,
            category: &share.class.category,
            protocol: &share.class.protocol,
            service: &share.class.service,
        };
        let rate = rates.get(share.category).copied().unwrap_or_default();
        (rate * share.share * own * effects.factor(at, &place)).max(0.0)
    });
    let mut octets: Vec<f64> = octets.collect();
    let (sum, most) = (octets.iter().sum::<f64>(), model.most * f64::from(step));
    if sum > most {
        octets.iter_mut().for_each(|octets| *octets *= most / sum);
    }
    octets
}

/// Octets, packets and flows both ways, the heavier first, from the heavier way's octets.
fn ways(habits: &Category, octets: f64, rng: &mut Rng) -> [Counts; 2] {
    let mut octets = octets;
    let mut flows = octets / habits.flow;
    if flows < 1.0 {
        // Less than a flow in a bin: seldom there, and then with a whole flow's octets.
        if rng.unit() >= flows {
            return [Counts::default(); 2];
        }
        octets = habits.flow;
        flows = 1.0;
    }
    let heavy_packets = octets / habits.packet;
    let back = octets * habits.back * (1.0 + 0.02 * rng.normal());
    // One acknowledgement for two packets, and more the more comes back. No frame is shorter than 60
    // octets or longer than 1,514.
    let light_packets =
        (heavy_packets * (0.5 + 0.5 * habits.back)).clamp(back / 1500.0, back / 61.0);
    // Whoever downloads begins the flow; where both ways are alike, either does.
    let begun_far = (habits.back / 2.0).min(0.5);
    let count = |octets: f64, packets: f64, flows: f64| {
        let packets = (packets.round() as u64).max(1);
        let octets = (octets.round() as u64).clamp(packets * 60, packets * 1514);
        Counts { octets, packets, flows: (flows.round() as u64).min(packets) }
    };
    [
        count(octets, heavy_packets, flows * begun_far),
        count(back, light_packets, flows * (1.0 - begun_far)),
    ]
}

fn push_class(
    batch: &mut Batch,
    spec: &LinkSpec,
    share: &ClassShare,
    ways: [Counts; 2],
    sum: &mut Observation,
) {
    for (way, direction) in ways.into_iter().zip(directions(spec)) {
        if way.octets == 0 {
            continue;
        }
        sum.octets += way.octets;
        sum.packets += way.packets;
        batch.volumes.push(Volume {
            link: spec.name.clone(),
            direction,
            protocol: share.class.protocol.clone(),
            service: share.class.service.clone(),
            category: share.class.category.clone(),
            octets: way.octets,
            packets: way.packets,
            flows: way.flows,
        });
    }
}

/// Adds a class's volumes to those of its networks; the last network takes what is left.
fn split(networks: &mut [[Counts; 2]], share: &ClassShare, ways: [Counts; 2]) {
    let mut left = ways;
    let last = share.networks.len().saturating_sub(1);
    for (rank, (place, part)) in share.networks.iter().enumerate() {
        let Some(slot) = networks.get_mut(*place) else { continue };
        for ((sum, whole), left) in slot.iter_mut().zip(&ways).zip(&mut left) {
            let of = |count: u64| (count as f64 * part) as u64;
            let taken = match rank == last {
                true => *left,
                false => Counts {
                    octets: of(whole.octets).min(left.octets),
                    packets: of(whole.packets).min(left.packets),
                    flows: of(whole.flows).min(left.flows),
                },
            };
            sum.octets += taken.octets;
            sum.packets += taken.packets;
            sum.flows += taken.flows;
            left.octets -= taken.octets;
            left.packets -= taken.packets;
            left.flows -= taken.flows;
        }
    }
}

/// Handshakes: most a little quicker than usual, a few much slower.
fn round_trips(batch: &mut Batch, spec: &LinkSpec, model: &LinkModel, flows: &[u64]) {
    const BINS: [(f64, f64); 6] =
        [(0.6, 0.10), (0.85, 0.30), (1.05, 0.30), (1.5, 0.18), (2.4, 0.09), (4.5, 0.03)];
    for (category, flows) in model.categories.iter().zip(flows) {
        let usual = category.habits.round_trip_us;
        if usual <= 0.0 {
            continue;
        }
        let bin = |(times, part): (f64, f64)| {
            (two_digits(usual * times), (*flows as f64 * part).round() as u64)
        };
        let bins: Vec<_> = BINS.into_iter().map(bin).filter(|(_, samples)| *samples > 0).collect();
        if !bins.is_empty() {
            let (link, category) = (spec.name.clone(), category.name.clone());
            batch.round_trips.push(RoundTrips { link, category, bins });
        }
    }
}

/// Rounded to two significant digits.
fn two_digits(value: f64) -> u32 {
    let unit = 10_f64.powf((value.log10() - 1.0).floor()).max(1.0);
    ((value / unit).round() * unit) as u32
}
