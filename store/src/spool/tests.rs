//! Crashes, damage and bounds, on real files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use etiage_aggregator::{Batch, Direction, Observation, RoundTrips, Volume};
use proptest::prelude::*;

use super::record::{self, Found, Records};
use super::*;
use crate::durable::Marked;

/// 2026-11-21, midnight.
const MIDNIGHT: u32 = 1_795_219_200;

/// A batch that counts its own number in octets, and as many rows as asked.
fn batch(number: u64, rows: usize) -> Batch {
    let row = |row: usize| Volume {
        link: "transit-1".into(),
        direction: if row.is_multiple_of(2) { Direction::In } else { Direction::Out },
        protocol: "tls".into(),
        service: format!("service-{}", row / 2).into(),
        category: "web".into(),
        octets: if row == 0 { number } else { 0 },
        packets: 1,
        flows: 1,
    };
    Batch {
        probe: "probe".into(),
        start: MIDNIGHT + 10 * number as u32,
        seconds: 10,
        volumes: (0..rows).map(row).collect(),
        ..Batch::default()
    }
}

fn numbers(batches: &[Batch]) -> Vec<u64> {
    batches.iter().map(octets_of).collect()
}

fn settings(directory: &Path) -> SpoolSettings {
    SpoolSettings { max_bytes: MIN_SPOOL_BYTES, ..SpoolSettings::new(directory.to_owned()) }
}

fn open(directory: &Path) -> Spool {
    Spool::open(settings(directory), 100).unwrap()
}

fn put(spool: &mut Spool, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        spool.take(&[batch(number, 3)], [].iter(), 100).unwrap();
    }
}

/// Takes everything out, and acknowledges it.
fn drain(spool: &mut Spool) -> Vec<u64> {
    let mut all = Vec::new();
    while let Some(group) = spool.next_group(10).unwrap() {
        all.extend(numbers(&group.batches));
        spool.acknowledge(&group).unwrap();
    }
    all
}

/// The one segment of a small spool.
fn segment_in(directory: &Path) -> PathBuf {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|e| e == "spool")).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.pop().unwrap()
}

/// What another process would see after this one was killed now.
fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    to
}

#[test]
fn a_batch_is_read_as_it_was_written() {
    let mut whole = batch(7, 5);
    whole.seconds = 60;
    whole.round_trips =
        vec![RoundTrips { link: "l".into(), category: "web".into(), bins: vec![(1, 2), (3, 4)] }];
    whole.observations = vec![Observation {
        link: "é".into(),
        packets: 1,
        octets: 2,
        active_flows: 3,
        dropped_kernel: 4,
        late: 5,
        table_full: u64::MAX,
        unprobed_flows: 6,
        half_open_evicted: 7,
        sampled_packets: 8,
    }];
    whole.networks = vec![etiage_aggregator::NetworkVolume {
        link: "l".into(),
        direction: Direction::Out,
        category: "web".into(),
        asn: 64_500,
        octets: 1,
        packets: 2,
        flows: 3,
    }];
    let mut octets = Vec::new();
    record::write(&whole, 9, 1, &mut octets).unwrap();
    let found: Vec<_> = Records::new(&octets, 0, 0).collect();
    let [Found::Record { header, payload, end }] = found[..] else { panic!("{found:?}") };
    assert_eq!((header.sequence, header.octets, end), (9, 7, octets.len()));
    assert_eq!(header.rows as usize, crate::rows::count(&whole));
    assert_eq!(record::decode(payload), Some(whole));
}

/// The first version's files are read for ever, or refused by a version that says so: this is one.
#[test]
fn a_record_of_the_first_version() {
    let mut octets = Vec::new();
    record::write(&batch(300, 1), 2, 3, &mut octets).unwrap();
    let written: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(written, GOLDEN);
}

