//! What a bad disk does to what is stored: each kind of damage is seen within seconds of the start, and what is not
//! damaged answers as before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::reliability::{Outcome, report};
use crate::support::{Appliance, need_engine, output};
use serde_json::Value;

/// Saturday, 21 November 2026, 00:00 UTC.
const START: u32 = 1_795_219_200;
/// Packets of the recording, one every 100 s: two days and a half.
const PACKETS: u32 = 2_160;
const OCTETS: u64 = 142;

/// A recording of plain packets of the same length.
fn record(path: &Path, packets: u32) {
    let mut octets = Vec::new();
    for number in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1] {
        octets.extend(number.to_le_bytes());
    }
    for number in 0..packets {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
        frame.extend([0, 128, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 100, 64, 0, 1]);
        frame.extend([0, 123, 0x9c, (number % 5) as u8, 0, 108, 0, 0]);
        frame.resize(OCTETS as usize, 0);
        for field in [START + number * 100, 0, OCTETS as u32, OCTETS as u32] {
            octets.extend(field.to_le_bytes());
        }
        octets.extend(frame);
    }
    fs::write(path, octets).unwrap();
}

/// A folder with a configuration and a store that holds the recording.
struct Sample {
    folder: tempfile::TempDir,
}

impl Sample {
    fn make() -> Self {
        let sample = Self { folder: tempfile::tempdir().unwrap() };
        record(&sample.path("all.pcap"), PACKETS);
        record(&sample.path("nothing.pcap"), 0);
        crate::support::config(sample.folder.path(), "");
        let config = sample.path("etiage.toml");
        let capture = sample.path("all.pcap");
        let arguments = ["replay", "--link", "x", "--config", config.to_str().unwrap()];
        let (status, _, log) = output(&[&arguments[..], &[capture.to_str().unwrap()]].concat());
        assert!(status.success(), "{log}");
        // On a busy machine the last rows may wait in the spool still.
        let appliance = sample.start();
        let rows = |health: &Value| health["store"]["spool"]["rows"] == 0;
        appliance.wait_until("/api/v1/health", rows);
        assert!(appliance.stop("-INT").0.success());
        sample
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A copy, to be damaged.
    fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let all = format!("{}/.", self.folder.path().display());
        let copied = Command::new("cp").args(["-a", &all]).arg(folder.path()).status().unwrap();
        assert!(copied.success());
        Self { folder }
    }

    fn table(&self, name: &str) -> PathBuf {
        let text = fs::read_to_string(self.path(&format!("data/metadata/etiage/{name}.sql")));
        let text = text.unwrap();
        let (_, rest) = text.split_once("UUID '").unwrap();
        let id = rest.split('\'').next().unwrap();
        self.path("data/store").join(&id[..3]).join(id)
    }

    fn parts(&self, table: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.table(table)).unwrap().map(|entry| entry.unwrap().path());
        let mut parts: Vec<PathBuf> =
            entries.filter(|path| path.join("checksums.txt").exists()).collect();
        // Of several parts of the same rows the last is the one that counts.
        parts.sort_by_key(|part| {
            let name = part.file_name().unwrap().to_str().unwrap();
            let mut numbers = name.split('_').skip(1).map(|number| number.parse::<i64>().unwrap());
            let (first, last) = (numbers.next().unwrap(), numbers.next().unwrap());
            last - first
        });
        assert!(!parts.is_empty(), "{table}");
        parts
    }

    /// A file of the largest part of a table.
    fn file(&self, table: &str, suffix: &str) -> PathBuf {
        let part = self.parts(table).pop().unwrap();
        let files = fs::read_dir(&part).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> =
            files.filter(|path| path.to_str().unwrap().contains(suffix)).collect();
        files.sort_by_key(|path| fs::metadata(path).unwrap().len());
        files.pop().unwrap_or_else(|| panic!("{} has no {suffix}", part.display()))
    }

    fn start(&self) -> Appliance {
        let (config, nothing) = (self.path("etiage.toml"), self.path("nothing.pcap"));
        let arguments = ["replay", "--serve", "--link", "x", "--config"];
        let files = [config.to_str().unwrap(), nothing.to_str().unwrap()];
        Appliance::start(&[&arguments[..], &files[..]].concat())
    }

    /// `etiage doctor`: its exit code and all that it says.
    fn doctor(&self, arguments: &[&str]) -> (i32, String) {
        let config = self.path("etiage.toml");
        let own = ["doctor", "--config", config.to_str().unwrap()];
        let (status, said, log) = output(&[&own[..], arguments].concat());
        (status.code().unwrap(), said + &log)
    }
}

fn flip(file: &Path) {
    let mut octets = fs::read(file).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 4;
    overwrite(file, &octets);
}

fn overwrite(file: &Path, octets: &[u8]) {
    // The engine makes its files read-only.
    fs::remove_file(file).unwrap();
    fs::write(file, octets).unwrap();
}

fn halve(file: &Path) {
    let octets = fs::read(file).unwrap();
    overwrite(file, &octets[..octets.len() / 2]);
}

fn empty(sample: &Sample, table: &str) {
    for part in sample.parts(table) {
        fs::remove_dir_all(part).unwrap();
    }
}

/// Once everything was looked at.
fn health(appliance: &Appliance) -> Value {
    let compared = |health: &Value| health["store"]["damage"]["compared"] == true;
    appliance.wait_until("/api/v1/health", compared)
}

/// Octets of all days, from the coarser tables.
fn total(appliance: &Appliance) -> u64 {
    let path = "/api/v1/totals?from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z";
    appliance.get(path)["total"]["octets"].as_u64().unwrap()
}

