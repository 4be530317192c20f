//! Receivers: what they are, and how they are reached. All values have been checked.

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use reqwest::Url;

use crate::{Secret, Templates};

/// Somebody, or a program, who is told of events.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// What it is called: letters, digits, `-`, `_` and `.`, at most 64.
    pub name: String,
    /// How it is reached.
    pub target: Target,
    /// In which words.
    pub templates: Templates,
    /// How long one try may take.
    pub timeout: Duration,
}

impl Receiver {
    /// How long one try may take unless the configuration says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// Whether this can be a receiver's name; it names a file too.
    pub fn is_name(name: &str) -> bool {
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        (1..=64).contains(&name.len()) && name.chars().all(named) && !name.starts_with('.')
    }
}

/// How a receiver is reached.
#[derive(Clone, Debug)]
pub enum Target {
    /// Prometheus' Alertmanager: its interface for alerts, version 2.
    Alertmanager {
        /// Where; `/api/v2/alerts` is added.
        http: HttpTarget,
        /// How often it is told again what fires: it forgets after four times this.
        repeat: Duration,
    },
    /// A program that takes what Alertmanager's webhooks send, version 4.
    Webhook {
        /// Where.
        http: HttpTarget,
        /// The key of the signature.
        secret: Option<Secret>,
    },
    /// What takes Slack's incoming webhooks: Slack, Mattermost, Rocket.Chat, Zulip.
    Slack {
        /// Where. The URL is a secret itself.
        http: HttpTarget,
        /// The channel, where the receiver lets it be chosen.
        channel: Option<String>,
    },
    /// A collector of syslog.
    Syslog(SyslogTarget),
    /// Mail.
    Email(EmailTarget),
}

impl Target {
    /// The word for its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Alertmanager { .. } => "alertmanager",
            Self::Webhook { .. } => "webhook",
            Self::Slack { .. } => "slack",
            Self::Syslog(_) => "syslog",
            Self::Email(_) => "email",
        }
    }

    /// Where it is, without what is secret.
    pub fn place(&self) -> String {
        match self {
            Self::Alertmanager { http, .. }
            | Self::Webhook { http, .. }
            | Self::Slack { http, .. } => http.place(),
            Self::Syslog(syslog) => format!("{}://{}", syslog.transport.name(), syslog.address),
            Self::Email(email) => format!("smtp://{}:{}", email.host, email.port),
        }
    }
}

/// An HTTP server.
#[derive(Clone)]
pub struct HttpTarget {
    url: Url,
    /// Who we are.
    pub authorization: Option<Authorization>,
    /// Roots of trust besides the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// Reached through this HTTP proxy.
    pub proxy: Option<String>,
}

/// Who we are to an HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// By name and password.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// By a token.
    Bearer(Secret),
}

impl std::fmt::Debug for HttpTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpTarget")
            .field("place", &self.place())
            .field("authorization", &self.authorization)
            .field("ca_file", &self.ca_file)
            .finish_non_exhaustive()
    }
}

impl HttpTarget {
    /// Reads a URL. What is wrong with it is said without saying the URL, which may be a secret.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(url: &str) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("this is no URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(
                "the URL must be http://host or https://host, with or without a path".into()
            );
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "user and password do not belong into the URL: set `user` and `password_file`"
                    .into(),
            );
        }
        if url.fragment().is_some() {
            return Err("the URL has a #fragment, which no server would see".into());
        }
        Ok(Self { url, authorization: None, ca_file: None, proxy: None })
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// The same with a path added to it.
    pub(crate) fn joined(&self, path: &str) -> Self {
        let mut joined = self.clone();
        let own = self.url.path().trim_end_matches('/');
        joined.url.set_path(&format!("{own}{path}"));
        joined
    }

    /// Where it is, without path and query: chats have their secret there.
    fn place(&self) -> String {
        let rest =
            if self.url.path().len() > 1 || self.url.query().is_some() { "/…" } else { "" };
        format!("{}{rest}", self.url.origin().ascii_serialization())
    }
}