const GOLDEN: &str = concat!(
    "4574526337000000020000000000000003000000010000002c010000000000006674e3bca3a579eb",
    "050570726f6265097472616e7369742d3103746c7309736572766963652d300377656200b8d583d8",
    "060a010100020304ac020101000000",
);

#[test]
fn groups_come_in_order_and_again_until_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    put(&mut spool, 1..=10);
    let first = spool.next_group(10).unwrap().unwrap();
    assert_eq!(numbers(&first.batches), [1, 2, 3, 4]);
    assert_eq!(spool.next_group(3).unwrap().unwrap(), first, "it is on its way");
    drop(spool);
    let mut spool = open(folder.path());
    assert_eq!(spool.stats().recovered_records, 10);
    put(&mut spool, 11..=11);
    assert_eq!(spool.next_group(1).unwrap().unwrap(), first, "the same rows, the same token");
    spool.acknowledge(&first).unwrap();
    let second = spool.next_group(10).unwrap().unwrap();
    assert_ne!(second.token, first.token);
    assert_eq!(numbers(&second.batches), [5, 6, 7, 8]);
    assert_eq!((spool.stats().records, spool.stats().settled), (7, 4));
    spool.acknowledge(&second).unwrap();
    assert_eq!(drain(&mut spool), [9, 10, 11]);
    assert_eq!((spool.stats().records, spool.stats().rows, spool.stats().oldest), (0, 0, None));
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());
    let error = Spool::open(settings(folder.path()), 0).unwrap_err().to_string();
    assert!(error.contains(&format!("pid {}", std::process::id())), "{error}");
    assert!(error.contains("stop that process, or use another directory"), "{error}");
    drop(spool);
    drop(open(folder.path()));
}

#[test]
fn another_version_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    put(&mut spool, 1..=3);
    drop(spool);
    let path = segment_in(folder.path());
    let mut octets = fs::read(&path).unwrap();
    octets[8] = 0;
    let checked = segment::HEADER - 4;
    let checksum = crc32fast::hash(&octets[..checked]);
    octets[checked..segment::HEADER].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&path, octets).unwrap();
    let error = Spool::open(settings(folder.path()), 0).unwrap_err();
    assert!(matches!(error, SpoolError::OtherVersion { found: 0, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("let the program that wrote it run"), "{error}");
}

#[test]
fn damage_anywhere_is_detected_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    put(&mut spool, 1..=5);
    drop(spool);
    let path = segment_in(folder.path());
    let whole = fs::read(&path).unwrap();
    // Every octet of the headers and of one record, and samples of the rest.
    for place in (0..whole.len()).filter(|place| *place < 160 || place % 17 == 0) {
        let copy = copy(folder.path());
        let mut octets = whole.clone();
        octets[place] ^= 0x10;
        fs::write(copy.path().join(path.file_name().unwrap()), octets).unwrap();
        let mut spool = open(copy.path());
        let (read, stats) = (drain(&mut spool), spool.stats());
        assert!(stats.corrupt_bytes + stats.torn_bytes > 0, "octet {place}: {stats:?}");
        let header = usize::from(place < segment::HEADER);
        assert_eq!(read.len(), 4 + header, "octet {place}: {read:?}");
        assert!(read.is_sorted() && read.iter().all(|number| (1..=5).contains(number)));
    }
}

#[test]
fn a_torn_tail_is_cut_off_and_what_follows_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    put(&mut spool, 1..=3);
    drop(spool);
    let path = segment_in(folder.path());
    let whole = fs::read(&path).unwrap();
    for length in (0..whole.len()).filter(|length| *length > whole.len() - 100 || length % 11 == 0)
    {
        let copy = copy(folder.path());
        fs::write(copy.path().join(path.file_name().unwrap()), &whole[..length]).unwrap();
        let mut spool = open(copy.path());
        assert_eq!(spool.stats().corrupt_segments, 0);
        put(&mut spool, 4..=4);
        drop(spool);
        let mut spool = open(copy.path());
        assert_eq!((spool.stats().corrupt_segments, spool.stats().torn_bytes), (0, 0));
        let read = drain(&mut spool);
        let kept = read.len() as u64 - 1;
        let expected: Vec<u64> = (1..=kept).chain([4]).collect();
        assert_eq!(read, expected, "cut at {length}");
    }
}

