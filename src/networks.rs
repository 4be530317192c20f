//! The networks of `[networks]`: read from their files, and read again when these change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use etiage_aggregator::networks::{NetworkPrefix, Networks, NetworksBuilder, SharedNetworks};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::config::Config;
use crate::failure::Failure;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(60);
/// Largest file that is read: some ten times the largest that is published.
const MAX_FILE: u64 = 512 << 20;

/// What `[networks]` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    /// MaxMind databases (`.mmdb`) and lists (`.csv`).
    pub(crate) files: Vec<PathBuf>,
    /// Prefixes of one's own, which win.
    pub(crate) prefixes: Vec<NetworkPrefix>,
}

impl Sources {
    /// Reads everything.
    pub(crate) fn read(&self) -> Result<Networks, String> {
        let mut builder = NetworksBuilder::default();
        for prefix in &self.prefixes {
            builder.prefix(prefix);
        }
        for file in &self.files {
            let named = |reason: String| format!("networks: {}: {reason}", file.display());
            let octets = std::fs::metadata(file).map_err(|error| named(error.to_string()))?.len();
            if octets > MAX_FILE {
                return Err(named(format!("it has {octets} octets, more than {MAX_FILE}")));
            }
            let content = std::fs::read(file).map_err(|error| named(error.to_string()))?;
            let read = match file.extension().and_then(|extension| extension.to_str()) {
                Some("mmdb") => builder.mmdb(&content),
                _ => builder.csv(&content),
            };
            read.map_err(|error| named(error.to_string()))?;
        }
        Ok(builder.build())
    }

    /// When each file was last changed; none where it cannot be told.
    fn changed(&self) -> Vec<Option<SystemTime>> {
        let changed = |file: &PathBuf| file.metadata().and_then(|data| data.modified()).ok();
        self.files.iter().map(changed).collect()
    }
}

/// Whether a file's name says what is in it.
pub(crate) fn is_known_kind(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("mmdb" | "csv"))
}

/// Reads the networks before anything is captured: what cannot be used is fatal then.
pub(crate) fn load(config: &Config) -> Result<Arc<SharedNetworks>, Failure> {
    let networks =
        config.networks.read().map_err(|error| Failure::Unusable(format!("etiage: {error}")))?;
    if !networks.is_empty() {
        tracing::info!("networks: {} ranges", networks.len());
    }
    Ok(Arc::new(SharedNetworks::new(networks)))
}

/// Reads them again whenever a file has changed. What cannot be used then is logged, and the table stays
/// as it was.
pub(crate) async fn keep_fresh(
    sources: Sources,
    shared: Arc<SharedNetworks>,
    mut stop: watch::Receiver<bool>,
) {
    if sources.files.is_empty() {
        return;
    }
    let mut seen = sources.changed();
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = ticks.tick() => {}
        }
        let changed = sources.changed();
        if changed == seen {
            continue;
        }
        seen = changed;
        refresh(&sources, &shared).await;
    }
}

/// Reads on a thread of its own, so that neither a slow disk nor a broken file touches anything else.
async fn refresh(sources: &Sources, shared: &SharedNetworks) {
    let own = sources.clone();
    match tokio::task::spawn_blocking(move || own.read()).await {
        Ok(Ok(networks)) => {
            tracing::info!("networks: read again, {} ranges", networks.len());
            shared.replace(networks);
        }
        Ok(Err(error)) => tracing::error!("{error}; the networks stay as they were"),
        Err(error) => tracing::error!("networks: {error}; they stay as they were"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(folder: &Path, name: &str, content: &str) -> Sources {
        let file = folder.join(name);
        std::fs::write(&file, content).unwrap();
        Sources { files: vec![file], prefixes: Vec::new() }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content, expected) in [
            ("a.mmdb", "not a database", "a.mmdb: it is no MaxMind database"),
            ("b.csv", "1.0.0.0,1.0.0.2", "b.csv: it ends within a line"),
            ("c.csv", "1.0.0.0,1.0.0.2,x,y\n", "c.csv: line 1"),
        ] {
            let error = sources(folder.path(), name, content).read().unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let missing = Sources { files: vec![folder.path().join("d.csv")], ..Sources::default() };
        assert!(missing.read().unwrap_err().contains("d.csv: No such file"));
    }

    #[tokio::test]
    async fn a_broken_file_leaves_the_networks_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let sources = sources(folder.path(), "a.csv", "1.0.0.0,1.0.0.255,13335,Cloudflare\n");
        let shared = SharedNetworks::new(sources.read().unwrap());
        let asn = |shared: &SharedNetworks| shared.get().look_up([1, 0, 0, 1].into());
        std::fs::write(&sources.files[0], "1.0.0.0,1.0.0").unwrap();
        refresh(&sources, &shared).await;
        assert_eq!(asn(&shared), 13335);
        std::fs::write(&sources.files[0], "1.0.0.0,1.0.0.255,64500,Other\n").unwrap();
        refresh(&sources, &shared).await;
        assert_eq!(asn(&shared), 64500);
    }
}
