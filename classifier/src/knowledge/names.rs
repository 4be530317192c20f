//! Names of addresses, from what resolvers answer.
//!
//! Anybody can send a datagram that looks like an answer. One teaches if its question was seen; where
//! questions take a way that is not captured, what a resolver answers that is known by use counts for less.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etiage_capture::Timestamp;

use super::aged::Aged;
use super::questions::{Asked, Question, Questions};
use super::witnesses::Witnesses;

/// A name outlives its DNS time to live: clients keep connections, and resolvers' caches hide queries.
const NAME_AGE: Duration = Duration::from_secs(3600);
/// A resolver is asked all the time, or it is none.
const RESOLVER_AGE: Duration = Duration::from_secs(6 * 3600);
/// Answers to questions that were seen, to three clients at least, after which an address is a
/// resolver by use.
const USED: u32 = 16;
/// The same in answers alone, where hardly any question is seen at all.
const USED_UNSEEN: u32 = 8;
/// Answers to one network whose questions were not seen, before its questions are taken to go
/// another way; and how many there are then to one whose question was seen.
const ONE_WAY: u32 = 4;
const ONE_WAY_SHARE: u32 = 8;
/// The same of all answers, for a probe that sees no questions.
const BLIND_SHARE: u64 = 16;
/// Answers after which what was counted of all counts half: routes change.
const REMEMBERED: u64 = 4096;

/// A name that was learnt for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LearntName {
    /// The name, in lower case.
    pub host: Arc<str>,
    /// What taught it.
    pub teacher: Teacher,
}

/// What taught a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Teacher {
    /// Who answered.
    pub resolver: IpAddr,
    /// How far that can be trusted.
    pub trust: Trust,
}

/// How far a name can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    /// The client itself asked for it.
    Asked,
    /// Three other clients asked for it, and were given this address.
    Others,
    /// A resolver that is known by use told the client, whose questions take another way.
    OneWay,
}

impl fmt::Display for Teacher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resolver = self.resolver;
        match self.trust {
            Trust::Asked => write!(f, "name: dns, asked of {resolver}"),
            Trust::Others => write!(f, "name: dns, asked of {resolver} by others"),
            Trust::OneWay => write!(f, "name: dns, told by {resolver}, question not seen"),
        }
    }
}

/// A name, and who gave it.
#[derive(Clone, Debug)]
struct Name {
    host: Arc<str>,
    resolver: IpAddr,
    asked: bool,
}

/// The name of an address for those who did not ask for it themselves.
#[derive(Clone, Debug)]
struct Shared {
    name: Name,
    witnesses: Witnesses,
    /// Another name of the address, which takes its place once as many have asked for it.
    next: Option<(Name, Witnesses)>,
}

/// How an address answers.
#[derive(Clone, Copy, Debug, Default)]
struct Resolver {
    asked: u32,
    unseen: u32,
    clients: Witnesses,
}

/// Answers to one network from one resolver.
#[derive(Clone, Copy, Debug, Default)]
struct Sight {
    asked: u32,
    unseen: u32,
}

#[derive(Debug)]
pub(super) struct Names {
    questions: Questions,
    own: Aged<(IpAddr, IpAddr), Name>,
    shared: Aged<IpAddr, Shared>,
    resolvers: Aged<IpAddr, Resolver>,
    sights: Aged<(IpAddr, IpAddr), Sight>,
    /// All answers whose question was seen, and those whose was not.
    asked: AtomicU64,
    unseen: AtomicU64,
}