#[test]
fn a_full_spool_merges_first_and_then_drops_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    let put = |spool: &mut Spool, number: u64| {
        spool.take(&[batch(number, 400)], [].iter(), 100).unwrap();
        let stats = spool.stats();
        assert!(stats.bytes <= stats.max_bytes, "{stats:?}");
        stats
    };
    let mut sum = 0;
    let mut number = 0;
    while spool.stats().dropped_rows == 0 {
        number += 1;
        sum += number;
        put(&mut spool, number);
        if spool.stats().merged_rows > 0 {
            // Until rows are dropped the sums are what was put in.
            let stats = spool.stats();
            assert!(stats.nearly_full || stats.bytes < stats.max_bytes);
        }
        assert!(number < 50_000, "{:?}", spool.stats());
    }
    let stats = spool.stats();
    assert!(stats.merged_rows > 10 * stats.dropped_rows, "{stats:?}");
    drop(spool);
    let mut spool = open(folder.path());
    assert_eq!(spool.stats().records, stats.records);
    let mut read = 0;
    let mut seconds = BTreeMap::<u32, u64>::new();
    let mut last_start = 0;
    while let Some(group) = spool.next_group(1000).unwrap() {
        for batch in &group.batches {
            read += octets_of(batch);
            *seconds.entry(batch.seconds).or_default() += 1;
            assert!(batch.start >= last_start && batch.start % batch.seconds == 0);
            last_start = batch.start - batch.start % 60;
        }
        spool.acknowledge(&group).unwrap();
    }
    assert_eq!(read + stats.dropped_octets, sum, "nothing else is missing");
    assert!(seconds[&60] > 0 && seconds[&10] > 0, "{seconds:?}");
}

#[test]
fn what_is_on_its_way_is_neither_merged_nor_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    put(&mut spool, 1..=10);
    let group = spool.next_group(10).unwrap().unwrap();
    for number in 11..2_500 {
        spool.take(&[batch(number, 400)], [].iter(), 100).unwrap();
    }
    assert!(spool.stats().dropped_rows > 0);
    drop(spool);
    let mut spool = open(folder.path());
    assert_eq!(spool.stats().corrupt_segments, 0, "what was dropped is not missed again");
    assert_eq!(spool.next_group(1).unwrap().unwrap(), group);
    let files =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap());
    let headers = files.filter(|file| file.len() == segment::HEADER as u64).count();
    assert_eq!(headers, 1, "one header stands for all that was dropped");
}

#[test]
fn a_segment_that_is_gone_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    for number in 1..200 {
        spool.take(&[batch(number, 100)], [].iter(), 100).unwrap();
    }
    let middle = spool.segments.get(spool.segments.len() / 2).unwrap().clone();
    drop(spool);
    fs::remove_file(&middle.path).unwrap();
    let spool = open(folder.path());
    assert_eq!(spool.stats().corrupt_segments, 1);
    assert_eq!(spool.stats().records, 199 - (middle.last - middle.first + 1));
}

#[test]
fn refused_groups_are_kept_aside_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    for number in 1..=200 {
        spool.take(&[batch(number, 100)], [].iter(), 100).unwrap();
        let group = spool.next_group(1).unwrap().unwrap();
        spool.set_aside(&group, "it is refused").unwrap();
    }
    assert_eq!((spool.stats().refused_groups, spool.stats().records), (200, 0));
    let refused = fs::read_dir(folder.path().join("refused")).unwrap();
    let sizes: Vec<u64> = refused.map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
    assert!(sizes.len() > 10 && sizes.iter().sum::<u64>() <= MIN_SPOOL_BYTES / 8, "{sizes:?}");
}

