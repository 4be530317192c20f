//! Backups of the embedded engine's database.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use etiage_store::backup::BackupProgress;
use serde::Serialize;
use utoipa::ToSchema;

use crate::identity::Operator;
use crate::params::RawPairs;
use crate::problem::{ApiError, OperatorsOnly, UnknownParameter, WrongParameters};
use crate::settings::StoreKind;
use crate::state::ApiState;

/// How the last backup stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Backup {
    /// `none` since the start, `running`, `done` or `failed`.
    #[schema(example = "done")]
    state: &'static str,
    /// Its name: the folder within `[store] backups`.
    #[schema(example = "2026-12-01")]
    name: Option<String>,
    /// Octets that were copied, of one that is done.
    octets: Option<u64>,
    /// Why it failed.
    reason: Option<String>,
}

impl From<BackupProgress> for Backup {
    fn from(progress: BackupProgress) -> Self {
        let (state, name, octets, reason) = match progress {
            BackupProgress::None => ("none", None, None, None),
            BackupProgress::Running { name } => ("running", Some(name), None, None),
            BackupProgress::Done { name, octets } => ("done", Some(name), Some(octets), None),
            BackupProgress::Failed { name, reason } => ("failed", Some(name), None, Some(reason)),
        };
        Self { state, name, octets, reason }
    }
}

#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "for the document alone")]
pub(crate) struct BackupParams {
    /// Its name: a folder of this name is made within `[store] backups`.
    #[param(example = "2026-12-01")]
    name: String,
    /// An earlier backup beside it: only what is not in that one is copied, and both are needed to restore.
    base: Option<String>,
}

/// Begin a backup. It goes on by itself: ask again how it stands. Needs the role operator.
#[utoipa::path(
    post,
    path = "/api/v1/backup",
    tag = "configuration",
    params(BackupParams),
    responses(
        (status = 202, description = "It is being taken", body = Backup),
        WrongParameters,
        OperatorsOnly,
    )
)]
pub(crate) async fn begin(
    State(state): State<ApiState>,
    _operator: Operator,
    RawPairs(mut pairs): RawPairs,
) -> Result<(StatusCode, Json<Backup>), ApiError> {
    let name = pairs.one("name");
    let base = pairs.one("base");
    if name.is_none() {
        pairs.error("name", "is needed: the backup's name".to_owned());
    }
    pairs.finish()?;
    let settings = state.settings();
    if settings.store_kind == StoreKind::Server {
        let reason =
            "is not taken from here: the database is a server of your own, whose BACKUP it is";
        return Err(etiage_store::Error::Backup(reason.to_owned()).into());
    }
    let name = name.unwrap_or_default();
    settings.store.begin_backup(&name, base.as_deref(), &settings.version)?;
    Ok((StatusCode::ACCEPTED, Json(settings.store.backup_progress().into())))
}

/// How the last backup stands.
#[utoipa::path(
    get,
    path = "/api/v1/backup",
    tag = "configuration",
    responses(
        (status = 200, description = "The last one since the start", body = Backup),
        UnknownParameter,
    )
)]
pub(crate) async fn progress(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<Backup>, ApiError> {
    pairs.finish()?;
    Ok(Json(state.settings().store.backup_progress().into()))
}
