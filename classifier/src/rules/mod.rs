//! Services: whose a host name is, and what it is for.
//!
//! The rules are a list of host suffixes, read from a TOML file ([`Rules::builtin`]) that a user's
//! own file extends ([`Rules::with_file`]); `docs/services.md` describes its form. A name belongs to
//! the service with the longest suffix that ends it on a label boundary.

mod file;
mod suffix;
#[cfg(test)]
mod tests;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::class::Category;
use crate::problems::FileError;
use crate::problems::Problems;
use crate::service_id::ServiceId;
use file::{Entry, Located};

/// Names that stand for the absence of a service in output and database.
const RESERVED: [&str; 3] = ["none", "unattributed", "other"];

/// A service: who is behind a set of host names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its place in the rules; never [`ServiceId::NONE`].
    pub id: ServiceId,
    /// Its name: lower-case letters, digits and hyphens.
    pub name: Box<str>,
    /// What its traffic is for.
    pub category: Category,
    /// The host suffixes that are its own, in lower case, without a leading dot.
    pub suffixes: Vec<Box<str>>,
    /// When it was shut, as far as known: a year, a month or a day ("2012", "2012-01", "2012-01-19").
    pub defunct: Option<Box<str>>,
}

/// The service rules. [`Rules::default`] knows no service at all.
#[derive(Debug, Default)]
pub struct Rules {
    /// In the order of their ids: the first has id 1.
    services: Vec<Service>,
    names: HashMap<Box<str>, ServiceId, RandomState>,
    suffixes: HashMap<Box<[u8]>, ServiceId, RandomState>,
    /// The most labels that any suffix has: a look-up goes no deeper.
    deepest: usize,
}

impl Rules {
    /// The rules that come with the program.
    ///
    /// # Errors
    /// Where that file has an error; the tests prove that it has none.
    pub fn builtin() -> Result<Self, FileError> {
        Self::default().with_file(include_str!("../../services.toml"), "services.toml")
    }

    /// These rules, extended or overridden by the rules file `text`; messages call it `path`.
    ///
    /// A service that is known already gets the file's suffixes added. A suffix that is known already
    /// moves to the file's service.
    ///
    /// # Errors
    /// With every error of the file at once, each with its line and column.
    pub fn with_file(mut self, text: &str, path: &str) -> Result<Self, FileError> {
        let mut problems = Problems::new(path, text);
        let entries = file::read(text, &mut problems);
        self.merge(&entries, &mut problems);
        problems.into_result()?;
        Ok(self)
    }

    /// The service of a host name, by its longest known suffix.
    ///
    /// Case does not matter, nor does one trailing dot. Text that is no host name is simply not found.
    pub fn lookup(&self, host: &str) -> Option<ServiceId> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let mut lower = [0; suffix::MAX_OCTETS];
        let lower = lower.get_mut(..host.len())?;
        lower.copy_from_slice(host.as_bytes());
        lower.make_ascii_lowercase();

