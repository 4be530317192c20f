//! What users see when something is not as it should be: one line that says what to do, and the exit code.

use std::net::TcpListener;
use std::path::Path;

use crate::support::{Appliance, capture, config, etiage, is_alive, need_engine, output};

/// Standard error of a command that must fail with this code, on one line, and print nothing else.
fn fails(code: i32, arguments: &[&str]) -> String {
    let (status, printed, errors) = output(arguments);
    assert_eq!(status.code(), Some(code), "{arguments:?}: {errors}");
    assert_eq!(printed, "", "{arguments:?}");
    let told: Vec<_> = errors.lines().filter(|line| !line.contains(" INFO ")).collect();
    assert_eq!(told.len(), 1, "{errors}");
    told[0].to_owned()
}

fn file(folder: &Path, name: &str, content: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn unusable_captures() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let missing = folder.join("missing.pcap");
    let error = fails(1, &["classify", missing.to_str().unwrap()]);
    assert!(error.contains("missing.pcap: No such file"), "{error}");
    let error = fails(1, &["classify", &file(folder, "empty.pcap", b"")]);
    assert!(error.contains("is empty: a capture has a header"), "{error}");
    let error =
        fails(1, &["classify", &file(folder, "text.pcap", b"This is no capture at all.\n")]);
    assert!(error.contains("is not a capture that libpcap reads"), "{error}");
    let whole = std::fs::read(capture("ot01_dns.link-a")).unwrap();
    let mut other = whole.clone();
    other[20] = 147;
    let error = fails(1, &["classify", &file(folder, "radio.pcap", &other)]);
    assert!(error.contains("link type 147 is not supported"), "{error}");
}

#[test]
fn a_truncated_capture_is_counted_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(capture("ot01_dns.link-a")).unwrap();
    let cut = file(folder.path(), "cut.pcap", &whole[..whole.len() - 7]);
    let (status, text, errors) = output(&["classify", "--format", "json", &cut]);
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("damaged after 109 packets, which were counted"), "{errors}");
    let totals: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(totals["packets"], 109);
}

#[test]
fn a_capture_without_packets_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(capture("ot01_dns.link-a")).unwrap();
    let header = file(folder.path(), "header.pcap", &whole[..24]);
    let (status, text, errors) = output(&["classify", &header]);
    assert!(status.success(), "{errors}");
    assert!(text.starts_with("0 packets, 0 octets, 0 flows"), "{text}");
}

#[test]
fn unusable_arguments() {
    for arguments in [
        &["classify"][..],
        &["classify", "--format", "xml", "x"],
        &["replay", "--repeat", "x"],
        &["observe"],
        &["run", "--config"],
    ] {
        let (status, _, errors) = output(arguments);
        assert_eq!(status.code(), Some(2), "{arguments:?}: {errors}");
    }
    let error = fails(2, &["run", "--config", "missing.toml"]);
    assert!(error.contains("cannot read the configuration missing.toml"), "{error}");
}

#[test]
fn every_error_of_a_configuration_is_told_at_once_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let text = "probes = \"x\"\n[flows]\ntcp_idle = 60\nudp_idle = \"60 parsecs\"\n\
                [api]\nlisten = \"0.0.0.0:8420\"\n\
                [[link]]\nname = \"a b\"\nkind = \"peer\"\ninterface = \"eth0\"\n  vlan = 5000\n\
                [[link]]\nname = \"ok\"\ncapacity = \"10 furlongs\"\n\
                [[link]]\nname = \"ok\"\ninterface = \"eth0\"\n";
    let path = file(folder.path(), "etiage.toml", text.as_bytes());
    let (status, _, errors) = output(&["check", "--config", &path]);
    assert_eq!(status.code(), Some(2));
    let places: Vec<_> = errors.lines().map(|line| line.strip_prefix(&path).unwrap()).collect();
    let expected = [
        ":1:1: unknown key `probes`",
        ":3:12: `tcp_idle` must be a string in quotes",
        ":4:12: `udp_idle` is \"60 parsecs\": write a duration with its unit",
        ":6:10: 0.0.0.0:8420 can be reached from other machines: set `token`",
        ":8:8: `name` is \"a b\": a name is made of",
        ":9:8: `kind` is \"peer\", not one of transit, pni",
        ":11:10: `vlan` is not a whole number from 1 to 4094",
        ":12:1: a link has no `interface`",
        ":14:12: `capacity` is \"10 furlongs\": write bits per second",
        ":15:1: a second link is called \"ok\"",
    ];
    assert_eq!(places.len(), expected.len(), "{errors}");
    for (place, expected) in places.iter().zip(expected) {
        assert!(place.starts_with(expected), "{place:?} is not {expected:?}");
    }
}

