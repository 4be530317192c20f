use super::*;

const MINUTE: i64 = 60_000;
const BY: Option<By<'_>> = Some(By { route: "noc", update_every: Some(30 * MINUTE) });

fn event(id: &str) -> Event {
    Event { id: id.to_owned(), ..Event::sample(0) }
}

fn queue() -> Queue {
    Queue::new(Limits { waiting: 4, held: 8, ..Limits::default() })
}

fn take(queue: &mut Queue, steps: Steps) -> Vec<(u64, Outcome)> {
    for record in &steps.records {
        queue.apply(record);
    }
    steps.lost.iter().map(|(item, outcome)| (item.number, *outcome)).collect()
}

fn tell(queue: &mut Queue, now: i64, transition: Transition, event: &Event) -> Vec<(u64, Outcome)> {
    let steps = queue.tell(now, transition, event, BY);
    take(queue, steps)
}

fn tidy(queue: &mut Queue, now: i64) -> Vec<(u64, Outcome)> {
    let steps = queue.tidy(now);
    take(queue, steps)
}

/// Number, event and transition of what is sent now.
fn next(queue: &mut Queue, now: i64) -> Option<(u64, String, Transition)> {
    match queue.next(now) {
        Work::Send { item, .. } => Some((item.number, item.event.id, item.transition)),
        Work::Wait(_) | Work::Repeat(_) => None,
    }
}

fn deliver(queue: &mut Queue, now: i64) -> Option<(String, Transition)> {
    let (number, event, transition) = next(queue, now)?;
    let record = queue.delivered(number, Labels::new(), now);
    queue.apply(&record);
    Some((event, transition))
}

fn sent(id: &str, transition: Transition) -> Option<(String, Transition)> {
    Some((id.to_owned(), transition))
}

#[test]
fn a_life_is_told_once() {
    let mut queue = queue();
    tell(&mut queue, 0, Transition::Firing, &event("a"));
    assert_eq!(deliver(&mut queue, 0), sent("a", Transition::Firing));
    assert_eq!(deliver(&mut queue, 0), None);
    // Said again, as after a restart of who tells: nothing new.
    tell(&mut queue, MINUTE, Transition::Firing, &event("a"));
    assert_eq!(deliver(&mut queue, MINUTE), None);
    tell(&mut queue, 2 * MINUTE, Transition::Resolved, &event("a"));
    tell(&mut queue, 2 * MINUTE, Transition::Resolved, &event("a"));
    assert_eq!(deliver(&mut queue, 2 * MINUTE), sent("a", Transition::Resolved));
    assert_eq!(deliver(&mut queue, 2 * MINUTE), None);
    assert_eq!(queue.held().len(), 0);
    // An end of what was never told is none.
    tell(&mut queue, 3 * MINUTE, Transition::Resolved, &event("b"));
    assert_eq!(queue.waiting().len(), 0);
}

#[test]
fn updates_are_rare_unless_it_becomes_worse() {
    let mut queue = queue();
    tell(&mut queue, 0, Transition::Firing, &event("a"));
    deliver(&mut queue, 0);
    let deeper = Event { depth_percent: 30.0, ..event("a") };
    tell(&mut queue, MINUTE, Transition::Update, &deeper);
    assert_eq!(next(&mut queue, MINUTE), None);
    // The newest state is told when its time has come, though nobody says anything more.
    tidy(&mut queue, 29 * MINUTE);
    assert_eq!(next(&mut queue, 29 * MINUTE), None);
    tidy(&mut queue, 30 * MINUTE);
    let Work::Send { item, .. } = queue.next(30 * MINUTE) else { panic!("no update") };
    assert_eq!((item.transition, item.event.depth_percent), (Transition::Update, 30.0));
    let record = queue.delivered(item.number, Labels::new(), 30 * MINUTE);
    queue.apply(&record);
    let worse = Event { severity: Severity::Critical, ..event("a") };
    tell(&mut queue, 31 * MINUTE, Transition::Update, &worse);
    assert_eq!(deliver(&mut queue, 31 * MINUTE), sent("a", Transition::Update));
    tell(&mut queue, 32 * MINUTE, Transition::Update, &worse);
    assert_eq!(deliver(&mut queue, 32 * MINUTE), None);
}

#[test]
fn a_route_without_updates_has_none() {
    let mut queue = queue();
    let by = Some(By { route: "noc", update_every: None });
    let steps = queue.tell(0, Transition::Firing, &event("a"), by);
    take(&mut queue, steps);
    deliver(&mut queue, 0);
    let worse = Event { severity: Severity::Critical, ..event("a") };
    let steps = queue.tell(300 * MINUTE, Transition::Update, &worse, by);
    take(&mut queue, steps);
    tidy(&mut queue, 300 * MINUTE);
    assert_eq!(next(&mut queue, 300 * MINUTE), None);
}