        // From the last label leftwards, so that the last hit is the longest suffix. `deepest` bounds
        // the work for names of a hundred labels.
        let mut found = None;
        let mut end = lower.len();
        for _ in 0..self.deepest {
            let dot = lower.iter().take(end).rposition(|octet| *octet == b'.');
            let suffix = lower.get(dot.map_or(0, |dot| dot + 1)..).unwrap_or_default();
            found = self.suffixes.get(suffix).copied().or(found);
            let Some(dot) = dot else { break };
            end = dot;
        }
        found
    }

    /// The category of a service; `None` for [`ServiceId::NONE`] and [`ServiceId::UNATTRIBUTED`].
    pub fn category(&self, service: ServiceId) -> Option<Category> {
        self.service(service).map(|service| service.category)
    }

    /// The name of a service; `"none"` for [`ServiceId::NONE`], `"unattributed"` for
    /// [`ServiceId::UNATTRIBUTED`].
    pub fn name(&self, service: ServiceId) -> &str {
        match self.service(service) {
            Some(service) => &service.name,
            None if service == ServiceId::UNATTRIBUTED => "unattributed",
            None => "none",
        }
    }

    /// The service with this id; `None` for the reserved ids and for ids of other rules.
    pub fn service(&self, id: ServiceId) -> Option<&Service> {
        self.services.get(usize::from(id.0).checked_sub(1)?)
    }

    /// The id of the service with this name.
    pub fn id(&self, name: &str) -> Option<ServiceId> {
        self.names.get(name).copied()
    }

    /// Every service, in the order of ids: the built-in ones first, as their file has them.
    pub fn services(&self) -> impl ExactSizeIterator<Item = &Service> {
        self.services.iter()
    }

    /// How many services there are.
    pub fn len(&self) -> usize {
        self.services.len()
    }

    /// Whether no service is known.
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    fn merge(&mut self, entries: &[Entry], problems: &mut Problems<'_>) {
        let mut names_here = HashMap::<&str, usize, RandomState>::default();
        let mut suffixes_here = HashMap::<&str, usize, RandomState>::default();
        for entry in entries {
            let name = &entry.name;
            if let Some(before) = names_here.insert(&name.value, name.at) {
                let line = problems.line(before);
                problems.add(
                    name.at,
                    format!(
                        "service `{}` is given twice, first in line {line}: join them",
                        name.value
                    ),
                );
                continue;
            }
            let Some(id) = self.declare(entry, problems) else { continue };
            for suffix in &entry.suffixes {
                match suffixes_here.insert(&suffix.value, suffix.at) {
                    Some(before) => {
                        let line = problems.line(before);
                        problems.add(
                            suffix.at,
                            format!(
                                "suffix `{}` is given twice, first in line {line}",
                                suffix.value
                            ),
                        );
                    }
                    None => self.give(&suffix.value, id),
                }
            }
        }
        // Only now is it known which suffix is the longest.
        for (entry, example) in entries.iter().flat_map(|e| e.examples.iter().map(move |x| (e, x)))
        {
            self.check_example(&entry.name.value, example, problems);
        }
    }

    /// Finds or creates the entry's service; `None` after adding to `problems`.
    fn declare(&mut self, entry: &Entry, problems: &mut Problems<'_>) -> Option<ServiceId> {
        let Located { at, value: name } = &entry.name;
        if RESERVED.contains(&name.as_str()) {
            problems.add(*at, format!("`{name}` is reserved: choose another name"));
            return None;
        }
        let category = entry.category.as_ref();
        let known = self.id(name).and_then(|id| self.services.get_mut(usize::from(id.0) - 1));
        if let Some(known) = known {
            if let Some(category) = category.filter(|category| category.value != known.category) {
                problems.add(
                    category.at,
                    format!(
                        "service `{name}` is of category `{}` already: \
                         leave `category` out, or give the service another name",
                        known.category
                    ),
                );
                return None;
            }
            known.defunct = entry.defunct.clone().or(known.defunct.take());
            return Some(known.id);
        }
        let Some(category) = category else {
            if !entry.category_given {
                problems.add(*at, format!("new service `{name}` has no `category`"));
            }
            return None;
        };
        let place = u16::try_from(self.services.len() + 1).unwrap_or(u16::MAX);
        let id = ServiceId(place);
        if id == ServiceId::UNATTRIBUTED {
            let limit = u16::MAX - 1;
            problems.add(*at, format!("service `{name}` is one too many: {limit} is the limit"));
            return None;
        }
        self.services.push(Service {
            id,
            name: name.as_str().into(),
            category: category.value,
            suffixes: Vec::new(),
            defunct: entry.defunct.clone(),
        });
        self.names.insert(name.as_str().into(), id);
        Some(id)
    }

    /// Makes a suffix the service's own, taking it from whoever has it.
    fn give(&mut self, suffix: &str, id: ServiceId) {
        let place = |id: ServiceId| usize::from(id.0).wrapping_sub(1);
        match self.suffixes.insert(suffix.as_bytes().into(), id) {
            Some(before) if before == id => return,
            Some(before) => {
                if let Some(loser) = self.services.get_mut(place(before)) {
                    loser.suffixes.retain(|known| **known != *suffix);
                }
            }
            None => {}
        }
        self.deepest = self.deepest.max(suffix.split('.').count());
        if let Some(owner) = self.services.get_mut(place(id)) {
            owner.suffixes.push(suffix.into());
        }
    }

    fn check_example(&self, name: &str, example: &Located<String>, problems: &mut Problems<'_>) {
        let Some(id) = self.id(name) else { return };
        let found = self.lookup(&example.value);
        if found != Some(id) {
            let found = found.map_or("no service".to_owned(), |f| format!("`{}`", self.name(f)));
            problems.add(
                example.at,
                format!("example `{}` is not of service `{name}` but of {found}", example.value),
            );
        }
    }
}
