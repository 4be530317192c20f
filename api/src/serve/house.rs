//! Who may have a connection: bounds in all and for each address, and who must go for another.
//!
//! A connection waits while it has no complete request, or while its client does not take the answer. A house
//! that is full does not turn newcomers away: the connection goes that has waited for longest, those first that
//! never asked anything. So whoever opens a thousand connections and sends half a request on each loses them,
//! and whoever asks is answered, also where all have the same address.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Connections at the same time; half of the files that the process may open, where that is less. The
/// database, the spool and captures have the rest.
const MAX_CONNECTIONS: usize = 1_024;
/// What part of these is for guests that have none yet.
const RESERVED: usize = 8;
/// Connections of one address: some forty browsers behind it.
const MAX_EACH: usize = 256;
/// Connections of one guest that never asked anything, once they have waited for [`GRACE`].
const MAX_HALF_OPEN: usize = 64;
/// A request comes that soon, unless the machine is busy: connections that are younger are not half-open.
const GRACE: Duration = Duration::from_millis(500);
/// New connections a second of one address, and how many may come at once.
const RATE: f64 = 50.0;
const BURST: f64 = 200.0;
/// Addresses whose rate is counted apart; beyond them all others count together.
const MAX_RATES: usize = 4_096;
/// How often these are looked through for what need not be remembered.
const SWEEP: Duration = Duration::from_secs(1);

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Guest {
    /// An address, or 64 bits of an IPv6 one.
    Address(IpAddr),
    /// Any program of this machine: people, Prometheus and strangers have the same address here. So they
    /// share no bound on connections but that of all.
    Local,
    /// Our proxy: many people share its address.
    Proxy,
}

/// Why a connection was refused or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// All places are taken by connections that are at work.
    Full,
    /// So are all that its address may have.
    AddressFull,
    /// Its address opens too many a second.
    Rate,
    /// It made room for another one.
    Evicted,
    /// Its address had too many that never asked anything.
    HalfOpen,
    /// Its request did not come to its end in time.
    SlowRequest,
    /// It did not take its answer.
    SlowReader,
    /// It did not come to terms about TLS.
    Handshake,
    /// It came to the proxy's socket, and is not the proxy's.
    NotTheProxy,
}

impl Reason {
    pub(crate) const ALL: [Self; 9] = [
        Self::Full,
        Self::AddressFull,
        Self::Rate,
        Self::Evicted,
        Self::HalfOpen,
        Self::SlowRequest,
        Self::SlowReader,
        Self::Handshake,
        Self::NotTheProxy,
    ];

    /// As metrics have it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::AddressFull => "address_full",
            Self::Rate => "rate",
            Self::Evicted => "evicted",
            Self::HalfOpen => "half_open",
            Self::SlowRequest => "slow_request",
            Self::SlowReader => "slow_reader",
            Self::Handshake => "handshake",
            Self::NotTheProxy => "not_the_proxy",
        }
    }
}

/// All connections.
#[derive(Debug)]
pub(crate) struct House {
    places: usize,
    rooms: Mutex<Rooms>,
    counts: [AtomicU64; Reason::ALL.len()],
    /// What seats count their milliseconds from.
    built: Instant,
}

#[derive(Debug, Default)]
struct Rooms {
    seats: HashMap<u64, (Guest, Arc<Seat>)>,
    each: HashMap<Guest, usize>,
    rates: HashMap<IpAddr, Bucket>,
    others: Option<Bucket>,
    swept: Option<Instant>,
    number: u64,
}

/// What a connection tells of itself, without a lock.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Milliseconds of the house since when it waits, and one more; 0 while it is at work.
    waits: AtomicU64,
    /// Whether there is a request that is not answered to its end.
    asks: AtomicBool,
    /// How many requests there were.
    requests: AtomicU64,
    leave: Notify,
    built: Instant,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    house: Arc<House>,
    number: u64,
    pub(crate) seat: Arc<Seat>,
}