/// What is done, how, and the word by which it is seen; none where nothing is lost.
type Case = (&'static str, fn(&Sample), Option<&'static str>);

const CASES: [Case; 14] = [
    ("a bit of the marks", |own| flip(&own.file("volumes_10s", ".cmrk")), Some("did not take it")),
    ("half of the data", |own| halve(&own.file("links_10s", ".bin")), Some("did not take it")),
    (
        "a zeroed list of columns",
        |own| overwrite(&own.file("volumes_1m", "columns.txt"), &[0; 50]),
        Some("did not take it"),
    ),
    (
        "zeroed checksums",
        |own| overwrite(&own.file("loads_10s", "checksums.txt"), &[0; 50]),
        Some("did not take it"),
    ),
    (
        "zeroed data",
        |own| {
            let file = own.file("volumes_10s", ".bin");
            let size = fs::metadata(&file).unwrap().len();
            overwrite(&file, &vec![0; size as usize]);
        },
        Some("volumes_10s, part "),
    ),
    (
        "a part that is gone",
        |own| fs::remove_dir_all(own.parts("volumes_10s").pop().unwrap()).unwrap(),
        Some("volumes_10s: rows that were written are missing"),
    ),
    (
        "a table that is empty",
        |own| empty(own, "observations_1m"),
        Some("observations_1m: rows that were written are missing"),
    ),
    (
        "a table's folder that is gone",
        |own| fs::remove_dir_all(own.table("classes_10s")).unwrap(),
        Some("classes_10s: rows that were written are missing"),
    ),
    (
        "a table's file that is zeroed",
        |own| overwrite(&own.path("data/metadata/etiage/volumes_10s.sql"), &[0; 200]),
        Some("volumes_10s.sql: it was unreadable, and its copy"),
    ),
    (
        "a table's file that is empty",
        |own| overwrite(&own.path("data/metadata/etiage/volumes_1h.sql"), b""),
        Some("volumes_1h.sql: it was unreadable, and its copy"),
    ),
    (
        "a table's file that is gone",
        |own| fs::remove_file(own.path("data/metadata/etiage/links_1h.sql")).unwrap(),
        Some("links_1h.sql: it was missing, and its copy"),
    ),
    (
        "the database's file that is gone",
        |own| fs::remove_file(own.path("data/metadata/etiage.sql")).unwrap(),
        Some("etiage.sql: it was missing, and its copy"),
    ),
    (
        "a table's file and its copy",
        |own| {
            fs::remove_file(own.path("data/metadata/etiage/volumes_10s.sql")).unwrap();
            fs::remove_file(own.path("data/etiage-metadata/etiage/volumes_10s.sql")).unwrap();
        },
        Some("volumes_10s: the table was missing, and is made anew"),
    ),
    // The engine makes them again from the files themselves.
    (
        "checksums that are gone",
        |own| fs::remove_file(own.file("volumes_10s", "checksums.txt")).unwrap(),
        None,
    ),
];

#[test]
fn damage_is_seen_and_the_rest_answers() {
    need_engine();
    let sample = Sample::make();
    let all = u64::from(PACKETS) * OCTETS;
    let copy = sample.copy();
    let untouched = copy.start();
    let health_before = health(&untouched);
    assert_eq!(health_before["status"], "ok", "{health_before:#}");
    assert_eq!(total(&untouched), all);
    drop((untouched, copy));
    for (name, damage, seen) in CASES {
        let own = sample.copy();
        damage(&own);
        let appliance = own.start();
        let health = health(&appliance);
        let reasons = health["reasons"].to_string();
        match seen {
            Some(word) => {
                assert!(reasons.contains(word), "{name}: {health:#}");
                assert_eq!(health["status"], "degraded", "{name}");
            }
            None => assert_eq!(health["status"], "ok", "{name}: {health:#}"),
        }
        assert_eq!(total(&appliance), all, "{name}: the coarser tables hold it all");
        let (status, log) = appliance.stop("-INT");
        assert!(status.success(), "{name}: {log}");
        let told = log.matches("what is stored is damaged").count();
        assert!((seen.is_some() && (1..10).contains(&told)) || told == 0, "{name}: {log}");
    }
    let times = CASES.len() as u32;
    report(Outcome {
        fault: "damaged files of the store: octets missing without a report",
        times,
        lost: 0,
        doubled: 0,
        recovery: None,
        of: all,
    });
}

#[test]
fn the_doctor_says_what_to_do() {
    need_engine();
    let sample = Sample::make();
    let (code, said) = sample.doctor(&["--deep"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("the appliance does not run") && said.contains("nothing is wrong"),
        "{said}"
    );

    // A bit that only a look at everything finds, for nobody reads this column.
    let own = sample.copy();
    flip(&own.file("volumes_10s", ".bin"));
    let (code, said) = own.doctor(&["--deep"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("volumes_10s, part ") && said.contains("what to do: "), "{said}");
    let (code, said) = own.doctor(&["--deep", "--give-up"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("is set aside") && said.contains("are given up"), "{said}");
    assert_eq!(own.doctor(&["--deep"]).0, 0);

    let own = sample.copy();
    flip(&own.file("volumes_10s", ".cmrk"));
    let (code, said) = own.doctor(&["--give-up"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("is deleted"), "{said}");

    // An engine that does not start says why.
    let own = sample.copy();
    overwrite(&own.table("volumes_1h").join("format_version.txt"), b"");
    let (code, said) = own.doctor(&[]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("the engine does not start") && said.contains("DB::Exception"), "{said}");
}
