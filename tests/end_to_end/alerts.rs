//! Alerts from the command line: what is wrong in a configuration is named, and routes can be tried.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};

use crate::support::output;

const LINK: &str = "[[link]]\nname = \"transit-1\"\ninterface = \"any\"\n";

fn write(folder: &Path, alerts: &str) -> String {
    let config = folder.join("etiage.toml");
    std::fs::write(&config, format!("{LINK}{alerts}")).unwrap();
    config.display().to_string()
}

/// Everything that `etiage check` finds wrong, as `line: message`; the first line after the link is 4.
fn problems(alerts: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let config = write(folder.path(), alerts);
    let (status, printed, errors) = output(&["check", "--config", &config]);
    assert_eq!(status.code(), Some(2), "{printed}{errors}");
    let lines = errors.lines().map(|line| {
        let rest = line.strip_prefix(&format!("{config}:")).unwrap_or_else(|| panic!("{line}"));
        let (line, rest) = rest.split_once(':').unwrap();
        format!("{line}:{}", rest.split_once(':').unwrap().1)
    });
    lines.collect()
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let route = "[[alerts.route]]\nname = \"r\"\nreceivers = [\"a\"]\n";
    for (alerts, expected) in [
        (
            "[[alerts.receiver]]\nname = \"a\"\ntype = \"webhook\"\nurl = \"htp://x\"\n",
            "7: the URL must be http://host or https://host",
        ),
        (
            "[[alerts.receiver]]\nname = \"a\"\ntype = \"pager\"\nurl = \"http://x\"\n",
            "6: `type` is \"pager\", not one of alertmanager, webhook, slack, syslog, email",
        ),
        ("[[alerts.receiver]]\nname = \"a\"\ntype = \"slack\"\n", "4: the receiver has no `url`"),
        (
            "[[alerts.receiver]]\nname = \"a\"\ntype = \"slack\"\nurl_file = \"missing\"\n",
            "7: `url_file`: cannot read",
        ),
        (
            "[[alerts.receiver]]\nname = \"a\"\ntype = \"webhook\"\nurl = \"http://x\"\n\
             secret_env = \"ETIAGE_TEST_NO_SUCH_VARIABLE\"\n",
            "8: `secret_env`: the environment has no ETIAGE_TEST_NO_SUCH_VARIABLE",
        ),
        (
            "[[alerts.receiver]]\nname = \"a\"\ntype = \"webhook\"\nurl = \"http://x\"\n\
             title = \"{{ subjekt }}\"\n",
            "8: `title`, line 1: undefined value",
        ),
        (
            "[[alerts.receiver]]\nname = \"a\"\ntype = \"webhook\"\nurl = \"http://x\"\n\
             text = \"\"\"\nfirst\n{% if links %}\n\"\"\"\n",
            "10: `text`, line 2: syntax error",
        ),
        (
            "[[alerts.receiver]]\nname = \"a\"\ntype = \"syslog\"\naddress = \"collector\"\n",
            "7: `address` is \"collector\": write host:port",
        ),
        (
            "[[alerts.receiver]]\nname = \"a\"\ntype = \"email\"\nserver = \"m\"\nfrom = \"nobody\"\n\
             to = \"x@example.net\"\n",
            "8: \"nobody\" is no address of mail",
        ),
        (
            "[[alerts.receiver]]\nname = \"a\"\ntype = \"webhook\"\nurl = \"http://x\"\nchanel = 1\n",
            "8: unknown key `chanel`",
        ),
    ] {
        let found = problems(&format!("{alerts}{route}"));
        assert!(found.iter().any(|line| line.starts_with(expected)), "{expected}: {found:#?}");
    }
    let receiver = "[[alerts.receiver]]\nname = \"a\"\ntype = \"webhook\"\nurl = \"http://x\"\n";
    for (routes, expected) in [
        ("", "4: no [[alerts.route]] leads to the receiver \"a\""),
        (
            "[[alerts.route]]\nname = \"r\"\nreceivers = [\"a\", \"b\"]\n",
            "10: there is no receiver called \"b\"",
        ),
        (
            "[[alerts.route]]\nname = \"r\"\nreceivers = \"a\"\nseverity = \"bad\"\n",
            "11: `severity` is \"bad\": write info, warning or critical",
        ),
        (
            "[[alerts.route]]\nname = \"r\"\nreceivers = \"a\"\nkinds = [\"outage\"]\n",
            "11: `kinds` holds \"outage\": not one of shutdown, link-outage",
        ),
        (
            "[[alerts.route]]\nname = \"r\"\nreceivers = \"a\"\nlinks = \"transit-2\"\n",
            "11: there is no link called \"transit-2\"",
        ),
        (
            "[[alerts.route]]\nname = \"r\"\nreceivers = \"a\"\nupdate_every = \"1s\"\n",
            "11: `update_every` must be from 1m to 168h",
        ),
    ] {
        let found = problems(&format!("{receiver}{routes}"));
        assert!(found.iter().any(|line| line.starts_with(expected)), "{expected}: {found:#?}");
    }
}

