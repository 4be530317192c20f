//! `[api]`: where API and dashboards are served, and to whom.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use etiage_api::{Certificates, ProxyWords, Token, TrustedProxy};

use super::secret;
use super::section::{Located, Section};

/// Where API and dashboards are served unless told otherwise: this machine only.
const DEFAULT_LISTEN: &str = "127.0.0.1:8420";
/// Where users of this machine are listed.
const USERS: &str = "/etc/passwd";

/// Where API and dashboards are served.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Api {
    pub(crate) listen: SocketAddr,
    /// The operators' bearer token.
    pub(crate) token: Option<String>,
    /// The token of those who only look.
    pub(crate) viewer_token: Option<String>,
    /// A proxy that says who asks.
    pub(crate) proxy: Option<TrustedProxy>,
    /// Where that proxy comes in, if not by the network.
    pub(crate) proxy_socket: Option<ProxyDoor>,
    /// Where TLS is spoken, by what it is proven who speaks.
    pub(crate) tls: Option<TlsFiles>,
    /// Names under which the API may be asked, besides this machine's own.
    pub(crate) hosts: Vec<String>,
    /// Whether a token stands in the configuration itself.
    pub(crate) holds_secrets: bool,
}

/// A socket for the proxy alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProxyDoor {
    pub(crate) path: PathBuf,
    /// The number of the user whose processes may connect.
    pub(crate) user: u32,
}

/// A certificate and its key, in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = self.token.as_ref().map(|_| "…");
        let mut told = f.debug_struct("Api");
        told.field("listen", &self.listen).field("token", &token).field("proxy", &self.proxy);
        told.finish_non_exhaustive()
    }
}

impl Api {
    /// Whether whoever asks must be known.
    pub(crate) const fn asks_for_something(&self) -> bool {
        self.token.is_some() || self.viewer_token.is_some() || self.proxy.is_some()
    }

    /// `http` or `https`.
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// What is worth a thought though it works.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.tls.is_none() && !self.listen.ip().is_loopback() {
            warnings.push(format!(
                "what is sent to {} crosses the network unencrypted, tokens and cookies included: give \
                 `certificate` and `key` in [api], or listen on 127.0.0.1 behind a proxy with TLS",
                self.listen
            ));
        }
        warnings
    }
}

pub(super) fn read(section: &mut Section<'_, '_, '_, '_>, folder: &Path) -> Option<Api> {
    let listen = section.parsed::<SocketAddr>("listen");
    let at = listen.as_ref().map_or(section.at, |listen| listen.at);
    let listen = match listen {
        Some(listen) => listen.value,
        None => DEFAULT_LISTEN.parse().ok()?,
    };
    let holds_secrets =
        ["token", "viewer_token"].into_iter().any(|key| section.string(key).is_some());
    let token = secret_of(section, "token", "token_file", folder)?;
    let viewer_token = secret_of(section, "viewer_token", "viewer_token_file", folder)?;
    if [&token, &viewer_token].into_iter().flatten().any(|token| token.len() < 16) {
        section.problem(
            at,
            "the token must have at least 16 characters: `openssl rand -hex 16` makes one",
        );
    }
    if token.is_some() && token == viewer_token {
        section
            .problem(at, "`token` and `viewer_token` are the same: everybody would be an operator");
    }
    let tls = tls(section, folder);
    let (proxy, proxy_socket) =
        section.section("proxy", |section| proxy(section, folder)).unwrap_or_default();
    if let Some(problem) =
        exposed(listen, token.is_some() || viewer_token.is_some() || proxy.is_some())
    {
        section.problem(at, problem);
    }
    let hosts = section.list::<String>("hosts").into_iter().map(|host| host.value).collect();
    Some(Api { listen, token, viewer_token, proxy, proxy_socket, tls, hosts, holds_secrets })
}

fn tls(section: &mut Section<'_, '_, '_, '_>, folder: &Path) -> Option<TlsFiles> {
    let (certificate, key) = (section.string("certificate"), section.string("key"));
    let (certificate, key) = match (certificate, key) {
        (None, None) => return None,
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(Located { at, .. }), None) | (None, Some(Located { at, .. })) => {
            section.problem(at, "TLS needs both: `certificate` and its `key`, files in PEM");
            return None;
        }
    };
    let files =
        TlsFiles { certificate: folder.join(certificate.value), key: folder.join(key.value) };
    if let Some(problem) = secret::problem(&files.key, section.readers()) {
        section.problem(key.at, format!("`key`: {problem}"));
    }
    if let Err(error) = Certificates::load(&files.certificate, &files.key) {
        section.problem(certificate.at, error.to_string());
    }
    Some(files)
}