#[test]
fn open_intervals_of_a_killed_process_are_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    let interval = [batch(1, 2), batch(2, 2)];
    spool.take(&[], interval.iter(), 100).unwrap();
    let killed = copy(folder.path());
    assert_eq!(drain(&mut open(killed.path())), [1, 2]);
    assert_eq!(drain(&mut open(killed.path())), [0; 0], "and not again");
    // The first closes, the second has grown.
    spool.take(&[batch(3, 2)], [batch(4, 2)].iter(), 100).unwrap();
    let killed = copy(folder.path());
    assert_eq!(drain(&mut open(killed.path())), [3, 4]);
    // Killed before the closed one was appended, but after it was written down.
    let killed = copy(folder.path());
    let segment = segment_in(killed.path());
    let octets = fs::read(&segment).unwrap();
    for length in (0..octets.len()).step_by(5) {
        let killed = copy(killed.path());
        let path = killed.path().join(segment.file_name().unwrap());
        fs::write(path, &octets[..length]).unwrap();
        assert_eq!(drain(&mut open(killed.path())), [3, 4], "cut at {length}");
    }
    // Everything has ended.
    spool.take(&[batch(5, 2)], [].iter(), 100).unwrap();
    drop(spool);
    assert_eq!(drain(&mut open(folder.path())), [3, 5]);
}

#[test]
fn a_damaged_cursor_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    put(&mut spool, 1..=10);
    let group = spool.next_group(10).unwrap().unwrap();
    spool.acknowledge(&group).unwrap();
    drop(spool);
    let path = folder.path().join("cursor");
    let whole = fs::read(&path).unwrap();
    for place in (0..whole.len()).step_by(7) {
        let copy = copy(folder.path());
        let mut octets = whole.clone();
        octets[place] ^= 1;
        fs::write(copy.path().join("cursor"), octets).unwrap();
        let mut spool = open(copy.path());
        // One slot behind, the group is on its way once more, with the token that the database knows.
        let next = spool.next_group(10).unwrap().unwrap();
        assert!(next == group || next.first == 5, "octet {place}");
    }
    fs::write(&path, b"nothing of use").unwrap();
    let mut spool = open(folder.path());
    assert_eq!(drain(&mut spool), (1..=10).collect::<Vec<_>>(), "rather twice than never");
}