/// A web server that answers each request with a status; what it was sent.
fn server(status: &'static str) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sent, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            let _ = sent.send(String::from_utf8(body).unwrap());
        }
    });
    (url, received)
}

#[test]
fn a_route_is_tried_and_each_answer_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (good, received) = server("204 No Content");
    let (bad, _) = server("403 Forbidden");
    let secret = folder.path().join("url");
    std::fs::write(&secret, format!("{bad}/SECRETPATH\n")).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = write(
        folder.path(),
        &format!(
            "[alerts]\npublic_url = \"https://etiage.example.net\"\n\
             [[alerts.receiver]]\nname = \"good\"\ntype = \"webhook\"\nurl = \"{good}\"\n\
             [[alerts.receiver]]\nname = \"chat\"\ntype = \"slack\"\nurl_file = \"url\"\n\
             [[alerts.route]]\nname = \"both\"\nreceivers = [\"good\", \"chat\"]\n\
             [[alerts.route]]\nname = \"one\"\nreceivers = \"good\"\nseverity = \"critical\"\n\
             kinds = [\"shutdown\"]\nlinks = \"transit-1\"\nupdates = false\n"
        ),
    );
    let (status, printed, errors) = output(&["alerts", "test", "one", "--config", &config]);
    assert!(status.success(), "{printed}{errors}");
    assert!(printed.contains("good (webhook, http://127.0.0.1:"), "{printed}");
    assert!(printed.contains("204 No Content"), "{printed}");
    let body = received.recv().unwrap();
    assert!(
        body.contains("\"status\":\"firing\"") && body.contains("nothing has happened"),
        "{body}"
    );
    assert!(received.recv().unwrap().contains("\"status\":\"resolved\""));

    let (status, printed, errors) = output(&["alerts", "test", "both", "--config", &config]);
    assert_eq!(status.code(), Some(1));
    assert!(printed.contains("did not take it") && printed.contains("403 Forbidden"), "{printed}");
    assert!(errors.contains("not told: chat"), "{errors}");
    assert!(!format!("{printed}{errors}").contains("SECRETPATH"));

    let (status, _, errors) = output(&["alerts", "test", "none", "--config", &config]);
    assert_eq!(status.code(), Some(2));
    assert!(errors.contains("no route is called \"none\": there are both, one"), "{errors}");

    let (status, printed, errors) = output(&["check", "--config", &config]);
    assert!(status.success(), "{errors}");
    let one = "route one: critical and worse, shutdown, on transit-1; no updates; to good";
    assert!(printed.contains(one), "{printed}");
    assert!(printed.contains("receiver chat: slack, http://127.0.0.1:"), "{printed}");
    assert!(!printed.contains("SECRETPATH"), "{printed}");
}
