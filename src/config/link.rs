//! A `[[link]]` of the configuration.

use std::sync::Arc;

use etiage_capture::{Direction, InterfaceIndex, LinkRule, MacAddress};
use etiage_planner::{BilledBy, Money, Tariff};
use ipnet::IpNet;
use time::UtcOffset;

use super::Name;
use super::section::{Located, Section};
use super::units::BitRate;

/// What a link is, as the contract with the neighbour says.
const KINDS: [&str; 6] = ["transit", "pni", "ix", "cache", "customer", "backbone"];

/// A configured link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) name: Arc<str>,
    pub(crate) kind: &'static str,
    /// bit/s each way.
    pub(crate) capacity_bps: Option<u64>,
    pub(crate) neighbour_asn: Option<u32>,
    /// The most that was agreed to go out, as a multiple of what comes in.
    pub(crate) ratio_policy: Option<Ratio>,
    pub(crate) description: String,
    /// What its contract says, where it is billed.
    pub(crate) tariff: Option<Tariff>,
    /// By whose clock its months begin.
    pub(crate) billing_offset: UtcOffset,
    pub(crate) rule: LinkRule,
    /// Where in the file it stands.
    pub(super) at: usize,
}

impl Link {
    /// A link that takes every packet.
    pub(crate) fn everything(name: &str) -> Self {
        Self {
            name: name.into(),
            kind: "transit",
            capacity_bps: None,
            neighbour_asn: None,
            ratio_policy: None,
            description: String::new(),
            tariff: None,
            billing_offset: UtcOffset::UTC,
            rule: LinkRule::default(),
            at: 0,
        }
    }
}

/// Reads a link; its interfaces are added to those that are captured on.
pub(super) fn read(
    section: &mut Section<'_, '_, '_, '_>,
    interfaces: &mut Vec<String>,
) -> Option<Link> {
    let name = section.parsed::<Name>("name");
    if section.raw("name").is_none() {
        section.problem(section.at, "a link has no `name`");
    }
    let kind = kind(section);
    let capacity = section.parsed::<BitRate>("capacity");
    let asn = section.integer("neighbour_asn", (1, u32::MAX.into()));
    let ratio_policy = section.parsed::<Ratio>("ratio_policy");
    let description = section.string("description");
    let tariff = tariff(section);
    let billing_offset = section.parsed::<Offset>("billing_offset");
    let vlan = section.integer("vlan", (1, 4094));
    let neighbour_macs = section.list::<MacAddress>("neighbour_mac");
    let prefixes = section.list::<IpNet>("prefixes");
    let mut captured = Vec::new();
    for (key, direction) in [
        ("interface", None),
        ("interface_in", Some(Direction::In)),
        ("interface_out", Some(Direction::Out)),
    ] {
        for Located { at, value } in section.list::<String>(key) {
            if value.is_empty() || value.len() > 15 && value != "any" {
                section.problem(at, format!("`{key}`: \"{value}\" is not an interface's name"));
                continue;
            }
            captured.push((index(interfaces, value), direction));
        }
    }
    if captured.is_empty() {
        section.problem(section.at, "a link has no `interface`: where is it captured?");
    }
    Some(Link {
        name: name?.value.0,
        kind,
        capacity_bps: capacity.map(|capacity| capacity.value.0),
        neighbour_asn: asn.and_then(|asn| u32::try_from(asn.value).ok()),
        ratio_policy: ratio_policy.map(|ratio| ratio.value),
        description: description.map(|text| text.value).unwrap_or_default(),
        tariff,
        billing_offset: billing_offset.map_or(UtcOffset::UTC, |offset| offset.value.0),
        rule: LinkRule {
            interfaces: captured,
            vlan: vlan.and_then(|vlan| u16::try_from(vlan.value).ok()),
            neighbour_macs: neighbour_macs.into_iter().map(|mac| mac.value).collect(),
            prefixes: prefixes.into_iter().map(|prefix| prefix.value).collect(),
        },
        at: section.at,
    })
}

