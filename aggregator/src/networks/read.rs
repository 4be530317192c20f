//! From files to ranges: MaxMind's database format, and CSV as `@ip-location-db/asn` has it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use maxminddb::{Reader, WithinOptions};
use serde::Deserialize;

use super::{MAX_RANGES, NetworksBuilder};

/// Longest name that is kept, in characters.
const MAX_NAME: usize = 100;

/// Why a file cannot be used. The file's name stands with whoever opened it.
#[derive(Debug, thiserror::Error)]
pub enum NetworksError {
    /// Not MaxMind's format, or damaged.
    #[error("it is no MaxMind database: {0}")]
    NotMmdb(#[source] Box<maxminddb::MaxMindDbError>),
    /// A database of something else.
    #[error(
        "it is a MaxMind database of type {0:?}, which says nothing of autonomous systems: use \
         GeoLite2-ASN or one that has its fields"
    )]
    NotOfNetworks(String),
    /// A record of the database contradicts itself.
    #[error("the database is damaged: {0}")]
    Damaged(#[source] Box<maxminddb::MaxMindDbError>),
    /// A line is not `first,last,number,name`.
    #[error("line {line}: {reason}; a line is: first address,last address,AS number,name")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// The file's last line has no end.
    #[error("it ends within a line: it was cut off, get it again")]
    CutOff,
    /// There is nothing in it.
    #[error("there is no network in it")]
    Empty,
    /// More ranges than there can be.
    #[error("it has more than {MAX_RANGES} ranges")]
    TooLarge,
}

/// A prefix of the configuration: `192.0.2.0/24 AS64500 Example Net`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPrefix {
    /// Which addresses.
    pub prefix: IpNet,
    /// Whose.
    pub asn: u32,
    /// Under which name.
    pub name: Option<String>,
}

/// A text that is no [`NetworkPrefix`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a prefix, its AS number and, if you like, a name: 192.0.2.0/24 AS64500 Example Net")]
pub struct PrefixError;

impl FromStr for NetworkPrefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (prefix, rest) = text.trim().split_once(' ').ok_or(PrefixError)?;
        let rest = rest.trim();
        let (number, name) = rest.split_once(' ').unwrap_or((rest, ""));
        let prefix: IpNet = prefix.parse().map_err(|_| PrefixError)?;
        if prefix.network() != prefix.addr() {
            return Err(PrefixError); // 192.0.2.1/24: which is meant?
        }
        let asn = asn(number).ok_or(PrefixError)?;
        let name = name.trim();
        let name = (!name.is_empty()).then(|| cut(name));
        Ok(Self { prefix, asn, name })
    }
}

/// A number as 64500 or AS64500; not 0 and not the last one, which are reserved (RFC 7607, RFC 7300).
fn asn(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("AS").unwrap_or(text);
    digits.parse().ok().filter(|asn| (1..u32::MAX).contains(asn))
}

fn cut(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).take(MAX_NAME).collect()
}

/// What is read of a record.
#[derive(Deserialize)]
struct MmdbEntry<'a> {
    autonomous_system_number: Option<u32>,
    #[serde(borrow)]
    autonomous_system_organization: Option<&'a str>,
}

impl NetworksBuilder {
    /// Adds a database in MaxMind's format, with its fields of autonomous systems.
    ///
    /// # Errors
    /// What is wrong with it; then nothing was added.
    pub fn mmdb(&mut self, file: &[u8]) -> Result<(), NetworksError> {
        let reader =
            Reader::from_source(file).map_err(|error| NetworksError::NotMmdb(Box::new(error)))?;
        let damaged = |error| NetworksError::Damaged(Box::new(error));
        let mut added = Self::default();
        for found in reader.networks(WithinOptions::default()).map_err(damaged)? {
            let found = found.map_err(damaged)?;
            let record = found.decode::<MmdbEntry<'_>>().map_err(damaged)?;
            let Some(number) = record.as_ref().and_then(|record| record.autonomous_system_number)
            else {
                continue;
            };
            let network = found.network().map_err(damaged)?;
            let (first, last) = plain(network.network(), network.broadcast());
            added.add(first, last, number)?;
            if let Some(name) = record.and_then(|record| record.autonomous_system_organization) {
                added.name(number, name);
            }
        }
        if added.len() == 0 {
            return Err(NetworksError::NotOfNetworks(reader.metadata().database_type.clone()));
        }
        self.take(added)
    }

    /// Adds lines of `first address,last address,AS number,name`.
    ///
    /// # Errors
    /// What is wrong with it; then nothing was added.
    pub fn csv(&mut self, file: &[u8]) -> Result<(), NetworksError> {
        if file.last().is_some_and(|last| *last != b'\n') {
            return Err(NetworksError::CutOff);
        }
        let mut added = Self::default();
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
        let mut record = csv::StringRecord::new();
        loop {
            let line = reader.position().line();
            let wrong = |reason: String| NetworksError::Line { line, reason };
            if !reader.read_record(&mut record).map_err(|error| wrong(error.to_string()))? {
                break;
            }
            let field = |place: usize| record.get(place).unwrap_or_default();
            if record.len() != 4 {
                return Err(wrong(format!("{} fields instead of 4", record.len())));
            }
            let address = |place: usize| {
                let text = field(place);
                text.parse::<IpAddr>().map_err(|_| wrong(format!("{text:?} is no address")))
            };
            let (first, last) = (address(0)?, address(1)?);
            let number = asn(field(2));
            let number = number.ok_or_else(|| wrong(format!("{:?} is no AS number", field(2))))?;
            match added.add(first, last, number) {
                Err(NetworksError::Damaged(_)) | Ok(false) => {
                    return Err(wrong(format!("{first} to {last} is no range")));
                }
                Ok(true) => added.name(number, field(3)),
                Err(error) => return Err(error),
            }
        }
        if added.len() == 0 {
            return Err(NetworksError::Empty);
        }
        self.take(added)
    }

    fn add(&mut self, first: IpAddr, last: IpAddr, number: u32) -> Result<bool, NetworksError> {
        if self.len() >= MAX_RANGES {
            return Err(NetworksError::TooLarge);
        }
        Ok(self.files.push(first, last, number))
    }

    fn name(&mut self, number: u32, name: &str) {
        if !name.is_empty() {
            self.names.entry(number).or_insert_with(|| cut(name).into());
        }
    }

    fn take(&mut self, added: Self) -> Result<(), NetworksError> {
        if self.len() + added.len() > MAX_RANGES {
            return Err(NetworksError::TooLarge);
        }
        self.files.v4.extend(added.files.v4);
        self.files.v6.extend(added.files.v6);
        let names: HashMap<u32, Arc<str>> = added.names;
        for (number, name) in names {
            self.names.entry(number).or_insert(name);
        }
        Ok(())
    }
}

/// A database of IPv6 keeps IPv4 below ::/96.
fn plain(first: IpAddr, last: IpAddr) -> (IpAddr, IpAddr) {
    let low = |address: IpAddr| match address {
        IpAddr::V6(address) if u128::from(address) >> 32 == 0 => {
            let [.., a, b, c, d] = address.octets();
            Some(IpAddr::from([a, b, c, d]))
        }
        _ => None,
    };
    low(first).zip(low(last)).unwrap_or((first, last))
}