/// Admits so many a second.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Default for House {
    fn default() -> Self {
        let files = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        Self::with_places(open_files(&files).map_or(MAX_CONNECTIONS, |files| files / 2))
    }
}

/// How many files the process may open (proc(5)).
fn open_files(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

impl House {
    /// So many places, up to [`MAX_CONNECTIONS`].
    fn with_places(places: usize) -> Self {
        let places = places.clamp(2 * RESERVED, MAX_CONNECTIONS);
        let (rooms, counts) = (Mutex::default(), Default::default());
        Self { places, rooms, counts, built: Instant::now() }
    }

    /// A place for one more connection; another one may have to go for it.
    pub(crate) fn admit(self: &Arc<Self>, guest: Guest, now: Instant) -> Result<Place, Reason> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = self.make_room(&mut rooms, guest, now);
        if let Err(reason) = admitted {
            self.count(reason);
            return Err(reason);
        }
        rooms.number += 1;
        let number = rooms.number;
        let seat = Seat {
            waits: AtomicU64::new(self.moment(now)),
            asks: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            leave: Notify::new(),
            built: self.built,
        };
        let seat = Arc::new(seat);
        rooms.seats.insert(number, (guest, seat.clone()));
        *rooms.each.entry(guest).or_default() += 1;
        Ok(Place { house: self.clone(), number, seat })
    }

    fn make_room(&self, rooms: &mut Rooms, guest: Guest, now: Instant) -> Result<(), Reason> {
        let own = rooms.each.get(&guest).copied().unwrap_or(0);
        if let Guest::Address(address) = guest {
            rooms.take_rate(address, now)?;
            if own >= MAX_EACH && !self.evict(rooms, Some(guest), Reason::Evicted) {
                return Err(Reason::AddressFull);
            }
        }
        if guest != Guest::Proxy {
            self.end_half_open(rooms, guest, now);
        }
        let all = rooms.seats.len();
        // The reserve is for those who have nothing yet.
        if all + self.places / RESERVED >= self.places && own > 0 {
            return match self.evict(rooms, Some(guest), Reason::Evicted) {
                true => Ok(()),
                false => Err(Reason::Full),
            };
        }
        if all >= self.places && !self.evict(rooms, None, Reason::Evicted) {
            return Err(Reason::Full);
        }
        Ok(())
    }

    /// Ends a guest's oldest connection without a request, where too many have none.
    fn end_half_open(&self, rooms: &mut Rooms, guest: Guest, now: Instant) {
        let own = rooms.each.get(&guest).copied().unwrap_or(0);
        if own < MAX_HALF_OPEN {
            return;
        }
        let young = self.moment(now).saturating_sub(GRACE.as_millis() as u64);
        let half_open = rooms.seats.values().filter(|(other, seat)| {
            let waits = seat.waits.load(Ordering::Relaxed);
            *other == guest && waits > 0 && waits <= young && seat.requests() == 0
        });
        if half_open.count() >= MAX_HALF_OPEN {
            self.evict(rooms, Some(guest), Reason::HalfOpen);
        }
    }

    /// Ends the connection that has waited for longest, of one guest or of all; false where none waits.
    fn evict(&self, rooms: &mut Rooms, guest: Option<Guest>, reason: Reason) -> bool {
        let waiting = rooms.seats.iter().filter_map(|(number, (own, seat))| {
            let waits = seat.waits.load(Ordering::Relaxed);
            let concerned = waits > 0 && guest.is_none_or(|guest| guest == *own);
            concerned.then(|| (seat.requests() > 0, waits, *number))
        });
        let Some((_, _, number)) = waiting.min() else { return false };
        if let Some((guest, seat)) = rooms.seats.remove(&number) {
            rooms.leaves(guest);
            // Its own task ends it; its place is free from now on.
            seat.leave.notify_one();
        }
        self.count(reason);
        true
    }

    /// Counts what was refused or ended.
    pub(crate) fn count(&self, reason: Reason) {
        if let Some(count) = self.counts.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was refused or ended, by reason.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (Reason, u64)> {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        Reason::ALL.into_iter().zip(counts)
    }

    /// Connections that are open, and how many of them wait for a request.
    pub(crate) fn open(&self) -> (usize, usize) {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting =
            rooms.seats.values().filter(|(_, seat)| seat.waits.load(Ordering::Relaxed) > 0);
        (rooms.seats.len(), waiting.count())
    }

    fn moment(&self, now: Instant) -> u64 {
        moment(self.built, now)
    }
}

/// Milliseconds since then, and one more.
fn moment(built: Instant, now: Instant) -> u64 {
    now.saturating_duration_since(built).as_millis() as u64 + 1
}

impl Rooms {
    fn leaves(&mut self, guest: Guest) {
        if let Some(own) = self.each.get_mut(&guest) {
            *own -= 1;
            if *own == 0 {
                self.each.remove(&guest);
            }
        }
    }

    fn take_rate(&mut self, address: IpAddr, now: Instant) -> Result<(), Reason> {
        let swept = self.swept.is_some_and(|at| now.saturating_duration_since(at) < SWEEP);
        if self.rates.len() >= MAX_RATES && !self.rates.contains_key(&address) && !swept {
            self.swept = Some(now);
            // Whoever would have a full bucket by now need not be remembered.
            self.rates.retain(|_, bucket| bucket.filled(now) < BURST);
        }
        let full = Bucket { left: BURST, at: now };
        let bucket = match self.rates.len() >= MAX_RATES && !self.rates.contains_key(&address) {
            true => self.others.get_or_insert(full),
            false => self.rates.entry(address).or_insert(full),
        };
        *bucket = Bucket { left: bucket.filled(now), at: now };
        if bucket.left < 1.0 {
            return Err(Reason::Rate);
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

impl Bucket {
    fn filled(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.left + RATE * passed).min(BURST)
    }
}

impl Seat {
    /// A request is there, whole.
    pub(crate) fn works(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.asks.store(true, Ordering::Relaxed);
        self.waits.store(0, Ordering::Relaxed);
    }

    /// It has no request any more.
    pub(crate) fn waits(&self) {
        self.waits.store(moment(self.built, Instant::now()), Ordering::Relaxed);
        self.asks.store(false, Ordering::Relaxed);
    }

    /// Its client does not take the answer.
    pub(crate) fn stalls(&self) {
        if self.is_at_work() {
            self.waits.store(moment(self.built, Instant::now()), Ordering::Relaxed);
        }
    }

    /// Its client takes the answer again.
    pub(crate) fn gets_on(&self) {
        if self.is_at_work() {
            self.waits.store(0, Ordering::Relaxed);
        }
    }

    /// Whether there is a request that is not answered to its end.
    pub(crate) fn is_at_work(&self) -> bool {
        self.asks.load(Ordering::Relaxed)
    }

    /// Since when it waits.
    pub(crate) fn since(&self) -> Instant {
        self.built + Duration::from_millis(self.waits.load(Ordering::Relaxed).saturating_sub(1))
    }

    /// How many requests there were.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Completes when it must go.
    pub(crate) async fn must_leave(&self) {
        self.leave.notified().await;
    }
}

impl Place {
    /// Counts why it ended.
    pub(crate) fn count(&self, reason: Reason) {
        self.house.count(reason);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut rooms = self.house.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((guest, _)) = rooms.seats.remove(&self.number) {
            rooms.leaves(guest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::FutureExt;

    use super::*;

    fn address(number: u32) -> Guest {
        Guest::Address(Ipv4Addr::from_bits(0x0a00_0000 + number).into())
    }

    fn house() -> Arc<House> {
        Arc::new(House::with_places(MAX_CONNECTIONS))
    }

    #[test]
    fn half_of_the_files_are_for_others() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(open_files(limits), Some(1024));
        assert_eq!(open_files("Max open files unlimited unlimited files"), None);
        assert_eq!(House::with_places(512).places, 512);
        assert_eq!(House::with_places(1 << 20).places, MAX_CONNECTIONS);
        assert_eq!(House::with_places(0).places, 2 * RESERVED);
    }

    fn must_leave(place: &Place) -> bool {
        place.seat.must_leave().now_or_never().is_some()
    }

    fn counted(house: &House, reason: Reason) -> u64 {
        house.counts().find(|(own, _)| *own == reason).unwrap().1
    }

    #[test]
    fn who_asks_nothing_goes_for_who_comes() {
        let (house, start) = (house(), Instant::now());
        let at = |millis: u64| start + Duration::from_millis(millis);
        // A thousand connections of this machine, all at once: no request yet, but none is old.
        let places: Vec<_> =
            (0..1_140).map(|number| house.admit(Guest::Local, at(number / 10)).unwrap()).collect();
        let (open, _) = house.open();
        assert_eq!(open, MAX_CONNECTIONS - MAX_CONNECTIONS / RESERVED);
        assert!(must_leave(&places[0]) && !must_leave(&places[1_139]));
        // Somebody else has the reserve, and those of this machine are served too.
        let other = house.admit(address(1), at(120)).unwrap();
        let own = house.admit(Guest::Local, at(120)).unwrap();
        own.seat.works();
        // Later all but those that have asked are half-open: each that comes ends one.
        for number in 0..1_000 {
            house.admit(Guest::Local, at(1_000 + number)).unwrap().seat.works();
        }
        assert!(!must_leave(&own) && !must_leave(&other));
        assert!(counted(&house, Reason::HalfOpen) > 500);
    }

    #[test]
    fn an_address_has_a_share() {
        let (house, start) = (house(), Instant::now());
        let mut at = start;
        let mut places = Vec::new();
        for number in 0..=BURST as u32 {
            match house.admit(address(1), at) {
                Ok(place) => places.push(place),
                Err(reason) => assert_eq!((reason, number), (Reason::Rate, BURST as u32)),
            }
        }
        places.iter().for_each(|place| place.seat.works());
        at += Duration::from_secs(4);
        for _ in places.len()..MAX_EACH {
            let place = house.admit(address(1), at).unwrap();
            place.seat.works();
            places.push(place);
        }
        assert_eq!(house.admit(address(1), at).unwrap_err(), Reason::AddressFull);
        assert!(house.admit(address(2), at).is_ok());
        places[7].seat.waits();
        let newest = house.admit(address(1), at).unwrap();
        assert!(must_leave(&places[7]) && !must_leave(&newest));
        drop(places);
        drop(newest);
        assert_eq!(house.open().0, 0);
        assert!(house.rooms.lock().unwrap().each.is_empty());
    }

    #[test]
    fn those_that_never_asked_go_first() {
        let (house, start) = (house(), Instant::now());
        let guest = Guest::Proxy;
        let all: Vec<_> = (0..MAX_CONNECTIONS - MAX_CONNECTIONS / RESERVED)
            .map(|number| house.admit(guest, start + Duration::from_millis(number as u64)).unwrap())
            .collect();
        for place in &all[..800] {
            place.seat.works();
        }
        all[0].seat.waits();
        let _more = house.admit(guest, start + Duration::from_secs(2)).unwrap();
        assert!(!must_leave(&all[0]) && must_leave(&all[800]));
        for place in &all[801..] {
            place.seat.works();
        }
        let _newcomer = house.admit(address(9), start + Duration::from_secs(2)).unwrap();
        assert!(!must_leave(&all[0]), "there is the reserve");
    }

    #[test]
    fn rates_of_any_number_of_addresses_take_bounded_memory() {
        let (house, now) = (house(), Instant::now());
        for number in 0..10_000 {
            drop(house.admit(address(number), now));
        }
        assert!(house.rooms.lock().unwrap().rates.len() <= MAX_RATES);
        assert!(counted(&house, Reason::Rate) > 0);
        assert!(house.admit(address(77_777), now + Duration::from_secs(1)).is_ok());
    }
}
