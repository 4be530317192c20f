//! Which ClickHouse, and as whom.

use std::fmt;

use crate::Error;

/// How to reach the database.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// The HTTP interface, as `http://host:8123`.
    pub url: String,
    /// The user.
    pub user: String,
    /// The user's password; never printed.
    pub password: Option<String>,
    /// The database, made if it does not exist: letters, digits and `_`, at most 64.
    pub database: String,
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("url", &self.url)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("database", &self.database)
            .finish()
    }
}

impl Settings {
    /// Checks what can be checked without asking the server.
    ///
    /// # Errors
    /// [`Error::Settings`] names the setting and what it must be.
    pub fn check(&self) -> Result<(), Error> {
        let Some(rest) = self.url.strip_prefix("http://") else {
            let reason = "the URL must start with http://".to_owned();
            return Err(Error::Settings { name: "url", reason });
        };
        if rest.is_empty() || rest.contains(['@', '?', '#', ' ']) {
            let reason = "the URL must be http://host:port; user, password and database are \
                          settings of their own"
                .to_owned();
            return Err(Error::Settings { name: "url", reason });
        }
        let name = self.database.as_bytes();
        let usable = name.first().is_some_and(|first| !first.is_ascii_digit())
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            && name.len() <= 64;
        if !usable {
            let reason = format!(
                "{:?} is not a database name: use letters, digits and _, at most 64",
                self.database
            );
            return Err(Error::Settings { name: "database", reason });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            url: "http://127.0.0.1:8123".to_owned(),
            user: "default".to_owned(),
            password: Some("secret".to_owned()),
            database: "etiage".to_owned(),
        }
    }

    #[test]
    fn the_password_is_not_printed() {
        assert!(!format!("{:?}", settings()).contains("secret"));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        assert!(settings().check().is_ok());
        for url in ["", "https://h", "http://", "http://u:p@h", "http://h?x=1", "h:8123"] {
            let error = Settings { url: url.to_owned(), ..settings() }.check().unwrap_err();
            assert!(matches!(error, Error::Settings { name: "url", .. }), "{url}: {error}");
        }
        for database in ["", "a b", "a`; DROP TABLE x", "1a", "é", "a-b", &"a".repeat(65)] {
            let error =
                Settings { database: database.to_owned(), ..settings() }.check().unwrap_err();
            assert!(matches!(error, Error::Settings { name: "database", .. }), "{database}");
        }
    }
}