/// A proxy that says who asks; none where nothing is said of it, or what is said is wrong.
fn proxy(
    section: &mut Section<'_, '_, '_, '_>,
    folder: &Path,
) -> Option<(Option<TrustedProxy>, Option<ProxyDoor>)> {
    let addresses = section.list::<String>("addresses");
    let user_header = section.string("user_header");
    let role_header = section.string("role_header");
    let operators: Vec<String> =
        section.list::<String>("operators").into_iter().map(|own| own.value).collect();
    let file = section.string("secret_file").map(|file| file.at);
    let secret = secret_of(section, "secret", "secret_file", folder);
    let socket = section.string("socket");
    let socket_user = section.string("socket_user");
    let silent = addresses.is_empty() && operators.is_empty();
    let silent = silent && user_header.is_none() && role_header.is_none();
    if silent && secret == Some(None) && socket.is_none() && socket_user.is_none() {
        return None;
    }
    let user_header = user_header.map_or_else(|| "X-Forwarded-User".to_owned(), |own| own.value);
    let role_header = role_header.as_ref().map(|own| own.value.as_str());
    let words = ProxyWords { user_header: &user_header, role_header, operators };
    let addresses: Vec<String> = addresses.into_iter().map(|own| own.value).collect();
    let made = match (secret?, socket) {
        (None, None) => Err((
            section.at,
            "a proxy must prove that it is ours: any program at its address could send its headers. \
             Give `secret_file`, whose content the proxy sends in X-Etiage-Proxy-Secret, or `socket` \
             and `socket_user`; docs/operations.md has the lines for nginx"
                .to_owned(),
        )),
        (Some(_), Some(socket)) => {
            Err((socket.at, "give `secret_file` or `socket`, not both".to_owned()))
        }
        (Some(secret), None) => {
            let at = file.unwrap_or(section.at);
            let secret = Token::new(&secret).map_err(|error| (at, format!("`secret_file`: {error}")));
            secret.and_then(|secret| {
                let proxy = TrustedProxy::with_secret(&addresses, secret, words);
                proxy.map(|proxy| (Some(proxy), None)).map_err(|problem| (section.at, problem))
            })
        }
        (None, Some(socket)) if !addresses.is_empty() => Err((
            socket.at,
            "`addresses` are for a proxy with a secret: through `socket` it has none".to_owned(),
        )),
        (None, Some(socket)) => door(socket, socket_user, folder).and_then(|door| {
            let proxy = TrustedProxy::on_socket(words);
            proxy.map(|proxy| (Some(proxy), Some(door))).map_err(|problem| (section.at, problem))
        }),
    };
    made.map_err(|(at, problem)| section.problem(at, problem)).ok()
}

/// The socket and whose it is, or what is wrong and where.
fn door(
    socket: Located<String>,
    user: Option<Located<String>>,
    folder: &Path,
) -> Result<ProxyDoor, (usize, String)> {
    let Some(user) = user else {
        let problem =
            "say in `socket_user` as whom the proxy runs: nginx is \"www-data\" on Debian";
        return Err((socket.at, problem.to_owned()));
    };
    let users = std::fs::read_to_string(USERS).unwrap_or_default();
    match user_number(&users, &user.value) {
        Some(number) => Ok(ProxyDoor { path: folder.join(socket.value), user: number }),
        None => Err((user.at, format!("this machine has no user \"{}\" in {USERS}", user.value))),
    }
}

/// A user's number, by name or as it is (passwd(5)).
fn user_number(users: &str, name: &str) -> Option<u32> {
    let own = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    });
    own.or_else(|| name.parse().ok())
}

/// What is wrong with serving here: other machines could read everything without a token.
pub(super) fn exposed(listen: SocketAddr, has_token: bool) -> Option<String> {
    (!has_token && !listen.ip().is_loopback()).then(|| {
        format!(
            "{listen} can be reached from other machines: set `token` or `token_file`, or listen on \
             127.0.0.1"
        )
    })
}

