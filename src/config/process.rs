//! `[process]`: as whom the program works once it has opened what it needs.

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use super::section::{Located, Section};

/// What the process is after its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// As whom it works; none if nothing is said.
    pub(crate) account: Option<Account>,
    /// Whether the kernel is asked to refuse what the program never does.
    pub(crate) sandbox: bool,
}

impl Default for Process {
    fn default() -> Self {
        Self { account: None, sandbox: true }
    }
}

/// A user of this machine, with its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// As it was configured: a name or a number.
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// All its groups, the first one among them.
    pub(crate) groups: Vec<u32>,
}

/// Reads the section. It comes before all others: they ask whose groups may read secrets.
pub(super) fn read(section: &mut Section<'_, '_, '_, '_>) -> Process {
    let user = section.string("user");
    let group = section.string("group");
    let sandbox = section.boolean("sandbox", true);
    let account = match (user, group) {
        (Some(user), group) => account(section, user, group),
        (None, Some(group)) => {
            section.problem(group.at, "`group` is for a `user`: give that too");
            None
        }
        (None, None) => None,
    };
    Process { account, sandbox }
}

fn account(
    section: &mut Section<'_, '_, '_, '_>,
    Located { at, value: name }: Located<String>,
    group: Option<Located<String>>,
) -> Option<Account> {
    let user = match known(&name, |uid| User::from_uid(Uid::from_raw(uid)), User::from_name) {
        Ok(user) => user,
        Err(reason) => {
            let make = "useradd --system --no-create-home --shell /usr/sbin/nologin";
            let problem =
                format!("`user`: no user \"{name}\" ({reason}): `{make} {name}` makes one");
            section.problem(at, problem);
            return None;
        }
    };
    // A number that no user of this machine has is one of a container, say, and its own group.
    let uid = user.as_ref().map_or_else(|| name.parse().ok(), |user| Some(user.uid.as_raw()))?;
    let own = user.as_ref().map_or(uid, |user| user.gid.as_raw());
    let gid = match group {
        Some(group) => gid(section, &group)?,
        None => own,
    };
    if uid == 0 || gid == 0 {
        section.problem(at, "the process would stay root: give a user and a group of its own");
        return None;
    }
    let listed = user.and_then(|user| std::ffi::CString::new(user.name).ok());
    let listed = listed.and_then(|name| getgrouplist(&name, Gid::from_raw(gid)).ok());
    let mut groups: Vec<_> =
        listed.unwrap_or_default().into_iter().map(Gid::as_raw).filter(|gid| *gid != 0).collect();
    if !groups.contains(&gid) {
        groups.push(gid);
    }
    Some(Account { name, uid, gid, groups })
}

fn gid(section: &mut Section<'_, '_, '_, '_>, group: &Located<String>) -> Option<u32> {
    let Located { at, value: name } = group;
    match known(name, |gid| Group::from_gid(Gid::from_raw(gid)), Group::from_name) {
        Ok(Some(group)) => Some(group.gid.as_raw()),
        Ok(None) => name.parse().ok(),
        Err(reason) => {
            let problem =
                format!("`group`: no group \"{name}\" ({reason}): `groupadd --system {name}`");
            section.problem(*at, problem);
            None
        }
    }
}

/// Who is meant by a name, or by a number, which nobody needs to have.
fn known<T>(
    name: &str,
    by_number: impl Fn(u32) -> nix::Result<Option<T>>,
    by_name: impl Fn(&str) -> nix::Result<Option<T>>,
) -> Result<Option<T>, String> {
    if let Ok(number) = name.parse() {
        // Who has it is of use, but not needed.
        return Ok(by_number(number).ok().flatten());
    }
    match by_name(name) {
        Ok(Some(found)) => Ok(Some(found)),
        Ok(None) => Err("this machine has none of that name".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
