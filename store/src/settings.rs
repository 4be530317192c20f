//! Which ClickHouse, and as whom.

use std::fmt;

use crate::embedded::Presence;
use crate::transport::UNIX;
use crate::{Error, Retention};

/// How to reach the database.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// The HTTP interface, as `http://host:8123`, or as `unix:/path` a socket that this user serves.
    pub url: String,
    /// The user.
    pub user: String,
    /// The user's password; never printed.
    pub password: Option<String>,
    /// The database, made if it does not exist: letters, digits and `_`, at most 64.
    pub database: String,
    /// How long each tier is kept.
    pub retention: Retention,
    /// Octets on disk beyond which the oldest rows of the finest tier are dropped; `None`: no bound.
    pub max_size: Option<u64>,
    /// The cluster, as the server's `remote_servers` calls it: tables are then replicated and sharded by
    /// link. Letters, digits, `_` and `-`, at most 64.
    pub cluster: Option<String>,
    /// The embedded engine's process, if it is that which serves.
    pub engine: Option<Presence>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("url", &self.url)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("database", &self.database)
            .field("retention", &self.retention)
            .field("max_size", &self.max_size)
            .field("cluster", &self.cluster)
            .field("engine", &self.engine)
            .finish()
    }
}

impl Settings {
    /// The user `default` without a password, the database `etiage`, everything else as it is by default.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            user: "default".to_owned(),
            password: None,
            database: "etiage".to_owned(),
            retention: Retention::default(),
            max_size: None,
            cluster: None,
            engine: None,
        }
    }

    /// Checks what can be checked without asking the server.
    ///
    /// # Errors
    /// [`Error::Settings`] names the setting and what it must be.
    pub fn check(&self) -> Result<(), Error> {
        self.check_url()?;
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
        let named = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if let Some(cluster) = &self.cluster
            && (cluster.is_empty() || cluster.len() > 64 || !cluster.as_bytes().iter().all(named))
        {
            let reason = format!(
                "{cluster:?} is not a cluster's name: use letters, digits, _ and -, at most 64"
            );
            return Err(Error::Settings { name: "cluster", reason });
        }
        if self.cluster.is_some() && self.max_size.is_some() {
            let reason = "a size is kept on one server, not on a cluster: set retention instead";
            return Err(Error::Settings { name: "max_size", reason: reason.to_owned() });
        }
        Ok(())
    }
}

impl Settings {
    fn check_url(&self) -> Result<(), Error> {
        let unusable = |reason: String| Err(Error::Settings { name: "url", reason });
        if let Some(path) = self.url.strip_prefix(UNIX) {
            // What the kernel takes, less the NUL at the end (unix(7), sun_path).
            return match path.starts_with('/') && path.len() < 108 {
                true => Ok(()),
                false => unusable("a socket is unix:/absolute/path of at most 107 octets".into()),
            };
        }
        let Some(rest) = self.url.strip_prefix("http://") else {
            return unusable("the URL must start with http:// (or be unix:/path)".into());
        };
        if rest.is_empty() || rest.contains(['@', '?', '#', ' ']) {
            return unusable(
                "the URL must be http://host:port; user, password and database are settings of \
                 their own"
                    .into(),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let password = Some("secret".to_owned());
        Settings { password, ..Settings::new("http://127.0.0.1:8123") }
    }

    #[test]
    fn the_password_is_not_printed() {
        assert!(!format!("{:?}", settings()).contains("secret"));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        assert!(settings().check().is_ok());
        let long = format!("unix:/{}", "a".repeat(107));
        assert!(Settings { url: "unix:/run/engine".into(), ..settings() }.check().is_ok());
        for url in [
            "",
            "https://h",
            "http://",
            "http://u:p@h",
            "http://h?x=1",
            "h:8123",
            "unix:",
            "unix:a",
            &long,
        ] {
            let error = Settings { url: url.to_owned(), ..settings() }.check().unwrap_err();
            assert!(matches!(error, Error::Settings { name: "url", .. }), "{url}: {error}");
        }
        for database in ["", "a b", "a`; DROP TABLE x", "1a", "é", "a-b", &"a".repeat(65)] {
            let error =
                Settings { database: database.to_owned(), ..settings() }.check().unwrap_err();
            assert!(matches!(error, Error::Settings { name: "database", .. }), "{database}");
        }
        for cluster in ["", "a b", "a`", "é", &"a".repeat(65)] {
            let error =
                Settings { cluster: Some(cluster.to_owned()), ..settings() }.check().unwrap_err();
            assert!(matches!(error, Error::Settings { name: "cluster", .. }), "{cluster}");
        }
    }
}
