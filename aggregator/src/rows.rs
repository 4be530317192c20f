//! What is counted under each class, without a hash a packet: a class has a number for as long as
//! the worker lives, and an interval's row is found by it.

use etiage_capture::{Direction, LinkIndex};
use etiage_classifier::{Class, ServiceId};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::interval::Share;
use crate::live::Counted;

/// Rows of one interval. What would be one more is counted without its service, of which there are
/// few enough; a link rarely sees a thousand classes in ten seconds.
const MAX_ROWS: usize = 100_000;
/// Classes with a service that get a number; those without are a few hundred at most, and fit above.
const MAX_WITH_SERVICE: usize = 60_000;

/// The number of a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClassId(u16);

/// The classes that were seen, by number.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    list: Vec<Class>,
    ids: HashMap<Class, ClassId, RandomState>,
}

impl Classes {
    /// The number of a class; `hint` may be it, which saves looking.
    #[inline(always)]
    pub(crate) fn id(&mut self, class: Class, hint: ClassId) -> ClassId {
        match self.list.get(usize::from(hint.0)) {
            Some(known) if *known == class => hint,
            _ => self.look_up(class),
        }
    }

    fn look_up(&mut self, mut class: Class) -> ClassId {
        if let Some(id) = self.ids.get(&class) {
            return *id;
        }
        if self.list.len() >= MAX_WITH_SERVICE {
            class.service = ServiceId::NONE;
            if let Some(id) = self.ids.get(&class) {
                return *id;
            }
        }
        let id = ClassId(u16::try_from(self.list.len()).unwrap_or_default());
        self.list.push(class);
        self.ids.insert(class, id);
        id
    }

    fn get(&self, id: ClassId) -> Option<Class> {
        self.list.get(usize::from(id.0)).copied()
    }
}

/// What one class had on one link and way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) link: LinkIndex,
    pub(crate) direction: Direction,
    id: ClassId,
    pub(crate) counted: Counted,
    pub(crate) flows: u64,
}

/// The rows of one interval.
#[derive(Debug)]
pub(crate) struct Rows {
    rows: Vec<Row>,
    /// By class, link and direction: the row's place plus one; 0 for none.
    places: Vec<u32>,
    links: usize,
}

impl Rows {
    pub(crate) const fn new(links: usize) -> Self {
        Self { rows: Vec::new(), places: Vec::new(), links }
    }

    /// Counts under a class.
    #[inline(always)]
    pub(crate) fn count(&mut self, classes: &mut Classes, id: ClassId, share: &Share) {
        let place = self.places.get(self.at(id, share)).copied().unwrap_or(0);
        let row = match self.rows.get_mut((place as usize).wrapping_sub(1)) {
            Some(row) => row,
            None => match self.begin(classes, id, share) {
                Some(row) => row,
                None => return,
            },
        };
        row.counted.octets = row.counted.octets.saturating_add(share.counted.octets);
        row.counted.packets = row.counted.packets.saturating_add(share.counted.packets);
        row.flows = row.flows.saturating_add(share.flows.into());
    }

    #[cold]
    fn begin(&mut self, classes: &mut Classes, id: ClassId, share: &Share) -> Option<&mut Row> {
        let mut id = id;
        if self.rows.len() >= MAX_ROWS {
            let class = Class { service: ServiceId::NONE, ..classes.get(id)? };
            id = classes.id(class, id);
        }
        let at = self.at(id, share);
        if self.places.len() <= at {
            self.places.resize(at + 1, 0);
        }
        let known = self.places.get_mut(at)?;
        if *known == 0 {
            let (link, direction) = (share.link, share.direction);
            self.rows.push(Row { link, direction, id, counted: Counted::default(), flows: 0 });
            *known = self.rows.len() as u32;
        }
        self.rows.get_mut(*known as usize - 1)
    }

    /// All rows, with their classes.
    pub(crate) fn iter(&self, classes: &Classes) -> impl Iterator<Item = (Class, &Row)> {
        self.rows.iter().filter_map(|row| Some((classes.get(row.id)?, row)))
    }

    #[inline(always)]
    fn at(&self, id: ClassId, share: &Share) -> usize {
        (usize::from(id.0) * self.links + usize::from(share.link)) * 2 + share.direction as usize
    }
}

#[cfg(test)]
mod tests {
    use etiage_classifier::Protocol;

    use super::*;

    /// Beyond the bounds of classes and of rows everything is still counted, without its service.
    #[test]
    fn more_classes_than_there_is_room_for_are_counted_without_their_service() {
        let mut classes = Classes::default();
        let mut rows = Rows::new(2);
        let mut put = 0;
        for link in 0..2 {
            for service in 0..u16::MAX {
                let class = Class { service: ServiceId(service), ..Class::of(Protocol::Tls) };
                let id = classes.id(class, ClassId::default());
                let counted = Counted { octets: 10, packets: 1 };
                let share = Share { start: 0, link, direction: Direction::Out, counted, flows: 1 };
                rows.count(&mut classes, id, &share);
                put += 10;
            }
        }
        let total: u64 = rows.iter(&classes).map(|(_, row)| row.counted.octets).sum();
        assert_eq!(total, put);
        assert!(rows.rows.len() <= MAX_ROWS + 2);
        assert!(classes.list.len() <= MAX_WITH_SERVICE + 1);
        let none = |(class, _): &(Class, &Row)| class.service == ServiceId::NONE;
        let without: u64 = rows.iter(&classes).filter(none).map(|(_, row)| row.flows).sum();
        assert!(without > 2 * 5000, "{without}");
    }
}