#[test]
fn what_waits_says_the_newest() {
    let mut queue = queue();
    tell(&mut queue, 0, Transition::Firing, &event("a"));
    let deeper = Event { depth_percent: 30.0, ..event("a") };
    tell(&mut queue, 1, Transition::Update, &deeper);
    assert_eq!(queue.waiting().len(), 1);
    let Work::Send { item, fresh, .. } = queue.next(2) else { panic!("nothing to send") };
    assert_eq!((item.transition, item.event.depth_percent), (Transition::Firing, 30.0));
    assert!(fresh);
    // While it is under way, it stays as it is.
    tell(&mut queue, 3, Transition::Update, &event("a"));
    assert_eq!(queue.waiting().len(), 1);
    queue.failed(item.number, 4, 0.0, None);
    // The end does not overtake the beginning.
    tell(&mut queue, 5, Transition::Resolved, &event("a"));
    let later = 4 + queue.limits.longest_pause;
    assert_eq!(deliver(&mut queue, later), sent("a", Transition::Firing));
    assert_eq!(deliver(&mut queue, later), sent("a", Transition::Resolved));
}

#[test]
fn pauses_double_and_end_with_the_first_success() {
    let mut queue = queue();
    tell(&mut queue, 0, Transition::Firing, &event("a"));
    let mut now = 0;
    for pause in [1_000, 2_000, 4_000, 8_000] {
        let (number, ..) = next(&mut queue, now).unwrap();
        queue.failed(number, now, 1.0, None);
        assert_eq!(queue.next(now + pause - 1), Work::Wait(now + pause));
        now += pause;
    }
    let (number, ..) = next(&mut queue, now).unwrap();
    queue.failed(number, now, 0.0, None);
    assert_eq!(queue.next(now), Work::Wait(now + 8_000), "from a half to the whole of the pause");
    // One that comes now is tried at once, and its success opens the way for the other.
    tell(&mut queue, now, Transition::Firing, &event("b"));
    assert_eq!(deliver(&mut queue, now), sent("b", Transition::Firing));
    assert_eq!(deliver(&mut queue, now), sent("a", Transition::Firing));
}

#[test]
fn the_longest_pause_is_the_longest_whatever_the_clock_does() {
    let mut queue = queue();
    tell(&mut queue, 0, Transition::Firing, &event("a"));
    let longest = queue.limits.longest_pause;
    let mut now = 1_000 * longest;
    for _ in 0..100 {
        let (number, ..) = next(&mut queue, now).unwrap();
        queue.failed(number, now, 1.0, Some(i64::MAX));
        now += longest;
    }
    // The clock is set back by a year: what is to be tried again is not forgotten for a year.
    let now = now - 365 * 86_400_000;
    let Work::Wait(until) = queue.next(now) else { panic!("tried without a pause") };
    assert!(until <= now + longest);
}

#[test]
fn one_that_always_fails_holds_up_no_other() {
    let mut queue = queue();
    tell(&mut queue, 0, Transition::Firing, &event("poison"));
    tell(&mut queue, 0, Transition::Firing, &event("b"));
    let (number, event_id, _) = next(&mut queue, 0).unwrap();
    assert_eq!(event_id, "poison");
    queue.failed(number, 0, 1.0, None);
    assert_eq!(deliver(&mut queue, 0), sent("b", Transition::Firing));
    assert_eq!(next(&mut queue, 0).unwrap().1, "poison");
}

#[test]
fn a_receiver_that_asks_for_a_pause_gets_it() {
    let mut queue = queue();
    tell(&mut queue, 0, Transition::Firing, &event("a"));
    let (number, ..) = next(&mut queue, 0).unwrap();
    queue.failed(number, 0, 0.0, Some(20_000));
    tell(&mut queue, 0, Transition::Firing, &event("b"));
    assert_eq!(queue.next(0), Work::Wait(20_000));
    assert!(deliver(&mut queue, 20_000).is_some());
}

#[test]
fn what_is_too_much_or_too_old_is_lost_and_told() {
    let mut queue = queue();
    for id in ["a", "b", "c", "d"] {
        assert_eq!(tell(&mut queue, 0, Transition::Firing, &event(id)), []);
    }
    assert_eq!(tell(&mut queue, 1, Transition::Firing, &event("e")), [(1, Outcome::Overflow)]);
    assert_eq!(queue.waiting().len(), 4);
    // What was never told needs no end.
    assert_eq!(tell(&mut queue, 2, Transition::Resolved, &event("a")), []);
    assert_eq!(queue.waiting().len(), 4);
    let late = queue.limits.give_up_after + 1;
    let lost = tidy(&mut queue, late);
    assert_eq!(lost, [(2, Outcome::Expired), (3, Outcome::Expired), (4, Outcome::Expired)]);
    assert_eq!(tidy(&mut queue, late + 1), [(5, Outcome::Expired)]);
    assert_eq!(next(&mut queue, late + 1), None);
}

#[test]
fn events_that_never_end_are_forgotten_for_new_ones() {
    let mut queue = queue();
    for number in 0..20 {
        tell(&mut queue, number, Transition::Firing, &event(&number.to_string()));
        deliver(&mut queue, number);
    }
    assert_eq!(queue.held().len(), 8);
    assert!(queue.holds("19").is_some() && queue.holds("11").is_none());
}

