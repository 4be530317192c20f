//! Captures of kinds that were once wrong: tunnels, link types, ways to hide. All octets of each but a few of ARP and
//! the like are one protocol's (`fixtures/kinds/expected.csv`).

use serde_json::Value;

use crate::support::{count_records, output, root};

/// Octets that a capture may have besides.
const OTHERS: f64 = 0.005;

#[test]
fn each_is_what_it_is() {
    let folder = root().join("fixtures/kinds");
    let expected = std::fs::read_to_string(folder.join("expected.csv")).unwrap();
    let mut wrong = Vec::new();
    for line in expected.lines().skip(1) {
        let [name, flows, protocol, category] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let file = folder.join(name);
        let (status, json, errors) =
            output(&["classify", "--format", "json", file.to_str().unwrap()]);
        assert!(status.success(), "{name}: {errors}");
        let answer: Value = serde_json::from_str(&json).unwrap();
        let octets = |list: &str, word: &str| {
            let rows = answer[list].as_array().unwrap();
            let row = rows.iter().find(|row| row["name"] == word);
            row.map_or(0, |row| row["octets"].as_u64().unwrap())
        };
        let all = answer["octets"].as_u64().unwrap();
        let most = (all as f64 * (1.0 - OTHERS)) as u64;
        let found = (octets("protocols", protocol), octets("categories", category));
        if found.0 < most || found.1 < most || answer["flows"].as_u64() != flows.parse().ok() {
            wrong.push(format!("{name}: {found:?} of {all} are {protocol} and {category}: {json}"));
        }
        let magic = std::fs::read(&file).unwrap()[..4].to_vec();
        if magic == 0xa1b2_c3d4_u32.to_le_bytes() {
            let (packets, octets) = count_records(&file);
            assert_eq!((answer["packets"].as_u64(), all), (Some(packets), octets), "{name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
