//! `etiage export`: volumes as a file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use etiage_store::Format;
use http_body_util::BodyExt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::ask::{Api, escaped};
use crate::cli::forgive_broken_pipe;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::moment;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where it begins, as 2026-11-21 or 2026-11-21T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    from: OffsetDateTime,
    /// Where it ends
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    to: OffsetDateTime,
    /// Columns: link, direction, category, protocol, service, probe, asn; separated by commas
    #[arg(long, value_name = "DIMENSIONS", value_delimiter = ',')]
    group_by: Vec<String>,
    /// Length of an interval, as 10s, 5m, 1h, 1d; `all` for one row a group over the whole range
    #[arg(long, value_name = "LENGTH", default_value = "1h")]
    step: String,
    /// Only what has this value, as link=transit-1 or category=p2p; several of a dimension are alternatives
    #[arg(long = "only", value_name = "DIMENSION=VALUE")]
    only: Vec<String>,
    /// csv, jsonl, parquet or arrow
    #[arg(long, default_value = "csv")]
    format: Format,
    /// Into which file; standard output by default. An unfinished export leaves no file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The configuration
    #[arg(long, short, value_name = "FILE", default_value = "etiage.toml")]
    config: PathBuf,
}

impl Arguments {
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        config::load(&self.config)
    }
}

/// Runs the command.
pub(crate) async fn run(arguments: &Arguments, config: Config) -> Result<(), Failure> {
    let path = path(arguments)?;
    let api = Api::open(&config).await?;
    let exported = match &arguments.output {
        Some(file) => into_file(&api, &path, file).await,
        None => {
            forgive_broken_pipe(into(&api, &path, &mut io::stdout()).await?).map_err(Failure::from)
        }
    };
    api.close().await;
    exported
}

fn path(arguments: &Arguments) -> Result<String, Failure> {
    let moment = |moment: OffsetDateTime| {
        let text = moment.format(&Rfc3339).context("a moment")?;
        Ok::<_, Failure>(escaped(&text))
    };
    let (from, to) = (moment(arguments.from)?, moment(arguments.to)?);
    let resource = if arguments.step == "all" { "totals" } else { "volumes" };
    let mut path = format!("/api/v1/{resource}?from={from}&to={to}&format={}", arguments.format);
    if arguments.step != "all" {
        path.push_str(&format!("&step={}", escaped(&arguments.step)));
    }
    for dimension in &arguments.group_by {
        path.push_str(&format!("&group_by={}", escaped(dimension)));
    }
    for only in &arguments.only {
        let Some((dimension, value)) = only.split_once('=') else {
            let text =
                format!("etiage: --only \"{only}\": write DIMENSION=VALUE, as link=transit-1");
            return Err(Failure::Unusable(text));
        };
        path.push_str(&format!("&{}={}", escaped(dimension), escaped(value)));
    }
    Ok(path)
}

/// Beside the file first, so that whoever looks never finds half of it.
async fn into_file(api: &Api, path: &str, file: &Path) -> Result<(), Failure> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = file.with_file_name(name);
    let what = || format!("cannot write {}", part.display());
    let mut target = File::create(&part).with_context(what)?;
    let written = match into(api, path, &mut target).await {
        Ok(written) => written.and_then(|()| target.sync_all()).with_context(what),
        Err(failure) => {
            let _ = std::fs::remove_file(&part);
            return Err(failure);
        }
    };
    let renamed = written.and_then(|()| {
        std::fs::rename(&part, file).with_context(|| format!("cannot name {}", file.display()))
    });
    if renamed.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    Ok(renamed?)
}

/// Passes the API's bytes on. The inner error is the target's.
async fn into(api: &Api, path: &str, target: &mut impl Write) -> Result<io::Result<()>, Failure> {
    let mut body = api.get(path).await?.into_body();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| anyhow!("the export broke off and is incomplete: {error}"))?;
        let Ok(bytes) = frame.into_data() else { continue };
        if let Err(error) = target.write_all(&bytes) {
            return Ok(Err(error));
        }
    }
    Ok(target.flush())
}
