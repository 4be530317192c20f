//! What happens on top of ordinary days.

/// Where a rate is: everything an effect may depend on but the time.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The link's place in [`crate::World::links`].
    pub link: usize,
    /// The link's name.
    pub link_name: &'a str,
    /// The category's name.
    pub category: &'a str,
    /// The protocol's name.
    pub protocol: &'a str,
    /// The service's name.
    pub service: &'a str,
}

/// Shutdowns, outages, shifts, holidays, crowds: anything that multiplies rates. All methods are asked for
/// every bin, so they must be quick, and give the same answer to the same question.
pub trait Effects {
    /// What the rate at a place is multiplied with, both ways, in the bin that begins then (seconds since the
    /// Unix epoch). Not negative; 1 changes nothing.
    fn factor(&self, _at: u32, _place: &Place<'_>) -> f64 {
        1.0
    }

    /// Whether the probe watches the link then. What is not watched has neither rows nor an observation.
    fn watched(&self, _at: u32, _link: usize) -> bool {
        true
    }

    /// How many seconds the link's people live ahead of UTC then: daylight saving.
    fn clock_ahead(&self, _at: u32, _link: usize) -> i32 {
        0
    }
}

/// Ordinary days only.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Effects for Nothing {}
