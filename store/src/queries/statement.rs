//! Statements with their parameters, as they are sent and as they can be shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use clickhouse::query::Query;
use clickhouse::{Client, RowOwned, RowRead};
use serde::Serialize;

use crate::{Error, Store};

/// What a parameter of a statement is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Parameter {
    /// A number.
    Number(u32),
    /// Numbers.
    Numbers(Vec<u32>),
    /// A text.
    Text(String),
    /// Texts.
    Texts(Vec<String>),
    /// The values of groups.
    Groups(Vec<Vec<String>>),
}

macro_rules! from {
    ($($kind:ty => $variant:ident),*) => {
        $(impl From<$kind> for Parameter {
            fn from(value: $kind) -> Self {
                Self::$variant(value)
            }
        })*
    };
}

from!(u32 => Number, Vec<u32> => Numbers, String => Text, Vec<String> => Texts,
      Vec<Vec<String>> => Groups);

/// A statement on its way to the database. The text is made of constants and enumerations alone.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    sql: String,
    parameters: Vec<(String, Parameter)>,
}

impl Statement {
    pub(crate) fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), parameters: Vec::new() }
    }

    /// Binds a parameter.
    #[must_use]
    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<Parameter>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    pub(super) fn query(&self, client: &Client) -> Query {
        let query = client.query(&self.sql);
        self.parameters.iter().fold(query, |query, (name, value)| query.param(name, value))
    }
}

/// A statement that the database was asked, with what its parameters were bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// What it was asked for, in words.
    pub purpose: &'static str,
    /// Its text, with `{name:Type}` where parameters are.
    pub sql: String,
    /// What they were bound to.
    pub parameters: BTreeMap<String, Parameter>,
}

/// The statements that a [`Store`] was asked, for people who want to see them.
#[derive(Clone, Debug, Default)]
pub struct Trace(Arc<Mutex<Vec<Asked>>>);

impl Trace {
    /// What was asked so far, in that order.
    pub fn asked(&self) -> Vec<Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, purpose: &'static str, statement: &Statement) {
        let Statement { sql, parameters } = statement.clone();
        let asked = Asked { purpose, sql, parameters: parameters.into_iter().collect() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    }
}

impl Store {
    /// The same store, with a list of what it is asked.
    #[must_use]
    pub fn traced(&self) -> (Self, Trace) {
        let trace = Trace::default();
        let mut traced = self.clone();
        traced.trace = Some(trace.clone());
        (traced, trace)
    }

    /// Asks within the limits of every query.
    pub(crate) async fn ask<T>(
        &self,
        purpose: &'static str,
        statement: Statement,
    ) -> Result<Vec<T>, Error>
    where
        T: RowOwned + RowRead,
    {
        if let Some(trace) = &self.trace {
            trace.note(purpose, &statement);
        }
        self.fetch(purpose, statement.query(&self.client)).await
    }
}
