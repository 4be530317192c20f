//! A backup that is taken while rows come in is whole, and comes back as it was; a damaged one does not come back.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::support::{Appliance, need_engine, output};
use serde_json::Value;

/// Seconds of the recording, one packet each: every ten make some rows.
const SECONDS: u32 = 60_000;

fn record(path: &Path) {
    let mut octets = Vec::new();
    for number in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1] {
        octets.extend(number.to_le_bytes());
    }
    for number in 0..SECONDS {
        let port = [53_u16, 123, 443, 3478, 5060, 6881, 51820][number as usize % 7];
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
        frame.extend([0, 128, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 100, 64, 0, 1]);
        frame.extend(port.to_be_bytes());
        frame.extend([0x9c, 1, 0, 108, 0, 0]);
        frame.resize(142, 0);
        for field in [1_795_219_200 + number, 0, 142, 142] {
            octets.extend(field.to_le_bytes());
        }
        octets.extend(frame);
    }
    fs::write(path, octets).unwrap();
}

/// A configuration; the program that asks must find the one that runs, so that its port is a known one.
fn configure(folder: &Path, name: &str, more: &str) -> PathBuf {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap();
    let path = folder.join(format!("{name}.toml"));
    let text = format!(
        "local_prefixes = [\"100.64.0.0/10\"]\n[store]\ndata = \"{name}\"\n{more}\n\
         [store.spool]\nrows_per_second = 1000\n[api]\nlisten = \"{listen}\"\n"
    );
    fs::write(&path, text).unwrap();
    path
}

fn run(command: &str, config: &Path, arguments: &[&str]) -> (i32, String) {
    let own = [command, "--config", config.to_str().unwrap()];
    let (status, said, log) = output(&[&own[..], arguments].concat());
    (status.code().unwrap(), said + &log)
}

fn written(appliance: &Appliance) -> u64 {
    appliance.get("/api/v1/health")["store"]["written_rows"].as_u64().unwrap()
}

fn manifest(backup: &Path) -> Value {
    serde_json::from_slice(&fs::read(backup.join("etiage-backup.json")).unwrap()).unwrap()
}

/// Octets of all days by table.
fn sums(manifest: &Value) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for sum in manifest["sums"].as_array().unwrap() {
        let table = sum["table"].as_str().unwrap().to_owned();
        *sums.entry(table).or_default() += sum["octets"].as_u64().unwrap();
    }
    sums
}

/// Every tier and family of volumes holds the same: the picture is of one moment.
fn agrees(sums: &BTreeMap<String, u64>) -> u64 {
    let octets = sums["volumes_10s"];
    let families = ["volumes_", "links_", "loads_", "classes_"];
    let of = |table: &String| families.iter().any(|family| table.starts_with(family));
    for (table, sum) in sums.iter().filter(|(table, _)| of(table)) {
        assert_eq!(*sum, octets, "{table}: {sums:?}");
    }
    octets
}