/// What the link's month costs: by the megabit, with a commit and a price of its own above it.
fn tariff(section: &mut Section<'_, '_, '_, '_>) -> Option<Tariff> {
    let price = section.parsed::<Money>("price");
    let commit = section.parsed::<BitRate>("commit");
    let burst = section.parsed::<Money>("burst_price");
    let billed_by = section.parsed::<BilledBy>("billed_by");
    if section.raw("price").is_none() {
        let others = [
            ("commit", commit.as_ref().map(|commit| commit.at)),
            ("burst_price", burst.as_ref().map(|burst| burst.at)),
            ("billed_by", billed_by.as_ref().map(|billed_by| billed_by.at)),
        ];
        for (key, at) in others {
            if let Some(at) = at {
                section.problem(at, format!("`{key}` says nothing without a `price`"));
            }
        }
    }
    let price = price?;
    if let Some(burst) = &burst
        && burst.value.currency() != price.value.currency()
    {
        section.problem(burst.at, "`burst_price` is in another currency than `price`");
    }
    Some(Tariff {
        price: price.value,
        commit_bps: commit.map_or(0, |commit| commit.value.0),
        burst_price: burst.map(|burst| burst.value),
        billed_by: billed_by.map(|billed_by| billed_by.value).unwrap_or_default(),
    })
}

/// Out to in, as peering policies write it: `2:1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ratio {
    out: u16,
    into: u16,
}

impl Ratio {
    /// What goes out for each octet that comes in.
    pub(crate) fn value(self) -> f64 {
        f64::from(self.out) / f64::from(self.into)
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.out, self.into)
    }
}

impl std::str::FromStr for Ratio {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write the agreed out:in, both from 1 to 1000: 2:1";
        let (out, into) = text.split_once(':').ok_or(FORM)?;
        let number = |text: &str| text.trim().parse().map_err(|_| FORM);
        let (out, into) = (number(out)?, number(into)?);
        if [out, into].iter().all(|part| (1..=1000).contains(part)) {
            Ok(Self { out, into })
        } else {
            Err(FORM)
        }
    }
}

/// How far a clock is ahead of UTC, as `+01:00`.
struct Offset(UtcOffset);

impl std::str::FromStr for Offset {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write how far the contract's clock is ahead of UTC: +01:00";
        let (sign, rest) = text.split_at_checked(1).ok_or(FORM)?;
        let sign = match sign {
            "+" => 1,
            "-" => -1,
            _ => return Err(FORM),
        };
        let number = |text: &str| {
            let two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            two.then(|| text.parse::<i8>().ok()).flatten().ok_or(FORM)
        };
        let (hours, minutes) = rest.split_once(':').ok_or(FORM)?;
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        // Whole bins of five minutes fit into every such month.
        if hours > 14 || minutes > 59 || minutes % 5 != 0 {
            return Err(FORM);
        }
        UtcOffset::from_hms(sign * hours, sign * minutes, 0).map(Self).map_err(|_| FORM)
    }
}

fn kind(section: &mut Section<'_, '_, '_, '_>) -> &'static str {
    let Some(Located { at, value }) = section.string("kind") else { return "transit" };
    match KINDS.into_iter().find(|kind| *kind == value) {
        Some(kind) => kind,
        None => {
            section.problem(at, format!("`kind` is \"{value}\", not one of {}", KINDS.join(", ")));
            "transit"
        }
    }
}

/// The place of an interface among those captured on, each of which is captured once.
fn index(interfaces: &mut Vec<String>, name: String) -> InterfaceIndex {
    let place = interfaces.iter().position(|known| *known == name).unwrap_or_else(|| {
        interfaces.push(name);
        interfaces.len() - 1
    });
    place as InterfaceIndex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_out_to_in() {
        let ratio: Ratio = "5:2".parse().unwrap();
        assert_eq!((ratio.value(), ratio.to_string()), (2.5, "5:2".to_owned()));
        for bad in ["", "2", "0:1", "1:0", "1001:1", "2:1:1", "-2:1", "x:1"] {
            assert!(bad.parse::<Ratio>().is_err(), "{bad}");
        }
    }
}
