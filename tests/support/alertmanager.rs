//! The real Alertmanager, of Debian's package `prometheus-alertmanager`.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{PATIENCE, get};

pub struct Alertmanager {
    child: Child,
    pub address: String,
}

impl Alertmanager {
    /// Starts it, with its files in this folder, and waits until it answers.
    pub fn start(folder: &Path) -> Self {
        let config = folder.join("alertmanager.yml");
        std::fs::write(&config, "route: {receiver: none}\nreceivers: [{name: none}]\n").unwrap();
        // The port is free when it is looked for, and most likely still when it is used.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.join("alertmanager").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus-alertmanager is missing: run `make deps-test`");
        let server = Self { child, address };
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(&server.address).is_err()
            || get(&server.address, "/-/ready").0 != 200
        {
            assert!(Instant::now() < deadline, "Alertmanager does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// What fires.
    pub fn firing(&self) -> Vec<Value> {
        let (status, body) = get(&self.address, "/api/v2/alerts");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Asks until so many alerts fire. More of them never do.
    pub fn wait_for(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let firing = self.firing();
            assert!(firing.len() <= 1, "{firing:#?}");
            if firing.len() == count {
                return firing;
            }
            assert!(Instant::now() < deadline, "not {count} but {firing:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
