//! A timer wheel over slab indices: each flow is in the list of the second in which it is next looked at.

/// No index, and in no list.
const NIL: u32 = u32::MAX;
/// Slots of one second. Longer timeouts are looked at once a turn and put back.
const SLOTS: usize = 1024;
/// From here on, `previous` is no flow but the slot of which this flow is the first.
const HEAD: u32 = u32::MAX - SLOTS as u32;

/// A flow's place in its slot's list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    previous: u32,
    next: u32,
}

impl Default for Links {
    fn default() -> Self {
        Self { previous: NIL, next: NIL }
    }
}

/// The heads of the slots' lists, and the second up to which time has passed.
#[derive(Debug)]
pub(super) struct Wheel {
    heads: Vec<u32>,
    second: u64,
}

/// Where the wheel finds the links of an index; `None` for an index that holds nothing.
pub(super) trait Linked {
    fn links(&mut self, index: u32) -> Option<&mut Links>;
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self { heads: vec![NIL; SLOTS], second: 0 }
    }

    /// Puts an index into the list of a second that is still to come.
    pub(super) fn insert(&mut self, flows: &mut impl Linked, index: u32, second: u64) {
        let second = second.max(self.second + 1);
        // What lies beyond one turn is looked at after it.
        let slot = (second.min(self.second + SLOTS as u64 - 1) % SLOTS as u64) as u32;
        let Some(head) = self.heads.get_mut(slot as usize) else { return };
        let next = std::mem::replace(head, index);
        if let Some(links) = flows.links(index) {
            *links = Links { previous: HEAD + slot, next };
        }
        if let Some(links) = flows.links(next) {
            links.previous = index;
        }
    }

    /// Takes an index out of its list.
    pub(super) fn remove(&mut self, flows: &mut impl Linked, index: u32) {
        let Some(links) = flows.links(index) else { return };
        let Links { previous, next } = std::mem::take(links);
        match previous {
            NIL => return,
            HEAD.. => {
                if let Some(head) = self.heads.get_mut((previous - HEAD) as usize) {
                    *head = next;
                }
            }
            before => {
                if let Some(links) = flows.links(before) {
                    links.next = next;
                }
            }
        }
        if let Some(links) = flows.links(next) {
            links.previous = previous;
        }
    }

    /// One second further; the first index of that second's list, if any. The caller takes indices
    /// out of the list until [`Wheel::due`] has none left.
    pub(super) fn turn(&mut self, to: u64) -> bool {
        if self.second >= to {
            return false;
        }
        // After a gap of more than a turn, one turn looks at everything.
        self.second = (self.second + 1).max(to.saturating_sub(SLOTS as u64 - 1));
        true
    }

    /// The first index of the present second's list.
    pub(super) fn due(&self) -> Option<u32> {
        let slot = (self.second % SLOTS as u64) as usize;
        self.heads.get(slot).copied().filter(|index| *index != NIL)
    }
}