#[test]
fn a_backup_of_the_running_appliance_comes_back() {
    need_engine();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let capture = folder.join("long.pcap");
    record(&capture);
    let config = configure(folder, "data", "backups = \"backups\"");
    let arguments = ["replay", "--serve", "--link", "x", "--config", config.to_str().unwrap()];
    let appliance = Appliance::start(&[&arguments[..], &[capture.to_str().unwrap()]].concat());
    let wrote = |more: u64| {
        let before = written(&appliance);
        appliance.wait_until("/api/v1/health", |health| {
            health["store"]["written_rows"].as_u64().unwrap() >= before + more
        });
    };
    wrote(1);
    let (code, said) = run("backup", &config, &["one"]);
    assert_eq!(code, 0, "{said}");
    wrote(500);
    let (code, said) = run("backup", &config, &["two", "--base", "one"]);
    assert_eq!(code, 0, "{said}");
    let waiting = appliance.get("/api/v1/health")["store"]["spool"]["rows"].as_u64().unwrap();
    assert!(waiting > 0, "rows came in all the time");
    let (code, said) = run("backup", &config, &["two"]);
    assert!(code == 2 && said.contains("exists already"), "{code} {said}");
    let (code, said) = run("doctor", &config, &[]);
    assert!(said.contains("the appliance runs") && !said.contains("\nstore"), "{code} {said}");
    drop(appliance);

    let backups = folder.join("backups");
    let (one, two) = (manifest(&backups.join("one")), manifest(&backups.join("two")));
    assert!(agrees(&sums(&one)) < agrees(&sums(&two)));
    let size = |name: &str| -> u64 {
        let mut folders = vec![backups.join(name)];
        let mut size = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let data = entry.metadata().unwrap();
                if data.is_dir() { folders.push(entry.path()) } else { size += data.len() }
            }
        }
        size
    };
    assert!(size("one") > 0 && size("two") > 0);

    // Elsewhere, with the appliance stopped; what is restored is taken as any store is.
    let moved = folder.join("moved");
    fs::rename(&backups, &moved).unwrap();
    let elsewhere = configure(folder, "restored", "backups = \"again\"");
    let from = moved.join("two");
    let (code, said) = run("restore", &elsewhere, &[from.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = run("doctor", &elsewhere, &["--deep"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = run("backup", &elsewhere, &["three"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(sums(&manifest(&folder.join("again/three"))), sums(&two));
    let (code, said) = run("restore", &elsewhere, &[from.to_str().unwrap()]);
    assert!(code == 2 && said.contains("holds something already"), "{code} {said}");

    what_cannot_be_restored(folder, &moved);
}

fn what_cannot_be_restored(folder: &Path, backups: &Path) {
    let config = configure(folder, "never", "");
    let refused = |name: &str, why: &str| {
        let from = backups.join(name);
        let (code, said) = run("restore", &config, &[from.to_str().unwrap()]);
        assert!(code != 0 && said.contains(why), "{code} {said}");
        // An empty directory is one that can be restored into.
        let entries = fs::read_dir(folder.join("never")).map_or(0, Iterator::count);
        assert!(entries == 0 && !folder.join("never.restoring").exists(), "{said}");
    };
    // A newer program's.
    let path = backups.join("one/etiage-backup.json");
    let text = fs::read_to_string(&path).unwrap();
    let mut newer: Value = serde_json::from_str(&text).unwrap();
    newer["schema"] = 99.into();
    fs::write(&path, newer.to_string()).unwrap();
    refused("one", "was taken by a newer etiage");
    refused("two", "was taken by a newer etiage");
    // Other sums than it was taken with.
    let mut other: Value = serde_json::from_str(&text).unwrap();
    other["sums"][0]["octets"] = 1.into();
    fs::write(&path, other.to_string()).unwrap();
    refused("one", "has other sums on");
    fs::write(&path, &text).unwrap();
    // A flipped bit.
    let table = backups.join("one/data/etiage/volumes_10s");
    let part = fs::read_dir(table).unwrap().next().unwrap().unwrap().path();
    let data = part.join("data.bin");
    let mut octets = fs::read(&data).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 4;
    fs::remove_file(&data).unwrap();
    fs::write(&data, octets).unwrap();
    refused("one", "is damaged: volumes_10s, part ");
    fs::remove_file(data).unwrap();
    refused("one", "failed to restore the backup");
    fs::remove_file(path).unwrap();
    refused("one", "is none of etiage's, or it is not whole");
    let (code, said) = run("backup", &config, &[]);
    assert!(code == 2 && said.contains("[store] backups"), "{code} {said}");
    let config = configure(folder, "some", "backups = \"here\"");
    for (place, why) in [("s3://bucket/x", "not to a URL"), ("/etc/x", "is not within")] {
        let (code, said) = run("backup", &config, &[place]);
        assert!(code == 2 && said.contains(why), "{code} {said}");
    }
}
