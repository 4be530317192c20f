//! `[alerts]`, `[[alerts.receiver]]` and `[[alerts.route]]`: who is told of events.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use etiage_alerts::{
    Authorization, EmailTarget, Encryption, HttpTarget, KINDS, Kind, Receiver, Route, Secret,
    Settings, Severity, SyslogTarget, Target, TemplateError, Templates, Transport, facility,
    kind_name,
};
use etiage_classifier::Category;

use super::section::{Located, Section};
use super::units::Span;
use super::{Name, Store};

const TYPES: &str = "alertmanager, webhook, slack, syslog, email";

/// Reads it; and the links that its routes name.
pub(super) fn read(
    section: &mut Section<'_, '_, '_, '_>,
    folder: &Path,
    (probe, directory): (&str, PathBuf),
) -> (Settings, Vec<Located<Name>>) {
    let public_url = section.string("public_url").and_then(|Located { at, value }| {
        let wrong = HttpTarget::new(&value).err();
        if let Some(error) = &wrong {
            section.problem(at, format!("`public_url`: {error}"));
        }
        wrong.is_none().then_some(value)
    });
    let directory =
        section.string("directory").map_or(directory, |directory| folder.join(directory.value));
    let give_up_after = span(section, "give_up_after", (60, 30 * 86_400), Settings::GIVE_UP_AFTER);
    let mut links = Vec::new();
    let receivers = section.sections("receiver", |section| receiver(section, folder));
    let receivers: Vec<Located<Receiver>> = receivers.into_iter().flatten().collect();
    let mut names = HashSet::new();
    for Located { at, value } in &receivers {
        if !names.insert(value.name.clone()) {
            section.problem(*at, format!("a second receiver is called \"{}\"", value.name));
        }
    }
    let routes = section.sections("route", |section| route(section, &names, &mut links));
    let routes: Vec<Located<Route>> = routes.into_iter().flatten().collect();
    for (place, Located { at, value }) in routes.iter().enumerate() {
        if routes.iter().take(place).any(|other| other.value.name == value.name) {
            section.problem(*at, format!("a second route is called \"{}\"", value.name));
        }
    }
    for Located { at, value: Receiver { name, .. } } in &receivers {
        if !routes.iter().any(|route| route.value.receivers.contains(name)) {
            let problem = format!("no [[alerts.route]] leads to the receiver \"{name}\"");
            section.problem(*at, problem);
        }
    }
    let settings = Settings {
        probe: probe.to_owned(),
        public_url,
        directory,
        receivers: receivers.into_iter().map(|receiver| receiver.value).collect(),
        routes: routes.into_iter().map(|route| route.value).collect(),
        give_up_after,
    };
    (settings, links)
}

/// Beside the data directory, as the spool is.
pub(super) fn default_directory(store: Option<&Store>, folder: &Path) -> PathBuf {
    match store {
        Some(Store::Embedded { data, .. }) => {
            let mut name = data.file_name().unwrap_or_default().to_owned();
            name.push(".alerts");
            data.with_file_name(name)
        }
        Some(Store::Server(_)) | None => folder.join("alerts"),
    }
}

/// A duration within bounds, in seconds.
fn span(
    section: &mut Section<'_, '_, '_, '_>,
    key: &'static str,
    (least, most): (u64, u64),
    default: Duration,
) -> Duration {
    let Some(Located { at, value: Span(span) }) = section.parsed(key) else { return default };
    if !(Duration::from_secs(least)..=Duration::from_secs(most)).contains(&span) {
        section.problem(at, format!("`{key}` must be from {} to {}", words(least), words(most)));
    }
    span
}

