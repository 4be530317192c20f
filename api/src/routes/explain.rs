//! The statements behind an answer.

use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use etiage_store::{Asked, Parameter, Trace};
use serde::Serialize;
use utoipa::ToSchema;

/// What the database was asked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Statements {
    /// In the order in which they were asked.
    statements: Vec<Statement>,
}

/// A statement and its parameters.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Statement {
    /// What it was asked for, in words.
    #[schema(example = "sum up volumes")]
    purpose: &'static str,
    /// Its text in ClickHouse's SQL, with `{name:Type}` where parameters are.
    #[schema(example = "SELECT … WHERE link IN {only_link:Array(String)}")]
    sql: String,
    /// What the parameters were bound to.
    #[schema(value_type = Object, example = json!({"only_link": ["transit-1"]}))]
    parameters: BTreeMap<String, Parameter>,
}

/// What was asked, as an answer.
pub(crate) fn statements(trace: &Trace) -> Response {
    let statement = |asked: Asked| Statement {
        purpose: asked.purpose,
        sql: asked.sql,
        parameters: asked.parameters,
    };
    let statements = trace.asked().into_iter().map(statement).collect();
    Json(Statements { statements }).into_response()
}