/// A collector of syslog, RFC 5424.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogTarget {
    /// `host:port`.
    pub address: String,
    /// How it is spoken to.
    pub transport: Transport,
    /// The facility's number, 0 to 23.
    pub facility: u8,
}

/// How syslog is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// RFC 5426: a datagram a message. Nobody says that it has come.
    Udp,
    /// RFC 6587, octet counting.
    Tcp,
}

impl Transport {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// The number of a facility of syslog (RFC 5424, table 1).
pub fn facility(name: &str) -> Option<u8> {
    const NAMES: [&str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
        "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2",
        "local3", "local4", "local5", "local6", "local7",
    ];
    let place = NAMES.iter().position(|known| *known == name)?;
    u8::try_from(place).ok()
}

/// A mail server, and who writes to whom.
#[derive(Clone, Debug)]
pub struct EmailTarget {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is encrypted.
    pub encryption: Encryption,
    /// Name and password.
    pub login: Option<(String, Secret)>,
    /// Roots of trust besides the system's, PEM.
    pub ca_file: Option<PathBuf>,
    pub(crate) from: Mailbox,
    pub(crate) to: Vec<Mailbox>,
}

/// How the way to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all: a server on this machine.
    None,
    /// From the command STARTTLS on, or not at all sent.
    StartTls,
    /// From the first octet.
    Tls,
}

impl Encryption {
    /// The port that it is spoken on.
    pub const fn port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::StartTls => 587,
            Self::Tls => 465,
        }
    }
}

impl EmailTarget {
    /// Reads the addresses.
    ///
    /// # Errors
    /// Which is none.
    pub fn new(host: String, from: &str, to: &[String]) -> Result<Self, String> {
        let mailbox = |text: &str| {
            let mailbox = text.parse::<Mailbox>();
            mailbox.map_err(|error| format!("\"{text}\" is no address of mail: {error}"))
        };
        let from = mailbox(from)?;
        let to = to.iter().map(|to| mailbox(to)).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err("there is nobody to write to".to_owned());
        }
        let encryption = Encryption::StartTls;
        let port = encryption.port();
        Ok(Self { host, port, encryption, login: None, ca_file: None, from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_printed() {
        let mut http = HttpTarget::new("https://hooks.example.com/services/T0/SECRET?k=v").unwrap();
        http.authorization =
            Some(Authorization::Basic { user: "u".to_owned(), password: Secret::new("hunter2") });
        let mut email =
            EmailTarget::new("h".to_owned(), "a@example.com", &["b@example.com".to_owned()])
                .unwrap();
        email.login = Some(("u".to_owned(), Secret::new("hunter2")));
        for target in [
            Target::Slack { http: http.clone(), channel: None },
            Target::Webhook { http, secret: Some(Secret::new("hunter2")) },
            Target::Email(email),
        ] {
            let shown = format!("{target:?} {}", target.place());
            assert!(!shown.contains("SECRET") && !shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn urls_that_cannot_be_used_are_refused_without_being_said() {
        for url in [
            "",
            "x",
            "ftp://h/",
            "http://",
            "https://u:SECRET@h/",
            "https://h/SECRET#x",
            "mailto:SECRET@h",
        ] {
            let error = HttpTarget::new(url).unwrap_err();
            assert!(!error.contains("SECRET"), "{error}");
        }
        let http = HttpTarget::new("http://am.example.net/prefix/").unwrap();
        assert_eq!(
            http.joined("/api/v2/alerts").url.as_str(),
            "http://am.example.net/prefix/api/v2/alerts"
        );
    }

    #[test]
    fn names_are_fit_for_files() {
        assert!(Receiver::is_name("noc-1.example_net"));
        for bad in ["", ".", "..", ".x", "a/b", "a b", "é", &"a".repeat(65)] {
            assert!(!Receiver::is_name(bad), "{bad}");
        }
        assert_eq!(
            (facility("daemon"), facility("local7"), facility("x")),
            (Some(3), Some(23), None)
        );
    }
}
