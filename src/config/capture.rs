//! `[capture]` and `[[interface]]`: how packets are captured, everywhere and on one interface.

use super::section::{Located, Section};
use super::units::Octets;

const DEFAULT_RING: u32 = 64 << 20;
/// The kernel's own bound on the sockets of a group is 256; no interface needs so many.
const MAX_WORKERS: u64 = 64;

/// How to capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Capture {
    pub(crate) snap_octets: u32,
    /// Of each worker.
    pub(crate) ring_octets: u32,
    pub(crate) promiscuous: bool,
    pub(crate) workers: u8,
    /// The core of each worker; empty where the system chooses.
    pub(crate) cores: Vec<u16>,
}

/// An interface, and how it is captured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) capture: Capture,
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            snap_octets: 65_535,
            ring_octets: DEFAULT_RING,
            promiscuous: true,
            workers: 1,
            cores: Vec::new(),
        }
    }
}

/// Reads what both sections have; what is not given is as in `base`.
pub(super) fn read(section: &mut Section<'_, '_, '_, '_>, base: &Capture) -> Capture {
    let snap = section.integer("snap_octets", (128, 262_144));
    let ring_octets = match section.parsed::<Octets>("ring") {
        None => base.ring_octets,
        Some(Located { at, value: Octets(octets) }) => {
            let fits = i32::try_from(octets).is_ok() && octets >= 1 << 20;
            if !fits {
                section.problem(at, "`ring` must be from 1MiB to 2047MiB");
            }
            u32::try_from(octets).unwrap_or(DEFAULT_RING)
        }
    };
    let workers = section.integer("workers", (1, MAX_WORKERS));
    Capture {
        snap_octets: snap.map_or(base.snap_octets, |snap| snap.value as u32),
        ring_octets,
        promiscuous: section.boolean("promiscuous", base.promiscuous),
        workers: workers.map_or(base.workers, |workers| workers.value as u8),
        cores: Vec::new(),
    }
}

/// Reads an `[[interface]]`; its name by its place.
pub(super) fn interface(
    section: &mut Section<'_, '_, '_, '_>,
    base: &Capture,
) -> Option<Located<Interface>> {
    let name = section.string("name");
    let states_workers = section.raw("workers").is_some();
    let mut capture = read(section, base);
    let cores = section.integers("cores", (0, 1023));
    if let Some(Located { at, .. }) = cores.first() {
        let workers = usize::from(capture.workers);
        if !states_workers {
            capture.workers = u8::try_from(cores.len()).unwrap_or(u8::MAX);
        }
        if states_workers && cores.len() != workers || cores.len() as u64 > MAX_WORKERS {
            let problem = format!("`cores` names {} for {workers} workers: one each", cores.len());
            section.problem(*at, problem);
        }
    }
    capture.cores = cores.iter().filter_map(|core| u16::try_from(core.value).ok()).collect();
    match name {
        Some(Located { at, value }) => {
            Some(Located { at, value: Interface { name: value, capture } })
        }
        None => {
            section.problem(section.at, "an [[interface]] has no `name`");
            None
        }
    }
}

/// The interfaces that links are captured on, each as its own section says, or as all are.
pub(super) fn merge(
    names: Vec<String>,
    own: Vec<Located<Interface>>,
    base: &Capture,
    top: &mut Section<'_, '_, '_, '_>,
) -> Vec<Interface> {
    for (place, Located { at, value }) in own.iter().enumerate() {
        let name = &value.name;
        if own.iter().take(place).any(|other| other.value.name == *name) {
            top.problem(*at, format!("a second [[interface]] is called \"{name}\""));
        }
        if !names.contains(name) {
            top.problem(*at, format!("no [[link]] is captured on interface \"{name}\""));
        }
    }
    let of = |name: String| {
        let own = own.iter().find(|own| own.value.name == name);
        let capture = own.map_or_else(|| base.clone(), |own| own.value.capture.clone());
        Interface { name, capture }
    };
    names.into_iter().map(of).collect()
}
