//! The programs that are compared, as they are installed here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program to be measured.
pub(crate) struct Program {
    /// As it is called in tables: the command line without the capture's path.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<String>,
}

impl Program {
    pub(crate) fn new(path: PathBuf, arguments: &[&str]) -> Self {
        let called = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let shown = arguments.iter().map(|argument| match Path::new(argument).file_name() {
            Some(name) if argument.starts_with('/') && !argument.starts_with("/dev/") => {
                name.to_string_lossy().into_owned()
            }
            _ => (*argument).to_owned(),
        });
        let words: Vec<String> = called.into_iter().chain(shown).collect();
        Self {
            name: words.join(" "),
            path,
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        }
    }

    /// Run on these cores, with nothing to read and nobody who reads.
    pub(crate) fn command(&self, cores: &str) -> Command {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", cores]).arg(&self.path).args(&self.arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// Where an installed program is; `None` if it is not installed. Besides `PATH`, where Debian puts
/// programs for administrators.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// A program of this project: beside this one.
pub(crate) fn own(name: &str) -> std::io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// The version that Debian's package of a program has; `None` where there is no such package.
pub(crate) fn debian_version(package: &str) -> Option<String> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat", "${Version}", package]).stderr(Stdio::null());
    let output = query.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().filter(|version| !version.is_empty())
}