#[test]
fn what_is_wrong_with_an_interface_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[capture]\nworkers = 0\ncores = [1]\n\
                [[interface]]\nname = \"eth0\"\nworkers = 3\ncores = [2, 3]\n\
                [[interface]]\nname = \"eth1\"\ncores = [\"2\"]\nring = \"1kB\"\n\
                [[interface]]\nname = \"eth0\"\n\
                [[interface]]\nring = \"64MiB\"\n\
                [[link]]\nname = \"a\"\ninterface = \"eth0\"\n";
    let path = file(folder.path(), "etiage.toml", text.as_bytes());
    let (status, _, errors) = output(&["check", "--config", &path]);
    assert_eq!(status.code(), Some(2));
    let places: Vec<_> = errors.lines().map(|line| line.strip_prefix(&path).unwrap()).collect();
    let expected = [
        ":2:11: `workers` is not a whole number from 1 to 64",
        ":3:1: unknown key `cores`; capture has snap_octets, ring, workers, promiscuous",
        ":7:10: `cores` names 2 for 3 workers: one each",
        ":9:8: no [[link]] is captured on interface \"eth1\"",
        ":10:10: `cores` holds what is not a whole number from 0 to 1023",
        ":11:8: `ring` must be from 1MiB to 2047MiB",
        ":13:8: a second [[interface]] is called \"eth0\"",
        ":14:1: an [[interface]] has no `name`",
    ];
    assert_eq!(places.len(), expected.len(), "{errors}");
    for (place, expected) in places.iter().zip(expected) {
        assert!(place.starts_with(expected), "{place:?} is not {expected:?}");
    }
}

#[test]
fn how_interfaces_are_captured_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[capture]\nring = \"32MiB\"\nworkers = 2\n\
                [[interface]]\nname = \"eth1\"\ncores = [2, 3, 5]\npromiscuous = false\n\
                [[link]]\nname = \"a\"\ninterface = [\"eth0\", \"eth1\"]\n";
    let path = file(folder.path(), "etiage.toml", text.as_bytes());
    let (status, text, errors) = output(&["check", "--config", &path]);
    assert!(status.success(), "{errors}");
    for line in [
        "capture   interface eth0: 2 workers, each with a ring of 33554432 octets; 65535 octets of each \
         packet, promiscuous",
        "capture   interface eth1: 3 workers, each with a ring of 33554432 octets, on cores 2, 3, 5; \
         65535 octets of each packet",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn what_a_configuration_takes_is_added_up() {
    let folder = tempfile::tempdir().unwrap();
    let explained = |text: &str, expected: &[&str]| {
        let path = file(folder.path(), "etiage.toml", text.as_bytes());
        let (status, text, errors) = output(&["check", "--config", &path]);
        assert!(status.success(), "{errors}");
        for line in expected {
            assert!(text.lines().any(|found| found == *line), "{line}\n{text}");
        }
    };
    let links = "[[interface]]\nname = \"eth1\"\nworkers = 3\nring = \"32MiB\"\n\
                 [[link]]\nname = \"a\"\ninterface = [\"eth0\", \"eth1\"]\n";
    let store =
        "[store]\nmemory = \"1GiB\"\nmax_size = \"20GiB\"\n[store.spool]\nmax_bytes = \"512MiB\"\n";
    explained(
        &format!("[flows]\nmax = 50000\nmax_memory = \"128MiB\"\n{store}{links}"),
        &[
            "flows     at most 50000 within 128 MiB for each worker; TCP idle 300 s, others 60 s",
            "memory    at most 1.66 GiB: flows 512 MiB (4 x 128 MiB), rings 160 MiB, engine 1 GiB",
            "disk      at most 20.5 GiB: spool 512 MiB, history 20 GiB",
        ],
    );
    explained(
        &format!("[store]\nurl = \"http://127.0.0.1:8123\"\n{links}"),
        &[
            "memory    at most 4.16 GiB: flows 4 GiB (4 x 1 GiB), rings 160 MiB",
            "disk      at most 4 GiB: the spool",
        ],
    );
    let path = file(folder.path(), "etiage.toml", b"[flows]\nmax_memory = \"1000KiB\"\n");
    let error = fails(2, &["check", "--config", &path]);
    assert!(error.contains(":2:14: `max_memory` must be at least 1MiB"), "{error}");
}

#[test]
fn a_broken_configuration_names_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "etiage.toml", b"[api\nlisten = \n");
    let (status, _, errors) = output(&["check", "--config", &path]);
    assert_eq!(status.code(), Some(2));
    assert!(errors.contains("etiage.toml:1:"), "{errors}");
}

#[test]
fn the_sample_configuration_is_valid_and_is_explained() {
    let (status, text, errors) = output(&["check", "--config", "etiage.toml"]);
    assert!(status.success(), "{errors}");
    assert!(
        text.contains("link      this-machine (transit): interface any; direction by local"),
        "{text}"
    );
    let (status, text, errors) = output(&["check", "--config", "fixtures/demo.toml"]);
    assert!(status.success(), "{errors}");
    assert!(text.contains("link      transit-a (transit, AS64500, 100 Mbit/s each way)"), "{text}");
}