/// What a user of the spool does.
#[derive(Clone, Debug)]
enum Step {
    /// So many batches, of so many rows.
    Put(u64, usize),
    /// A group of so many rows, acknowledged or not.
    Take(u64, bool),
    /// Killed, with so many octets of the last segment missing: none if it was synced.
    Crash(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_u64..20, 1_usize..30).prop_map(|(count, rows)| Step::Put(count, rows)),
        3 => (1_u64..200, any::<bool>()).prop_map(|(rows, ends)| Step::Take(rows, ends)),
        1 => prop_oneof![Just(0), 0_usize..3000].prop_map(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_comes_twice(steps in prop::collection::vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = open(folder.path());
        // Put and not acknowledged, in order; the first `synced` of them are on disk for certain.
        let mut waiting: Vec<u64> = Vec::new();
        let mut synced = 0;
        let mut next = 1;
        let mut flying: Option<Group> = None;
        for step in steps {
            match step {
                Step::Put(count, rows) => for _ in 0..count {
                    spool.take(&[batch(next, rows)], [].iter(), 100).unwrap();
                    waiting.push(next);
                    next += 1;
                },
                Step::Take(rows, acknowledge) => {
                    let group = spool.next_group(rows).unwrap();
                    prop_assert_eq!(group.is_none(), waiting.is_empty());
                    synced = waiting.len();
                    let Some(group) = group else { continue };
                    if let Some(before) = &flying {
                        prop_assert_eq!(before, &group, "the same group until acknowledged");
                    }
                    let found = numbers(&group.batches);
                    prop_assert_eq!(&found[..], &waiting[..found.len()]);
                    flying = Some(group);
                    if acknowledge {
                        spool.acknowledge(flying.as_ref().unwrap()).unwrap();
                        waiting.drain(..found.len());
                        synced = waiting.len();
                        flying = None;
                    }
                }
                Step::Crash(missing) => {
                    drop(spool);
                    let files = fs::read_dir(folder.path()).unwrap();
                    let newest = files.map(|entry| entry.unwrap().path())
                        .filter(|path| path.extension().is_some_and(|e| e == "spool")).max();
                    let unsynced = waiting.len() - synced;
                    if let Some(path) = newest.filter(|_| missing > 0 && unsynced > 0) {
                        let length = fs::metadata(&path).unwrap().len().saturating_sub(missing as u64);
                        // No further than what was synced: that the disk has kept.
                        let kept = synced_length(&path, waiting[..synced].last().copied());
                        let file = fs::File::options().write(true).open(&path).unwrap();
                        file.set_len(length.max(kept)).unwrap();
                    }
                    spool = open(folder.path());
                    prop_assert_eq!(spool.stats().corrupt_segments, 0);
                    let left = spool.stats().records as usize;
                    prop_assert!(synced <= left && left <= waiting.len(), "{} {} {}", synced, left, waiting.len());
                    waiting.truncate(left);
                    synced = left;
                }
            }
            prop_assert!(spool.stats().bytes <= MIN_SPOOL_BYTES);
            prop_assert_eq!(spool.stats().records as usize, waiting.len());
        }
        let rest = drain(&mut spool);
        prop_assert_eq!(rest, waiting);
    }

    #[test]
    fn a_reader_takes_any_octets(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        check_octets(&octets);
    }
}

/// Where in a segment the record of this number ends.
fn synced_length(path: &Path, number: Option<u64>) -> u64 {
    let octets = fs::read(path).unwrap();
    let mut length = segment::HEADER.min(octets.len());
    for found in Records::new(&octets, segment::HEADER, 0) {
        if let Found::Record { header, end, .. } = found
            && number.is_some_and(|number| header.octets <= number)
        {
            length = end;
        }
    }
    length as u64
}

fn marked(epoch: u64, sent: Option<(&Spool, u64, u64)>) -> Marked {
    let spools = sent.map(|(spool, first, last)| (spool.id, (first, last))).into_iter().collect();
    Marked { epoch, spools, ..Marked::default() }
}

/// Segments of a dozen records, so that some of them can go.
fn put_wide(spool: &mut Spool, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        spool.take(&[batch(number, 400)], [].iter(), 100).unwrap();
    }
}

#[test]
fn what_is_acknowledged_stays_until_it_is_durable_and_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.follow(Some(&marked(7, None))).unwrap();
    put_wide(&mut spool, 1..=40);
    let mut groups = Vec::new();
    while let Some(group) = spool.next_group(2000).unwrap() {
        spool.acknowledge(&group).unwrap();
        groups.push(group);
    }
    let before = spool.stats();
    assert_eq!((before.records, before.unforced_records, before.settled), (0, 40, 40));
    // The database has seen the fifth group: all before it is durable.
    let seen = groups[4].clone();
    spool.follow(Some(&marked(7, Some((&spool, seen.first, seen.last))))).unwrap();
    let after = spool.stats();
    assert_eq!(after.unforced_records, 41 - seen.first);
    assert!(after.bytes < before.bytes, "{before:?} {after:?}");
    drop(spool);
    // The same epoch: nothing was taken back, whatever the mark says.
    let mut spool = open(folder.path());
    spool.follow(Some(&marked(7, Some((&spool, seen.first, seen.last))))).unwrap();
    assert_eq!((spool.stats().records, spool.next_group(1).unwrap()), (0, None));
    // Another one: from that group on, all comes again, and that with the token that it had.
    spool.follow(Some(&marked(8, Some((&spool, seen.first, seen.last))))).unwrap();
    assert_eq!(spool.stats().rewound_records, 41 - seen.first);
    assert_eq!(spool.next_group(1).unwrap().unwrap(), seen);
    drop(spool);
    let mut spool = open(folder.path());
    spool.follow(Some(&marked(8, Some((&spool, seen.first, seen.last))))).unwrap();
    let expected: Vec<u64> = (seen.first..=40).collect();
    assert_eq!(drain(&mut spool), expected);
    // A database that knows nothing of it gets what is kept; one without marks is believed.
    spool.follow(Some(&marked(9, None))).unwrap();
    assert_eq!(drain(&mut spool), expected);
    spool.follow(None).unwrap();
    let stats = spool.stats();
    assert_eq!((stats.records, stats.unforced_records), (0, 0));
}