#[test]
fn the_silenced_are_not_told_until_it_is_over() {
    let mut queue = queue();
    let silent = Event { silenced_until: Some(600), ..event("a") };
    tell(&mut queue, 0, Transition::Firing, &silent);
    assert_eq!(queue.next(590_000), Work::Wait(600_000));
    assert_eq!(deliver(&mut queue, 600_000), sent("a", Transition::Firing));
    // One that is over meanwhile is never told.
    let silent = Event { silenced_until: Some(900), ..event("b") };
    tell(&mut queue, 700_000, Transition::Firing, &silent);
    let lost = tell(&mut queue, 800_000, Transition::Resolved, &silent);
    assert_eq!(lost, [(2, Outcome::Silenced)]);
    assert!(queue.holds("b").is_none());
    // Silenced after it was told: no updates, but the end.
    let steps = queue.mark("a", false, Some(100_000));
    take(&mut queue, steps);
    let a = Event { severity: Severity::Critical, silenced_until: Some(100_000), ..event("a") };
    tell(&mut queue, 1_000_000, Transition::Update, &a);
    assert_eq!(next(&mut queue, 1_000_000), None);
    tell(&mut queue, 1_000_000, Transition::Resolved, &a);
    assert_eq!(deliver(&mut queue, 1_000_000), sent("a", Transition::Resolved));
}

#[test]
fn the_acknowledged_have_an_end_but_no_updates() {
    let mut queue = queue();
    tell(&mut queue, 0, Transition::Firing, &event("a"));
    deliver(&mut queue, 0);
    tell(&mut queue, 40 * MINUTE, Transition::Update, &event("a"));
    let steps = queue.mark("a", true, None);
    assert_eq!(take(&mut queue, steps), [(2, Outcome::Silenced)]);
    assert_eq!(next(&mut queue, 40 * MINUTE), None);
    let acknowledged = Event { acknowledged: true, ..event("a") };
    tell(&mut queue, 90 * MINUTE, Transition::Update, &acknowledged);
    assert_eq!(next(&mut queue, 90 * MINUTE), None);
    tell(&mut queue, 91 * MINUTE, Transition::Resolved, &acknowledged);
    assert_eq!(deliver(&mut queue, 91 * MINUTE), sent("a", Transition::Resolved));
}

#[test]
fn what_was_refused_is_told_again_while_it_lasts() {
    let mut queue = queue();
    tell(&mut queue, 0, Transition::Firing, &event("a"));
    let (number, ..) = next(&mut queue, 0).unwrap();
    queue.apply(&JournalEntry::Settled { number, taken: None });
    tell(&mut queue, MINUTE, Transition::Update, &event("a"));
    assert_eq!(next(&mut queue, MINUTE), None);
    tell(&mut queue, 31 * MINUTE, Transition::Update, &event("a"));
    assert_eq!(deliver(&mut queue, 31 * MINUTE), sent("a", Transition::Firing));
}

#[test]
fn what_fires_is_repeated_where_it_would_be_forgotten() {
    let mut queue = Queue::new(Limits { repeat: Some(MINUTE), ..Limits::default() });
    tell(&mut queue, 0, Transition::Firing, &event("a"));
    deliver(&mut queue, 0);
    assert_eq!(queue.next(1), Work::Wait(MINUTE));
    let Work::Repeat(held) = queue.next(MINUTE) else { panic!("not repeated") };
    assert_eq!(held.len(), 1);
    queue.repeated(MINUTE, 1.0, Some(None));
    assert_eq!(queue.next(MINUTE), Work::Wait(MINUTE + 1_000));
    assert!(matches!(queue.next(MINUTE + 1_000), Work::Repeat(_)));
    queue.repeated(MINUTE + 1_000, 1.0, None);
    assert_eq!(queue.next(MINUTE + 1_000), Work::Wait(2 * MINUTE + 1_000));
    tell(&mut queue, 3 * MINUTE, Transition::Resolved, &event("a"));
    assert_eq!(deliver(&mut queue, 3 * MINUTE), sent("a", Transition::Resolved));
    assert!(matches!(queue.next(10 * MINUTE), Work::Wait(_)));
}

#[test]
fn a_restart_makes_the_same_queue() {
    let mut queue = queue();
    tell(&mut queue, 0, Transition::Firing, &event("a"));
    deliver(&mut queue, 0);
    tell(&mut queue, 1, Transition::Firing, &event("b"));
    tell(&mut queue, 2, Transition::Resolved, &event("a"));
    let mut again = self::queue();
    for record in queue.snapshot() {
        again.apply(&record);
    }
    assert_eq!(again.snapshot(), queue.snapshot());
    assert_eq!(deliver(&mut again, 3), sent("b", Transition::Firing));
    assert_eq!(deliver(&mut again, 3), sent("a", Transition::Resolved));
    // Numbers go on, so that a receiver never sees one twice.
    tell(&mut again, 4, Transition::Firing, &event("c"));
    assert_eq!(next(&mut again, 4).unwrap().0, 4);
}
