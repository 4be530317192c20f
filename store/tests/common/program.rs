//! The embedded engine's program and library, for the tests of whoever needs a database.

#![allow(dead_code, unreachable_pub)] // Each test program uses its part of this.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use etiage_store::embedded::{DEFAULT_MEMORY, EngineSettings};

/// The engine's library, as `cargo` is told in the workspace's configuration.
pub fn library() -> PathBuf {
    let library = PathBuf::from(
        std::env::var_os("ETIAGE_ENGINE_LIBRARY").expect("ETIAGE_ENGINE_LIBRARY is set by cargo"),
    );
    assert!(
        library.is_file(),
        "the embedded engine is not installed at {}: run `make deps`",
        library.display()
    );
    library
}

/// The program `etiage-clickhouse`, next to the tests; built if it is missing or older than its
/// sources, as `cargo test -p PACKAGE` does not build other packages' programs.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        // target/debug/deps/this-test
        let profile = test.parent().and_then(Path::parent).unwrap();
        let program = profile.join("etiage-clickhouse");
        if is_current(&program) {
            return program;
        }
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", "etiage-clickhouse", "--target-dir"]);
        build.arg(profile.parent().unwrap());
        if profile.file_name().is_some_and(|name| name == "release") {
            build.arg("--release");
        }
        let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
        assert!(status.success() && program.is_file(), "etiage-clickhouse cannot be built");
        program
    })
}

fn is_current(program: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    // Beside the package's own folder, whichever package it is.
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/embedded/src");
    let sources = std::fs::read_dir(sources).unwrap().map(|entry| entry.unwrap().path());
    let newest = sources.filter_map(|path| modified(&path)).max();
    modified(program).is_some_and(|built| newest.is_some_and(|newest| built > newest))
}

/// What an engine in this data directory needs.
pub fn engine_settings(data: &Path) -> EngineSettings {
    EngineSettings {
        program: program().to_owned(),
        library: library(),
        data: data.to_owned(),
        memory: DEFAULT_MEMORY,
        backups: None,
    }
}
