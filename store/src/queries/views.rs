//! Saved views.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::Statement;
use crate::schema::Single;
use crate::{Error, Store};

/// Most views that are listed.
pub const MAX_VIEWS: usize = 500;

/// A name for a URL of the pages.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct SavedView {
    /// What it is deleted by.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Path and query.
    pub url: String,
    /// Who saved it.
    pub who: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
}

/// A state of a view.
#[derive(Debug, Row, Serialize, Deserialize)]
struct ViewRow {
    id: String,
    name: String,
    url: String,
    who: String,
    at: i64,
    deleted: u8,
    version: u64,
}

impl ViewRow {
    fn new(view: &SavedView, deleted: bool) -> Self {
        let SavedView { id, name, url, who, at } = view.clone();
        // A view never changes but once: when it is deleted.
        let version = u64::try_from(at).unwrap_or_default() + u64::from(deleted);
        Self { id, name, url, who, at, deleted: deleted.into(), version }
    }
}

impl Store {
    /// The views, the newest first; at most [`MAX_VIEWS`].
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn views(&self) -> Result<Vec<SavedView>, Error> {
        let sql = format!(
            "SELECT id, name, url, who, at FROM {} FINAL WHERE deleted = 0 \
             ORDER BY at DESC, id LIMIT {MAX_VIEWS}",
            Single::SavedViews.name(),
        );
        self.ask("list the saved views", Statement::new(sql)).await
    }

    /// Saves a view.
    ///
    /// # Errors
    /// As [`Store::views`].
    pub async fn save_view(&self, view: &SavedView) -> Result<(), Error> {
        self.add("save a view", Single::SavedViews, &[ViewRow::new(view, false)]).await
    }

    /// Deletes a view.
    ///
    /// # Errors
    /// As [`Store::views`].
    pub async fn delete_view(&self, view: &SavedView) -> Result<(), Error> {
        self.add("delete a view", Single::SavedViews, &[ViewRow::new(view, true)]).await
    }
}