#[test]
fn a_full_spool_leaves_alone_what_is_not_durable() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.follow(Some(&marked(7, None))).unwrap();
    put_wide(&mut spool, 1..=40);
    assert_eq!(drain(&mut spool).len(), 40);
    for number in 41..2_500 {
        spool.take(&[batch(number, 400)], [].iter(), 100).unwrap();
    }
    assert!(spool.stats().dropped_rows > 0);
    spool.follow(Some(&marked(8, None))).unwrap();
    let again = drain(&mut spool);
    assert_eq!(again[..40], (1..=40).collect::<Vec<_>>());
}

#[test]
fn a_first_versions_cursor_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    put(&mut spool, 1..=10);
    let group = spool.next_group(10).unwrap().unwrap();
    drop(spool);
    let path = folder.path().join("cursor");
    let mut octets = fs::read(&path).unwrap();
    for slot in octets.chunks_mut(512) {
        slot[..8].copy_from_slice(b"EtiCurs1");
        let checksum = crc32fast::hash(&slot[..56]);
        slot[56..60].copy_from_slice(&checksum.to_le_bytes());
        slot[60..].fill(0);
    }
    fs::write(&path, octets).unwrap();
    let mut spool = open(folder.path());
    spool.follow(Some(&marked(7, None))).unwrap();
    assert_eq!(spool.next_group(1).unwrap().unwrap(), group, "on its way, with its token");
    assert_eq!(drain(&mut spool), (1..=10).collect::<Vec<_>>());
}

#[test]
fn names_are_held_against_headers() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    put(&mut spool, 1..=5);
    spool.sync().unwrap();
    drop(spool);
    let segment = segment_in(folder.path());
    let all: Vec<u64> = (1..=5).collect();
    let name = |directory: &Path, number: u64| directory.join(format!("{number:020}.spool"));
    let check = |damage: &dyn Fn(&Path, &Path), expected: &[u64]| {
        let copy = copy(folder.path());
        let path = copy.path().join(segment.file_name().unwrap());
        damage(copy.path(), &path);
        let mut spool = open(copy.path());
        assert_eq!(spool.stats().corrupt_segments, 1);
        assert_eq!(drain(&mut spool), expected);
        put(&mut spool, 6..=6);
        assert_eq!(drain(&mut spool), [6]);
        drop(spool);
        assert_eq!(open(copy.path()).stats().corrupt_segments, 0, "told once");
    };
    check(&|folder, path| fs::rename(path, name(folder, 99_999)).unwrap(), &all);
    check(&|folder, path| assert!(fs::copy(path, name(folder, 99_999)).is_ok()), &all);
    check(&|_, path| fs::write(path, b"").unwrap(), &[]);
    check(&|_, path| fs::remove_file(path).unwrap(), &[]);
    let other = tempfile::tempdir().unwrap();
    let mut spool = open(other.path());
    put(&mut spool, 77..=77);
    drop(spool);
    let foreign = segment_in(other.path());
    check(&|folder, _| assert!(fs::copy(&foreign, name(folder, 99_999)).is_ok()), &all);
}
