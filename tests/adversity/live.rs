//! Live capture on a real interface: two network namespaces, a veth pair, nginx at one end and curl at the
//! other; what crosses it appears in ClickHouse and in the API.
//!
//! Skipped, with a message, where namespaces are not allowed.

use std::path::Path;
use std::process::{Child, Stdio};

use crate::support::wire::Wire;
use crate::support::{Appliance, config, etiage};

const BODY: usize = 300_000;

/// A program that is ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn nginx(namespace: &str, folder: &Path) -> Server {
    std::fs::write(folder.join("file.bin"), vec![7; BODY]).unwrap();
    let shown = folder.display();
    let text = format!(
        "daemon off; master_process off; pid {shown}/pid; error_log stderr;\n\
         events {{}}\n\
         http {{ access_log off; client_body_temp_path {shown}; proxy_temp_path {shown};\n\
         fastcgi_temp_path {shown}; uwsgi_temp_path {shown}; scgi_temp_path {shown};\n\
         server {{ listen 198.51.100.9:80; root {shown}; }} }}\n"
    );
    let config = folder.join("nginx.conf");
    std::fs::write(&config, text).unwrap();
    let mut command = Wire::inside(namespace, "nginx");
    command.arg("-p").arg(folder).arg("-c").arg(config).stderr(Stdio::null());
    Server(command.spawn().unwrap())
}

fn download(namespace: &str) {
    let status = Wire::inside(namespace, "curl")
        .args(["--silent", "--fail", "--output", "/dev/null", "--retry", "50"])
        .args(["--retry-connrefused", "--retry-delay", "0", "--retry-max-time", "30"])
        .args(["--resolve", "dl4.1fichier.com:80:198.51.100.9"])
        .arg("http://dl4.1fichier.com/file.bin")
        .status()
        .unwrap();
    assert!(status.success(), "curl: {status}");
}

#[test]
fn traffic_on_a_veth_pair_appears_in_clickhouse_and_in_the_api() {
    let Some(wire) = Wire::lay() else { return };
    let folder = tempfile::tempdir().unwrap();
    // nginx's worker may run as another user.
    let _server = nginx(&wire.far, folder.path());
    let links = "[[interface]]\nname = \"near0\"\nworkers = 2\nring = \"8MiB\"\n\
                 [[link]]\nname = \"veth\"\ninterface = \"near0\"\ncapacity = \"1G\"\n";
    let config = config(folder.path(), links);
    // The program runs in the near namespace: its loopback is there, so it is asked from there too.
    let mut command = Wire::inside(&wire.near, env!("CARGO_BIN_EXE_etiage"));
    command.args(["run", "--config"]).arg(&config).envs(
        etiage(&[])
            .get_envs()
            .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value.to_owned()))),
    );
    let mut appliance = Appliance::of(command);
    appliance.wait_for_line("capturing on near0, 2 workers");
    download(&wire.near);
    let ask = |path: &str| -> serde_json::Value {
        let url = format!("http://{}{path}", appliance.address);
        let output =
            Wire::inside(&wire.near, "curl").args(["--silent", "--fail", &url]).output().unwrap();
        assert!(output.status.success(), "{path}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    let totals = loop {
        let totals = ask("/api/v1/totals?from=now-10m&to=now&group_by=service,category,direction");
        let services = totals["rows"].as_array().unwrap();
        if services.iter().any(|row| row["group"]["service"] == "1fichier") {
            break totals;
        }
        assert!(std::time::Instant::now() < deadline, "{totals:#}");
        std::thread::sleep(std::time::Duration::from_millis(300));
    };
    let of = |direction: &str| {
        let rows = totals["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| {
            row["group"]["service"] == "1fichier" && row["group"]["direction"] == direction
        });
        assert_eq!(row.unwrap()["group"]["category"], "direct-download");
        row.unwrap()["octets"].as_u64().unwrap()
    };
    // The body and its headers come in; acknowledgments go out.
    let (incoming, outgoing) = (of("in"), of("out"));
    assert!((BODY as u64..BODY as u64 * 11 / 10).contains(&incoming), "{incoming}");
    assert!((200..BODY as u64 / 10).contains(&outgoing), "{outgoing}");
    let health = ask("/api/v1/health");
    assert_eq!(health["capture"]["dropped"]["kernel"], 0);
    let (status, errors) = appliance.stop("-INT");
    assert!(status.success(), "{errors}");
}
