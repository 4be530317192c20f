//! What taught names, by small numbers: few resolvers teach the names of many flows.

use etiage_classifier::Teacher;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Teachers that are told apart; of what others taught it is not remembered who they were.
const MAX_TEACHERS: usize = 4096;

/// A teacher, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TeacherId(u16);

#[derive(Debug, Default)]
pub(crate) struct Teachers {
    known: Vec<Teacher>,
    ids: HashMap<Teacher, TeacherId, RandomState>,
}

impl Teachers {
    pub(crate) fn id(&mut self, teacher: Teacher) -> TeacherId {
        if let Some(id) = self.ids.get(&teacher) {
            return *id;
        }
        if self.known.len() >= MAX_TEACHERS {
            return TeacherId::default();
        }
        self.known.push(teacher);
        let id = TeacherId(u16::try_from(self.known.len()).unwrap_or_default());
        self.ids.insert(teacher, id);
        id
    }

    pub(crate) fn get(&self, id: TeacherId) -> Option<Teacher> {
        self.known.get(usize::from(id.0).checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use etiage_classifier::Trust;

    use super::*;

    #[test]
    fn each_has_a_number_and_there_are_so_many_and_no_more() {
        let teacher = |number: u32| Teacher {
            resolver: Ipv4Addr::from_bits(number).into(),
            trust: Trust::Asked,
        };
        let mut teachers = Teachers::default();
        assert_eq!(teachers.get(TeacherId::default()), None);
        for number in 0..2 * MAX_TEACHERS as u32 {
            let id = teachers.id(teacher(number));
            let known = (number as usize) < MAX_TEACHERS;
            assert_eq!(teachers.get(id), known.then(|| teacher(number)));
        }
        let id = teachers.id(teacher(7));
        assert_eq!(teachers.get(id), Some(teacher(7)));
    }
}