fn words(seconds: u64) -> String {
    match seconds {
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

fn receiver(section: &mut Section<'_, '_, '_, '_>, folder: &Path) -> Option<Located<Receiver>> {
    let at = section.at;
    let name = name(section, "receiver");
    let timeout = span(section, "timeout", (1, 120), Receiver::TIMEOUT);
    let templates = templates(section);
    let target = match section.string("type") {
        None => {
            section.problem(at, format!("a receiver has no `type`: one of {TYPES}"));
            section.ignore_the_rest();
            None
        }
        Some(Located { at, value }) => match value.as_str() {
            "alertmanager" => http(section, folder).map(|http| {
                let repeat = span(section, "repeat", (10, 3600), Duration::from_secs(60));
                Target::Alertmanager { http, repeat }
            }),
            "webhook" => {
                let secret = secret(section, ("secret_file", "secret_env"), folder);
                http(section, folder).map(|http| Target::Webhook { http, secret })
            }
            "slack" => {
                let channel = section.string("channel").map(|channel| channel.value);
                http(section, folder).map(|http| Target::Slack { http, channel })
            }
            "syslog" => syslog(section).map(Target::Syslog),
            "email" => email(section, folder).map(Target::Email),
            _ => {
                section.problem(at, format!("`type` is \"{value}\", not one of {TYPES}"));
                section.ignore_the_rest();
                None
            }
        },
    };
    let receiver = Receiver { name: name?, target: target?, templates: templates?, timeout };
    if let Err(error) = receiver.check() {
        section.problem(at, format!("the receiver \"{}\": {error}", receiver.name));
    }
    Some(Located { at, value: receiver })
}

/// The name of a receiver or a route.
fn name(section: &mut Section<'_, '_, '_, '_>, what: &str) -> Option<String> {
    match section.string("name") {
        None => {
            section.problem(section.at, format!("a {what} has no `name`"));
            None
        }
        Some(Located { at, value }) => {
            if !Receiver::is_name(&value) {
                let problem = "a name is made of letters, digits and - _ . , at most 64";
                section.problem(at, format!("`name` is \"{value}\": {problem}"));
            }
            Some(value)
        }
    }
}

fn templates(section: &mut Section<'_, '_, '_, '_>) -> Option<Templates> {
    let (title, text) = (section.string("title"), section.string("text"));
    let source = |given: &Option<Located<String>>| given.as_ref().map(|given| given.value.clone());
    match Templates::new(source(&title).as_deref(), source(&text).as_deref()) {
        Ok(templates) => Some(templates),
        Err(TemplateError { part, line, message }) => {
            let given = if part.name() == "title" { &title } else { &text };
            let at = given.as_ref().map_or(section.at, |given| given.at);
            let at = section.line_of(at, line);
            section.problem(at, format!("`{}`, line {line}: {message}", part.name()));
            None
        }
    }
}

fn http(section: &mut Section<'_, '_, '_, '_>, folder: &Path) -> Option<HttpTarget> {
    let plain = section.string("url");
    let at = plain.as_ref().map_or(section.at, |url| url.at);
    let hidden = hidden(section, ("url_file", "url_env"), folder);
    let user = section.string("user");
    let password = secret(section, ("password_file", "password_env"), folder);
    let token = secret(section, ("token_file", "token_env"), folder);
    let ca_file = section.string("ca_file").map(|file| folder.join(file.value));
    let proxy = section.string("proxy").map(|proxy| proxy.value);
    let (at, url) = match (plain, hidden) {
        (Some(plain), None) => (plain.at, plain.value),
        (None, Some(hidden)) => (hidden.at, hidden.value),
        (Some(plain), Some(_)) => {
            section.problem(plain.at, "give `url`, `url_file` or `url_env`, one of them");
            return None;
        }
        (None, None) => {
            if section.raw("url_file").is_none() && section.raw("url_env").is_none() {
                section.problem(at, "the receiver has no `url`");
            }
            return None;
        }
    };
    let authorization = match (user, password, token) {
        (None, None, token) => token.map(Authorization::Bearer),
        (Some(user), Some(password), None) => {
            Some(Authorization::Basic { user: user.value, password })
        }
        (Some(user), ..) => {
            section.problem(user.at, "`user` needs a `password_file`, and no token");
            None
        }
        (None, Some(_), _) => {
            section.problem(at, "a password needs a `user`");
            None
        }
    };
    match HttpTarget::new(&url) {
        Ok(mut target) => {
            (target.authorization, target.ca_file, target.proxy) = (authorization, ca_file, proxy);
            Some(target)
        }
        Err(error) => {
            section.problem(at, error);
            None
        }
    }
}

fn syslog(section: &mut Section<'_, '_, '_, '_>) -> Option<SyslogTarget> {
    let address = section.string("address");
    let transport = match section.string("transport") {
        None => Transport::Udp,
        Some(Located { at, value }) => match value.as_str() {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            _ => {
                section.problem(at, format!("`transport` is \"{value}\", not udp or tcp"));
                return None;
            }
        },
    };
    let facility = section.string("facility").map_or(Some(3), |Located { at, value }| {
        let number = facility(&value);
        if number.is_none() {
            let problem = "no facility of syslog: daemon, local0 to local7, …";
            section.problem(at, format!("`facility` is \"{value}\", {problem}"));
        }
        number
    });
    let Some(Located { at, value }) = address else {
        section.problem(section.at, "a receiver of type syslog has no `address`");
        return None;
    };
    let port = value
        .rsplit_once(':')
        .and_then(|(host, port)| (!host.is_empty()).then(|| port.parse::<u16>().ok()).flatten());
    if port.is_none() {
        section.problem(at, format!("`address` is \"{value}\": write host:port, as 10.0.0.1:514"));
        return None;
    }
    Some(SyslogTarget { address: value, transport, facility: facility? })
}

fn email(section: &mut Section<'_, '_, '_, '_>, folder: &Path) -> Option<EmailTarget> {
    let server = section.string("server");
    let port = section.integer("port", (1, 65_535));
    let encryption = match section.string("encryption") {
        None => Encryption::StartTls,
        Some(Located { at, value }) => match value.as_str() {
            "starttls" => Encryption::StartTls,
            "tls" => Encryption::Tls,
            "none" => Encryption::None,
            _ => {
                let problem = "not one of starttls, tls, none";
                section.problem(at, format!("`encryption` is \"{value}\", {problem}"));
                return None;
            }
        },
    };
    let user = section.string("user");
    let password = secret(section, ("password_file", "password_env"), folder);
    let ca_file = section.string("ca_file").map(|file| folder.join(file.value));
    let from = section.string("from");
    let to = section.list::<String>("to");
    for (key, given) in [("server", &server), ("from", &from)] {
        if given.is_none() {
            section.problem(section.at, format!("a receiver of type email has no `{key}`"));
        }
    }
    let (server, from) = (server?, from?);
    let local = matches!(server.value.as_str(), "localhost" | "127.0.0.1" | "::1");
    let login = match (user, password) {
        (None, None) => None,
        (Some(user), Some(password)) => {
            if encryption == Encryption::None && !local {
                let problem = "a password goes to another machine encrypted, or not at all";
                section.problem(user.at, problem);
            }
            Some((user.value, password))
        }
        (Some(user), None) => {
            section.problem(user.at, "`user` needs a `password_file` or `password_env`");
            None
        }
        (None, Some(_)) => {
            section.problem(section.at, "a password needs a `user`");
            None
        }
    };
    let to: Vec<String> = to.into_iter().map(|to| to.value).collect();
    match EmailTarget::new(server.value, &from.value, &to) {
        Ok(mut target) => {
            let port = port.and_then(|port| u16::try_from(port.value).ok());
            target.port = port.unwrap_or_else(|| encryption.port());
            (target.encryption, target.login, target.ca_file) = (encryption, login, ca_file);
            Some(target)
        }
        Err(error) => {
            section.problem(from.at, error);
            None
        }
    }
}

/// A secret from a file or from the environment; never from the configuration itself.
fn secret(
    section: &mut Section<'_, '_, '_, '_>,
    keys: (&'static str, &'static str),
    folder: &Path,
) -> Option<Secret> {
    hidden(section, keys, folder).map(|hidden| Secret::new(hidden.value))
}

fn hidden(
    section: &mut Section<'_, '_, '_, '_>,
    (file_key, env_key): (&'static str, &'static str),
    folder: &Path,
) -> Option<Located<String>> {
    let (file, variable) = (section.string(file_key), section.string(env_key));
    let (at, text) = match (file, variable) {
        (None, None) => return None,
        (Some(file), Some(_)) => {
            section.problem(file.at, format!("give `{file_key}` or `{env_key}`, not both"));
            return None;
        }
        (Some(Located { at, value }), None) => {
            (at, super::secret::read(section, (at, file_key), &folder.join(value))?)
        }
        (None, Some(Located { at, value })) => match std::env::var(&value) {
            Ok(text) => (at, text.trim().to_owned()),
            Err(_) => {
                section.problem(at, format!("`{env_key}`: the environment has no {value}"));
                return None;
            }
        },
    };
    if text.is_empty() {
        section.problem(at, "the secret is empty");
        return None;
    }
    Some(Located { at, value: text })
}

fn route(
    section: &mut Section<'_, '_, '_, '_>,
    receivers: &HashSet<String>,
    links: &mut Vec<Located<Name>>,
) -> Option<Located<Route>> {
    let at = section.at;
    let name = name(section, "route");
    let mut names = Vec::new();
    for Located { at, value } in section.list::<String>("receivers") {
        if !receivers.contains(&value) {
            section.problem(at, format!("there is no receiver called \"{value}\""));
        }
        names.push(value);
    }
    if names.is_empty() {
        section.problem(at, "a route has no `receivers`: whom does it lead to?");
    }
    let severity = section.parsed::<Bad>("severity").map_or(Severity::Info, |bad| bad.value.0);
    let kinds = section.list::<KindName>("kinds");
    let own = section.list::<Name>("links");
    let categories = section.list::<Category>("categories");
    let every = span(section, "update_every", (60, 7 * 86_400), Route::UPDATE_EVERY);
    let updates = section.boolean("updates", true);
    let route = Route {
        name: name?,
        receivers: names,
        severity,
        kinds: kinds.into_iter().map(|kind| kind.value.0).collect(),
        links: own.iter().map(|link| link.value.0.to_string()).collect(),
        categories: categories.iter().map(|category| category.value.name().to_owned()).collect(),
        update_every: updates.then_some(every),
    };
    links.extend(own);
    Some(Located { at, value: route })
}

struct Bad(Severity);

impl FromStr for Bad {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "info" => Ok(Self(Severity::Info)),
            "warning" => Ok(Self(Severity::Warning)),
            "critical" => Ok(Self(Severity::Critical)),
            _ => Err("write info, warning or critical"),
        }
    }
}

struct KindName(Kind);

impl FromStr for KindName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = KINDS.into_iter().find(|kind| kind_name(*kind) == text);
        known.map(Self).ok_or_else(|| {
            let names: Vec<_> = KINDS.into_iter().map(kind_name).collect();
            format!("not one of {}", names.join(", "))
        })
    }
}
