//! What is known of a capture's flows, in each of its forms.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use etiage_aggregator::FlowRecord;
use etiage_capture::Transport;
use etiage_capture::flow::FlowKey;
use etiage_classifier::{Category, Class, Protocol, Rules};
use serde::Deserialize;

use crate::find::TruthFile;
use crate::{Error, TruthError, labels};

/// What a flow must be called to be called right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    /// One of these; any if empty.
    pub(crate) protocols: Vec<Protocol>,
    /// Of this service; of any if `None`.
    pub(crate) service: Option<String>,
    /// In this category; in any if `None`.
    pub(crate) category: Option<Category>,
}

impl Expected {
    /// Whether a verdict is right.
    pub(crate) fn accepts(&self, class: Class, rules: &Rules) -> bool {
        (self.protocols.is_empty() || self.protocols.contains(&class.protocol))
            && self.category.is_none_or(|category| category == class.category)
            && self.service.as_deref().is_none_or(|service| service == rules.name(class.service))
    }

    /// What the verdict is called where it is compared: its category if that is judged.
    pub(crate) fn column<'a>(&self, class: Class, rules: &'a Rules) -> &'a str {
        if self.category.is_some() {
            class.category.name()
        } else if self.protocols.is_empty() {
            rules.name(class.service)
        } else {
            class.protocol.name()
        }
    }
}

/// What the truth says of a flow.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The class it belongs to: a row of the confusion matrix.
    pub(crate) class: String,
    /// Its kind, in the truth's own words.
    pub(crate) kind: String,
    /// Nothing if the truth has no opinion, or one that cannot be compared.
    pub(crate) expected: Option<Expected>,
    /// First and last packet, in seconds since the epoch, where that is said.
    span: Option<(f64, f64)>,
    /// Tells it from all others of its file.
    pub(crate) id: usize,
}

/// What is known of one capture's flows.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    entries: HashMap<FlowKey, Vec<Entry>>,
    /// Whether it is another classifier's opinion.
    pub(crate) labels: bool,
    /// Words of the truth that have no meaning here, and how many of its flows have them. Those are
    /// not judged.
    pub(crate) unknown_words: BTreeMap<String, u64>,
    read: usize,
}

impl Truth {
    /// What is said of a flow. Where a port pair was used several times: of the nearest in time.
    pub(crate) fn of(&self, flow: &FlowRecord) -> Option<&Entry> {
        let ends = [flow.ends.initiator, flow.ends.responder];
        let entries = self.entries.get(&crate::key(flow.ends.transport, ends))?;
        let (first, last) = (flow.first.as_secs_f64(), flow.last.as_secs_f64());
        let distance = |entry: &&Entry| {
            entry.span.map_or(0.0, |span| (span.0 - last).max(first - span.1).max(0.0))
        };
        entries.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    /// The flows of some kinds.
    pub(crate) fn keys_of(&self, kinds: &[String]) -> HashSet<FlowKey> {
        let of_kind =
            |entries: &Vec<Entry>| entries.iter().any(|entry| kinds.contains(&entry.kind));
        self.entries.iter().filter(|(_, entries)| of_kind(entries)).map(|(key, _)| *key).collect()
    }

    /// Every flow that is spoken of.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &FlowKey> {
        self.entries.keys()
    }

    fn not_known(&mut self, words: String) {
        *self.unknown_words.entry(words).or_default() += 1;
    }

    fn add(&mut self, transport: Transport, ends: [SocketAddr; 2], mut entry: Entry) {
        entry.id = self.read;
        self.read += 1;
        self.entries.entry(crate::key(transport, ends)).or_default().push(entry);
    }
}

/// Reads truth.
pub(crate) fn read(file: &TruthFile) -> Result<Truth, Error> {
    let (path, truth) = match file {
        TruthFile::Sidecar(path) => (path, sidecar(path)),
        TruthFile::Table(path) => (path, table(path)),
        TruthFile::Labels(path) => (path, label_table(path)),
    };
    truth.map_err(|source| Error::Truth { path: path.clone(), source })
}

/// The sidecar of a recording.
#[derive(Deserialize)]
struct Sidecar {
    flows: Vec<SidecarFlow>,
}

#[derive(Deserialize)]
struct SidecarFlow {
    proto: String,
    subscriber: IpAddr,
    sub_port: u16,
    remote: IpAddr,
    remote_port: u16,
    first: f64,
    last: f64,
    class: String,
    app: String,
}

