//! Builds the crate again when the dashboards it embeds were built again.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A debug build reads the files when it runs; cargo would rerun this at every build for a folder
    // that is not there.
    let dist = Path::new("../dashboards/dist");
    if dist.is_dir() || std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo::rerun-if-changed={}", dist.display());
    }
}