/// A secret, given as it is or in a file of its own, which nobody else may read; `None` if it is given but
/// cannot be used.
#[allow(clippy::option_option)]
pub(super) fn secret_of(
    section: &mut Section<'_, '_, '_, '_>,
    key: &'static str,
    file_key: &'static str,
    folder: &Path,
) -> Option<Option<String>> {
    let plain = section.string(key);
    let file = section.string(file_key);
    let file = match (plain, file) {
        (Some(plain), None) => return Some(Some(plain.value)),
        (None, None) => return Some(None),
        (Some(_), Some(file)) => {
            section.problem(file.at, format!("give `{key}` or `{file_key}`, not both"));
            return None;
        }
        (None, Some(file)) => file,
    };
    secret::read(section, (file.at, file_key), &folder.join(&file.value)).map(Some)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    use etiage_classifier::problems::Problems;
    use toml::de::DeTable;

    use super::*;

    /// The section, or what is wrong with it.
    fn parse(text: &str, folder: &Path) -> Result<Api, String> {
        let (document, errors) = DeTable::parse_recoverable(text);
        assert!(errors.is_empty(), "{errors:?}");
        let mut problems = Problems::new("etiage.toml", text);
        let mut top = Section::new(document.get_ref(), 0, "the configuration", &mut problems);
        top.let_read(secret::Readers::of(None));
        let api = top.section("api", |section| read(section, folder));
        top.finish();
        problems.into_result().map_err(|error| error.to_string())?;
        Ok(api.unwrap())
    }

    fn secret_file(folder: &Path, name: &str, mode: u32) {
        write(folder.join(name), "0123456789abcdef0123456789abcdef\n").unwrap();
        set_permissions(folder.join(name), Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_proxy_must_prove_itself() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        secret_file(folder, "secret", 0o640);
        let trap = "[api]\nlisten = \"0.0.0.0:29451\"\ntoken_file = \"secret\"\n\
                    [api.proxy]\naddresses = [\"127.0.0.1\"]\n";
        let error = parse(trap, folder).unwrap_err();
        for words in ["must prove", "secret_file", "socket_user", "docs/operations.md"] {
            assert!(error.contains(words), "{error}");
        }
        let api = parse("[api.proxy]\nsecret_file = \"secret\"\n", folder).unwrap();
        assert!(api.proxy.is_some() && api.proxy_socket.is_none() && api.asks_for_something());
        let socket = "[api.proxy]\nsocket = \"proxy.sock\"\nsocket_user = \"root\"\n";
        let door = parse(socket, folder).unwrap().proxy_socket.unwrap();
        assert_eq!(door, ProxyDoor { path: folder.join("proxy.sock"), user: 0 });
        for (text, words) in [
            ("secret_file = \"secret\"\nsocket = \"x\"\nsocket_user = \"root\"", "not both"),
            ("socket = \"x\"", "socket_user"),
            ("socket = \"x\"\nsocket_user = \"no such user\"", "no user"),
            ("socket = \"x\"\nsocket_user = \"root\"\naddresses = [\"::1\"]", "`addresses`"),
            ("secret = \"short\"", "16 to 256"),
            ("secret_file = \"secret\"\naddresses = [\"nowhere\"]", "neither an address"),
            ("secret_file = \"missing\"", "cannot read"),
        ] {
            let error = parse(&format!("[api.proxy]\n{text}\n"), folder).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn secrets_that_others_can_read_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for (mode, right) in [(0o600, true), (0o640, true), (0o644, false)] {
            secret_file(folder, "token", mode);
            let parsed = parse("[api]\ntoken_file = \"token\"\n", folder);
            assert_eq!(parsed.is_ok(), right, "{mode:o}: {parsed:?}");
            assert!(parsed.is_ok() || parsed.unwrap_err().contains("chmod 640"));
        }
    }

    #[test]
    fn tls_needs_both_files() {
        let folder = tempfile::tempdir().unwrap();
        let error = parse("[api]\ncertificate = \"a.pem\"\n", folder.path()).unwrap_err();
        assert!(error.contains("needs both"), "{error}");
        let both = "[api]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n";
        let error = parse(both, folder.path()).unwrap_err();
        assert!(error.contains("cannot be read"), "{error}");
    }

    #[test]
    fn what_crosses_the_network_in_clear_is_worth_a_warning() {
        let of = |listen: &str| {
            let text = format!("[api]\nlisten = \"{listen}\"\ntoken = \"0123456789abcdef\"\n");
            parse(&text, Path::new(".")).unwrap().warnings()
        };
        assert!(of("127.0.0.1:1").is_empty() && of("[::1]:1").is_empty());
        assert!(of("0.0.0.0:1")[0].contains("unencrypted"));
    }

    #[test]
    fn users_by_name_and_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:/x\nbroken\n";
        assert_eq!(user_number(users, "www-data"), Some(33));
        assert_eq!(user_number(users, "1001"), Some(1001));
        assert_eq!(user_number(users, "broken"), None);
    }
}