fn sidecar(path: &Path) -> Result<Truth, TruthError> {
    let file: Sidecar = serde_json::from_reader(BufReader::new(File::open(path)?))?;
    let mut truth = Truth::default();
    for flow in file.flows {
        let Some(transport) = transport(&flow.proto) else {
            truth.not_known(format!("transport {}", flow.proto));
            continue;
        };
        let ends = [(flow.subscriber, flow.sub_port), (flow.remote, flow.remote_port)];
        let (class, expected) = match sidecar_class(&flow.class, &flow.app) {
            Some((class, expected)) => (class.to_owned(), Some(expected)),
            None => {
                truth.not_known(format!("class {}, application {}", flow.class, flow.app));
                (flow.class, None)
            }
        };
        let span = Some((flow.first, flow.last));
        let entry = Entry { class, kind: flow.app, expected, span, id: 0 };
        truth.add(transport, ends.map(SocketAddr::from), entry);
    }
    Ok(truth)
}

/// A sidecar's words in ours. `(transit)` is said of flows that no subscriber is an end of.
fn sidecar_class(class: &str, app: &str) -> Option<(&'static str, Expected)> {
    let of = |protocols: &[Protocol], category| Expected {
        protocols: protocols.to_vec(),
        service: None,
        category: Some(category),
    };
    let in_category = |category: Category| (category.name(), of(&[], category));
    Some(match (class.trim_end_matches(" (transit)"), app) {
        ("BitTorrent" | "BitTorrent-webseed(HTTP)", _) => {
            ("bittorrent", of(&[Protocol::BitTorrent], Category::P2p))
        }
        ("P2P-other", app) => {
            let protocol = match app.get(..2) {
                Some("ed" | "ka") => Protocol::Edonkey,
                Some("dc") => Protocol::DirectConnect,
                Some("sl") => Protocol::Soulseek,
                _ => return None,
            };
            ("p2p-other", of(&[protocol], Category::P2p))
        }
        ("DirectDownload", "nntps" | "nntp") => in_category(Category::Usenet),
        ("DirectDownload", _) => in_category(Category::DirectDownload),
        ("Web", _) => in_category(Category::Web),
        ("DNS", _) => in_category(Category::Dns),
        ("Streaming", "rtp/rtcp") => in_category(Category::Voip),
        ("Streaming", _) => in_category(Category::Streaming),
        ("Other", "ssh") => in_category(Category::RemoteAccess),
        ("Other", "ftp-control") => in_category(Category::Network),
        ("Other", app) if app.starts_with("openvpn") => in_category(Category::Vpn),
        ("Unknown", _) => in_category(Category::Unknown),
        _ => return None,
    })
}

/// A row of NAME.truth.csv.
#[derive(Deserialize)]
struct TableRow {
    l4: String,
    src: IpAddr,
    sport: u16,
    dst: IpAddr,
    dport: u16,
    protocol: String,
    service: String,
    category: String,
}

fn table(path: &Path) -> Result<Truth, TruthError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path)?;
    let mut truth = Truth::default();
    for row in reader.deserialize::<TableRow>() {
        let row = row?;
        let Some(transport) = transport(&row.l4) else {
            truth.not_known(format!("transport {}", row.l4));
            continue;
        };
        let ends = [(row.src, row.sport), (row.dst, row.dport)].map(SocketAddr::from);
        let kind = row.protocol.clone();
        let entry = table_entry(row).unwrap_or_else(|words| {
            truth.not_known(words.clone());
            Entry { class: words, kind, expected: None, span: None, id: 0 }
        });
        truth.add(transport, ends, entry);
    }
    Ok(truth)
}

/// What a row says, or the word in it that is not known.
fn table_entry(row: TableRow) -> Result<Entry, String> {
    let given = |word: &str| (!word.is_empty()).then(|| word.to_owned());
    let parsed = |word: String| word.parse::<Protocol>().map_err(|_| format!("protocol {word}"));
    let protocol = given(&row.protocol).map(parsed).transpose()?;
    let parsed = |word: String| word.parse::<Category>().map_err(|_| format!("category {word}"));
    let category = given(&row.category).map(parsed).transpose()?;
    let service = given(&row.service);
    let class =
        [&row.category, &row.protocol, &row.service].into_iter().find(|word| !word.is_empty());
    let expected =
        class.map(|_| Expected { protocols: protocol.into_iter().collect(), service, category });
    let class = class.cloned().unwrap_or_default();
    Ok(Entry { class, kind: row.protocol, expected, span: None, id: 0 })
}

/// A row of another classifier's flows: the columns that matter here.
#[derive(Deserialize)]
struct LabelRow {
    l4: String,
    src_ip: String,
    src_port: u16,
    dst_ip: String,
    dst_port: u16,
    first_seen: f64,
    last_seen: f64,
    ndpi_proto: String,
    confidence: String,
}

