//! How a command fails: what is printed, and the exit code.

use std::fmt;
use std::process::ExitCode;

use etiage_capture::source::SourceError;
use etiage_detection::bundle::BundleError;
use etiage_offline::ReadError;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something went wrong: exit code 1.
    Failed(anyhow::Error),
    /// The arguments or the configuration cannot be used: exit code 2.
    Unusable(String),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::from(1),
            Self::Unusable(_) => ExitCode::from(2),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => {
                write!(f, "etiage: {error}")?;
                error.chain().skip(1).try_for_each(|cause| write!(f, ": {cause}"))
            }
            Self::Unusable(text) => f.write_str(text),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        // SourceError's own text already holds its cause's.
        Self::Failed(anyhow::anyhow!("{error}"))
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Unusable(text) => Self::Unusable(format!("etiage: {text}")),
            BundleError::Io(error) => error.into(),
            BundleError::Failed(error) => Self::Failed(error),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Failed(anyhow::anyhow!("{error}"))
    }
}