#[test]
fn no_such_interface() {
    let folder = tempfile::tempdir().unwrap();
    let links = "[[link]]\nname = \"x\"\ninterface = \"nosuchif0\"\n";
    let config = config(folder.path(), links);
    let error = fails(1, &["run", "--config", config.to_str().unwrap()]);
    assert!(error.contains("cannot capture on interface nosuchif0"), "{error}");
}

#[test]
fn nothing_to_capture() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "");
    let error = fails(2, &["run", "--config", config.to_str().unwrap()]);
    assert!(error.contains("there is no [[link]]"), "{error}");
}

#[test]
fn a_port_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let config =
        file(folder.path(), "etiage.toml", format!("[api]\nlisten = \"{listen}\"\n").as_bytes());
    let dns = capture("ot01_dns.link-a");
    let error = fails(1, &["replay", "--config", &config, dns.to_str().unwrap()]);
    assert!(error.contains(&format!("cannot serve on {listen}")), "{error}");
    assert!(error.contains("is another etiage running?"), "{error}");
    // The address of the command line is the one that counts.
    let error = fails(1, &["replay", "--listen", &listen, dns.to_str().unwrap()]);
    assert!(error.contains(&format!("cannot serve on {listen}")), "{error}");
}

#[test]
fn an_address_that_others_reach_needs_a_token_on_the_command_line_too() {
    let dns = capture("ot01_dns.link-a");
    let error = fails(2, &["replay", "--listen", "[::]:0", dns.to_str().unwrap()]);
    assert!(error.starts_with("etiage: --listen: [::]:0 can be reached from"), "{error}");
    assert!(error.contains("set `token`"), "{error}");
}

#[test]
fn a_server_that_is_not_there_or_too_old() {
    let folder = tempfile::tempdir().unwrap();
    let dns = capture("ot01_dns.link-a");
    let replay = |url: &str| {
        let text = format!("[store]\nurl = \"{url}\"\n[api]\nlisten = \"127.0.0.1:0\"\n");
        let config = file(folder.path(), "etiage.toml", text.as_bytes());
        fails(1, &["replay", "--config", &config, dns.to_str().unwrap()])
    };
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = replay(&format!("http://{free}"));
    assert!(error.contains("cannot be reached"), "{error}");
    let old = old_server();
    let error = replay(&format!("http://{old}"));
    assert!(error.contains("18.16.1") && error.contains("24.8 or newer is needed"), "{error}");
}

/// A server as Debian 12 packages it, as far as its version is asked for.
fn old_server() -> std::net::SocketAddr {
    use std::io::{Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request); // Whatever is asked, the answer is the same.
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\n18.16.1\n",
            );
        }
    });
    address
}

#[test]
fn a_missing_engine_library() {
    let folder = tempfile::tempdir().unwrap();
    let config = file(
        folder.path(),
        "etiage.toml",
        b"[store]\ndata = \"data\"\nengine_library = \"nowhere/libchdb.so\"\n[api]\nlisten = \"127.0.0.1:0\"\n",
    );
    let dns = capture("ot01_dns.link-a");
    let error = fails(1, &["replay", "--config", &config, dns.to_str().unwrap()]);
    assert!(error.contains("nowhere/libchdb.so") && error.contains("make deps"), "{error}");
}

#[test]
fn a_data_directory_that_another_process_holds_and_a_clean_end() {
    need_engine();
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "");
    let (config, dns) = (config.to_str().unwrap(), capture("ot01_dns.link-a"));
    let arguments = ["replay", "--serve", "--link", "x", "--config", config, dns.to_str().unwrap()];
    let first = Appliance::start(&arguments);
    let error = fails(1, &arguments);
    assert!(error.contains("data") && error.contains("stop that process"), "{error}");
    let children = first.children();
    assert_eq!(children.len(), 1, "the engine");
    let (status, errors) = first.stop("-INT");
    assert!(status.success(), "{errors}");
    assert!(children.iter().all(|child| !is_alive(*child)), "the engine is left behind");
    // And it starts again on the same data.
    let again = Appliance::start(&arguments);
    let (status, errors) = again.stop("-TERM");
    assert!(status.success(), "{errors}");
}

#[test]
fn the_engine_ends_with_a_killed_appliance() {
    need_engine();
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "");
    let dns = capture("ot01_dns.link-a");
    let mut command = etiage(&["replay", "--serve", "--link", "x", "--config"]);
    command.arg(&config).arg(&dns);
    let appliance = Appliance::of(command);
    let children = appliance.children();
    let (status, _) = appliance.stop("-KILL");
    assert!(!status.success());
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    while children.iter().any(|child| is_alive(*child)) {
        assert!(std::time::Instant::now() < deadline, "the engine outlives the appliance");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