impl Names {
    pub(super) fn new(max_entries: usize) -> Self {
        Self {
            questions: Questions::new(max_entries / 2),
            own: Aged::new(max_entries, NAME_AGE),
            shared: Aged::new(max_entries, NAME_AGE),
            resolvers: Aged::new(max_entries / 8, RESOLVER_AGE),
            sights: Aged::new(max_entries / 8, RESOLVER_AGE),
            asked: AtomicU64::new(0),
            unseen: AtomicU64::new(0),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.own.len()
    }

    pub(super) fn evicted(&self) -> u64 {
        self.own.evicted()
            + self.shared.evicted()
            + self.resolvers.evicted()
            + self.sights.evicted()
    }

    pub(super) fn ask(&self, now: Timestamp, question: &Question<'_>) {
        self.questions.ask(now, question);
    }

    /// Takes an answer, which names these addresses so.
    pub(super) fn answer(
        &self,
        now: Timestamp,
        question: &Question<'_>,
        host: Option<&str>,
        addresses: &[IpAddr],
    ) {
        let (client, resolver) = (question.client.ip(), question.resolver.ip());
        let asked = match self.questions.answer(now, question) {
            Asked::Yes => true,
            Asked::Unseen => false,
            Asked::Answered => return,
        };
        self.count(now, client, resolver, asked);
        let Some(host) = host.filter(|_| !addresses.is_empty()) else { return };
        let name = Name { host: host.into(), resolver, asked };
        for address in addresses {
            self.learn(now, client, *address, &name);
        }
    }

    fn learn(&self, now: Timestamp, client: IpAddr, server: IpAddr, name: &Name) {
        self.own.update(now, (client, server), |before| match before {
            Some(before) if before.asked && !name.asked => before.clone(),
            _ => name.clone(),
        });
        if name.asked {
            self.shared.update(now, server, |before| match before {
                Some(before) => before.clone().told(client, name),
                None => Shared::new(client, name),
            });
        }
    }

    /// Takes note that a resolver answered.
    fn count(&self, now: Timestamp, client: IpAddr, resolver: IpAddr, asked: bool) {
        let add = |(mine, other): (u32, u32)| match mine.checked_add(1) {
            Some(more) if more < REMEMBERED as u32 => (more, other),
            _ => (mine / 2, other / 2),
        };
        let both = |seen: u32, unseen: u32| {
            if asked {
                add((seen, unseen))
            } else {
                let (unseen, seen) = add((unseen, seen));
                (seen, unseen)
            }
        };
        self.resolvers.update(now, resolver, |before| {
            let mut next = before.copied().unwrap_or_default();
            (next.asked, next.unseen) = both(next.asked, next.unseen);
            next.clients.add(client);
            next
        });
        self.sights.update(now, (network(client), resolver), |before| {
            let mut next = before.copied().unwrap_or_default();
            (next.asked, next.unseen) = both(next.asked, next.unseen);
            next
        });
        let counter = if asked { &self.asked } else { &self.unseen };
        if counter.fetch_add(1, Ordering::Relaxed) >= REMEMBERED {
            for counter in [&self.asked, &self.unseen] {
                counter.store(counter.load(Ordering::Relaxed) / 2, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn get(&self, now: Timestamp, client: IpAddr, server: IpAddr) -> Option<LearntName> {
        let learnt = |name: Name, trust| LearntName {
            host: name.host,
            teacher: Teacher { resolver: name.resolver, trust },
        };
        let own = self.own.get(now, &(client, server));
        match own {
            Some(name) if name.asked => return Some(learnt(name, Trust::Asked)),
            _ => {}
        }
        let shared = self.shared.get(now, &server);
        if let Some(shared) = shared.filter(|shared| shared.witnesses.are_enough()) {
            return Some(learnt(shared.name, Trust::Others));
        }
        let told = own.filter(|name| self.goes_one_way(now, client, name.resolver))?;
        Some(learnt(told, Trust::OneWay))
    }

    /// Whether this client's questions to this resolver take a way that is not captured, and it is one.
    /// A forger who is to be believed must speak more often than the resolver itself.
    fn goes_one_way(&self, now: Timestamp, client: IpAddr, resolver: IpAddr) -> bool {
        let sight = self.sights.get(now, &(network(client), resolver)).unwrap_or_default();
        if sight.unseen < ONE_WAY || sight.asked.saturating_mul(ONE_WAY_SHARE) > sight.unseen {
            return false;
        }
        let known = self.resolvers.get(now, &resolver).unwrap_or_default();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let blind = count(&self.asked).saturating_mul(BLIND_SHARE) <= count(&self.unseen);
        known.asked >= USED && known.clients.are_enough() || blind && known.unseen >= USED_UNSEEN
    }
}

impl Shared {
    fn new(client: IpAddr, name: &Name) -> Self {
        Self { name: name.clone(), witnesses: Witnesses::of(client), next: None }
    }

    /// A client that asked was given this name.
    fn told(mut self, client: IpAddr, name: &Name) -> Self {
        if self.name.host == name.host {
            self.name.resolver = name.resolver;
            self.witnesses.add(client);
            return self;
        }
        let (next, mut witnesses) = match self.next.take() {
            Some((next, witnesses)) if next.host == name.host => (next, witnesses),
            _ => (name.clone(), Witnesses::default()),
        };
        witnesses.add(client);
        if witnesses.are_enough() {
            return Self { name: next, witnesses, next: Some((self.name, self.witnesses)) };
        }
        self.next = Some((next, witnesses));
        self
    }
}

/// A client's network: what one access line or router leads to, as far as routes go.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(v4) => std::net::Ipv4Addr::from_bits(v4.to_bits() & !0xff).into(),
        IpAddr::V6(v6) => std::net::Ipv6Addr::from_bits(v6.to_bits() & !0 << 80).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use etiage_capture::Transport;

    use super::*;

    const SERVER: [u8; 4] = [203, 0, 113, 9];
    const RESOLVER: [u8; 4] = [198, 51, 100, 53];

    struct Net {
        names: Names,
        id: u16,
    }

    impl Net {
        fn new() -> Self {
            Self { names: Names::new(1000), id: 0 }
        }

        fn exchange(&mut self, client: [u8; 4], resolver: [u8; 4], host: &str, asked: bool) {
            self.id += 1;
            let question = Question {
                client: SocketAddr::from((client, 4000)),
                resolver: SocketAddr::from((resolver, 53)),
                transport: Transport::UDP,
                id: self.id,
                kind: 1,
                name: host.as_bytes(),
            };
            if asked {
                self.names.ask(at(1), &question);
            }
            self.names.answer(at(1), &question, Some(host), &[SERVER.into()]);
        }

        fn name(&self, client: [u8; 4]) -> Option<(String, Trust)> {
            let name = self.names.get(at(2), client.into(), SERVER.into())?;
            Some((name.host.to_string(), name.teacher.trust))
        }
    }

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn known(host: &str, trust: Trust) -> Option<(String, Trust)> {
        Some((host.to_owned(), trust))
    }

    #[test]
    fn one_client_s_answers_are_its_own_and_three_clients_are_believed() {
        let mut net = Net::new();
        for last in 1..=3 {
            assert_eq!(net.name([100, 64, 0, 9]), None, "after {}", last - 1);
            net.exchange([100, 64, 0, last], RESOLVER, "a.example", true);
            assert_eq!(net.name([100, 64, 0, last]), known("a.example", Trust::Asked));
        }
        assert_eq!(net.name([100, 64, 0, 9]), known("a.example", Trust::Others));
        // Another name takes three of its own.
        for last in 11..=13 {
            assert_eq!(net.name([100, 64, 0, 9]), known("a.example", Trust::Others));
            net.exchange([100, 64, 0, last], RESOLVER, "b.example", true);
        }
        assert_eq!(net.name([100, 64, 0, 9]), known("b.example", Trust::Others));
    }

    #[test]
    fn what_nobody_asked_for_teaches_nothing_where_questions_are_seen() {
        let mut net = Net::new();
        for last in 1..=40 {
            net.exchange([100, 64, 0, last], RESOLVER, "a.example", true);
        }
        net.exchange([100, 64, 0, 1], RESOLVER, "mega.nz", false);
        assert_eq!(net.name([100, 64, 0, 1]), known("a.example", Trust::Asked), "no override");
        let mut net = Net::new();
        for last in 1..=40 {
            net.exchange([100, 64, 7, last], RESOLVER, "b.example", true);
        }
        net.names.shared = Aged::new(10, NAME_AGE);
        // As often as the resolver itself spoke, and to others as well.
        for last in 1..=40 {
            net.exchange([100, 64, 7, 200], RESOLVER, "mega.nz", false);
            net.exchange([100, 64, 8, last], [198, 51, 100, 66], "mega.nz", false);
        }
        assert_eq!(net.name([100, 64, 7, 200]), None);
        assert_eq!(net.name([100, 64, 8, 1]), None, "not known by use");
    }

    #[test]
    fn a_resolver_known_by_use_teaches_those_whose_questions_go_another_way() {
        let mut net = Net::new();
        for last in 1..=20 {
            net.exchange([100, 64, 0, last], RESOLVER, "b.example", true);
        }
        net.names.shared = Aged::new(10, NAME_AGE);
        for told in 1..=4 {
            assert_eq!(net.name([100, 64, 9, 1]), None, "{told}");
            net.exchange([100, 64, 9, 1], RESOLVER, "a.example", false);
        }
        assert_eq!(net.name([100, 64, 9, 1]), known("a.example", Trust::OneWay));
        assert_eq!(net.name([100, 64, 9, 2]), None, "nobody else");
        // Its questions are seen after all.
        net.exchange([100, 64, 9, 2], RESOLVER, "c.example", true);
        assert_eq!(net.name([100, 64, 9, 1]), None);
    }

    #[test]
    fn a_probe_that_sees_no_questions_learns_after_some_answers() {
        let mut net = Net::new();
        for told in 0..8 {
            assert_eq!(net.name([100, 64, 9, 1]), None, "{told}");
            net.exchange([100, 64, 9, 1], RESOLVER, "a.example", false);
        }
        assert_eq!(net.name([100, 64, 9, 1]), known("a.example", Trust::OneWay));
    }

    #[test]
    fn a_teacher_says_whom_it_asked() {
        let teacher = |trust| Teacher { resolver: RESOLVER.into(), trust }.to_string();
        assert_eq!(teacher(Trust::Asked), "name: dns, asked of 198.51.100.53");
        assert_eq!(teacher(Trust::Others), "name: dns, asked of 198.51.100.53 by others");
        let told = "name: dns, told by 198.51.100.53, question not seen";
        assert_eq!(teacher(Trust::OneWay), told);
    }
}