fn label_table(path: &Path) -> Result<Truth, TruthError> {
    let mut reader = csv::Reader::from_path(path)?;
    let mut truth = Truth { labels: true, ..Truth::default() };
    for row in reader.deserialize::<LabelRow>() {
        let row = row?;
        // A tunnel's row can have ends of two IP versions in one: that is no flow of ours.
        let (Some(transport), Ok(source), Ok(destination)) =
            (transport(&row.l4), row.src_ip.parse::<IpAddr>(), row.dst_ip.parse::<IpAddr>())
        else {
            continue;
        };
        let ends = [(source, row.src_port), (destination, row.dst_port)].map(SocketAddr::from);
        // Only what was read from the payload is more than a guess.
        let protocols =
            if row.confidence == "DPI" { labels::protocols(&row.ndpi_proto) } else { Vec::new() };
        let expected = (!protocols.is_empty()).then_some(Expected {
            protocols,
            service: None,
            category: None,
        });
        let class = labels::master(&row.ndpi_proto).to_owned();
        let span = Some((row.first_seen, row.last_seen));
        truth.add(transport, ends, Entry { class, kind: row.ndpi_proto, expected, span, id: 0 });
    }
    Ok(truth)
}

/// A transport by IANA's keyword or number.
fn transport(word: &str) -> Option<Transport> {
    Some(Transport(match word.to_ascii_lowercase().as_str() {
        "icmp" => 1,
        "igmp" => 2,
        "tcp" => 6,
        "udp" => 17,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "icmpv6" => 58,
        "eigrp" => 88,
        "ospf" => 89,
        "pim" => 103,
        "vrrp" => 112,
        "sctp" => 132,
        number => number.trim_start_matches("ip-").parse().ok()?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Result<Truth, TruthError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.truth.csv");
        std::fs::write(&path, text).unwrap();
        table(&path)
    }

    const HEADER: &str = "l4,src,sport,dst,dport,protocol,service,category\n";

    #[test]
    fn a_table_says_what_is_judged() {
        let truth = written(&format!(
            "{HEADER}tcp,192.0.2.1,1,192.0.2.2,2,tls,,\nudp,2001:db8::1,1,2001:db8::2,2,,mega,direct-download\n\
             tcp,192.0.2.1,3,192.0.2.2,4,,,\n"
        ))
        .unwrap();
        assert_eq!(truth.keys().count(), 3);
        let mut entries: Vec<_> = truth.entries.values().flatten().collect();
        entries.sort_by(|a, b| a.class.cmp(&b.class));
        assert_eq!(entries[0].expected, None);
        let expected = entries[1].expected.as_ref().unwrap();
        assert_eq!(expected.service.as_deref(), Some("mega"));
        assert_eq!(expected.category, Some(Category::DirectDownload));
        assert_eq!(entries[2].expected.as_ref().unwrap().protocols, [Protocol::Tls]);
    }

    #[test]
    fn words_that_are_not_known_are_listed_and_not_judged() {
        let truth = written(&format!(
            "{HEADER}tcp,192.0.2.1,1,192.0.2.2,2,telepathy,,\n\
             tcp,192.0.2.1,3,192.0.2.2,2,telepathy,,web\n\
             tcp,192.0.2.1,4,192.0.2.2,2,,,fun\nsmoke,192.0.2.1,1,192.0.2.2,2,tls,,\n"
        ))
        .unwrap();
        let words = [("category fun", 1), ("protocol telepathy", 2), ("transport smoke", 1)];
        assert_eq!(truth.unknown_words, words.map(|(word, flows)| (word.to_owned(), flows)).into());
        assert!(truth.entries.values().flatten().all(|entry| entry.expected.is_none()));
        assert_eq!(truth.keys().count(), 3);
    }

    #[test]
    fn a_table_s_errors_name_the_line() {
        let error = written(&format!("{HEADER}tcp,nowhere,1,192.0.2.2,2,tls,,\n")).unwrap_err();
        assert!(format!("{error:#}").contains("line: 2"), "{error:#}");
    }

    #[test]
    fn an_expectation_accepts_only_what_it_names() {
        let rules = Rules::default();
        let p2p = Class::of(Protocol::Edonkey);
        let expected = Expected { category: Some(Category::P2p), ..Expected::default() };
        assert!(expected.accepts(p2p, &rules));
        assert_eq!(expected.column(p2p, &rules), "p2p");
        let expected = Expected { protocols: vec![Protocol::BitTorrent], ..expected };
        assert!(!expected.accepts(p2p, &rules));
        let expected = Expected { service: Some("mega".into()), ..Expected::default() };
        assert!(!expected.accepts(p2p, &rules));
    }
}
