//! Tests of the built-in file, of look-ups, of users' files and of every error message.

use super::*;

use proptest::prelude::*;

fn builtin() -> Rules {
    Rules::builtin().unwrap_or_else(|error| panic!("{error}"))
}

/// The service of a host by name, or "none".
fn whose<'r>(rules: &'r Rules, host: &str) -> &'r str {
    rules.name(rules.lookup(host).unwrap_or(ServiceId::NONE))
}

fn read(text: &str) -> Result<Rules, FileError> {
    Rules::default().with_file(text, "my.toml")
}

#[test]
fn the_builtin_file_has_what_it_promises() {
    let rules = builtin();
    assert!(rules.len() >= 300, "{} services", rules.len());
    let suffixes: usize = rules.services().map(|service| service.suffixes.len()).sum();
    assert!(suffixes >= 900, "{suffixes} suffixes");
    let hosters = rules.services().filter(|s| s.category == Category::DirectDownload).count();
    assert!(hosters >= 80, "{hosters} direct-download services");
    for category in Category::ALL {
        let named = rules.services().any(|service| service.category == *category);
        let by_protocol_only = matches!(category, Category::Network | Category::Unknown);
        assert_eq!(named, !by_protocol_only, "{category}");
    }
}

#[test]
fn every_builtin_service_has_suffixes_and_examples_that_are_its_own() {
    let text = include_str!("../../services.toml");
    let mut problems = Problems::new("services.toml", text);
    let entries = file::read(text, &mut problems);
    assert_eq!(problems.into_result(), Ok(()));
    let rules = builtin();
    assert_eq!(entries.len(), rules.len());
    for entry in &entries {
        let name = &entry.name.value;
        assert!(!entry.suffixes.is_empty() && !entry.examples.is_empty(), "{name}");
        for host in entry.suffixes.iter().chain(&entry.examples) {
            assert_eq!(whose(&rules, &host.value), name, "{}", host.value);
        }
    }
}

#[test]
fn no_builtin_suffix_is_covered_by_another_of_its_own_service() {
    let rules = builtin();
    for service in rules.services() {
        for suffix in &service.suffixes {
            let (_, parent) = suffix.split_once('.').unwrap();
            assert_ne!(rules.lookup(parent), Some(service.id), "{suffix} says nothing new");
        }
    }
}

#[test]
fn the_hosters_that_made_history_are_known() {
    let rules = builtin();
    for (host, name) in [
        ("www1024.megaupload.com", "megaupload"),
        ("rs547l3.rapidshare.com", "rapidshare"),
        ("www.fileserve.com", "fileserve"),
        ("s195.filesonic.com", "filesonic"),
        ("www.videobb.com", "videobb"),
        ("uploaded.to", "uploaded"),
        ("depositfiles.com", "depositfiles"),
        ("hotfile.com", "hotfile"),
        ("www.wupload.com", "wupload"),
        ("download2390.mediafire.com", "mediafire"),
        ("netload.in", "netload"),
        ("oron.com", "oron"),
        ("filefactory.com", "filefactory"),
        ("letitbit.net", "letitbit"),
        ("turbobit.net", "turbobit"),
        ("hitfile.net", "hitfile"),
        ("bitshare.com", "bitshare"),
        ("4shared.com", "4shared"),
        ("www64.zippyshare.com", "zippyshare"),
        ("uploading.com", "uploading"),
        ("freakshare.com", "freakshare"),
        ("filejungle.com", "filejungle"),
        ("uploadstation.com", "uploadstation"),
        ("easy-share.com", "easy-share"),
        ("sendspace.com", "sendspace"),
        ("badongo.com", "badongo"),
        ("megashares.com", "megashares"),
        ("ifile.it", "filecloud-io"),
        ("putlocker.com", "putlocker"),
        ("novamov.com", "novamov"),
        ("gigasize.com", "gigasize"),
        ("2shared.com", "2shared"),
        ("dl6.1fichier.com", "1fichier"),
        ("34.download.real-debrid.com", "real-debrid"),
    ] {
        assert_eq!(whose(&rules, host), name);
        let id = rules.id(name).unwrap();
        assert_eq!(rules.category(id), Some(Category::DirectDownload), "{name}");
    }
    let megavideo = rules.lookup("www12.megavideo.com").unwrap();
    assert_eq!(rules.category(megavideo), Some(Category::Streaming));
    let shut = rules.service(rules.id("megaupload").unwrap()).unwrap().defunct.as_deref();
    assert_eq!(shut, Some("2012-01-19"));
}

#[test]
fn longer_suffixes_win_over_the_portals_they_are_under() {
    let rules = builtin();
    for (host, name) in [
        ("fonts.googleapis.com", "google"),
        ("youtubei.googleapis.com", "youtube"),
        ("storage.googleapis.com", "google-cloud-storage"),
        ("drive.google.com", "google-drive"),
        ("mail.google.com", "gmail"),
        ("bucket.s3.amazonaws.com", "amazon-s3"),
        ("ec2.eu-west-3.amazonaws.com", "aws"),
        ("nrodlzdf-a.akamaihd.net", "zdf-mediathek"),
        ("example-a.akamaihd.net", "akamai"),
        ("swcdn.apple.com", "apple-update"),
        ("www.apple.com", "apple"),
        ("dl.free.fr", "free-dl"),
        ("tlu.dl.delivery.mp.microsoft.com", "windows-update"),
        ("mozilla.cloudflare-dns.com", "cloudflare-dns"),
    ] {
        assert_eq!(whose(&rules, host), name, "{host}");
    }
}

#[test]
fn lookups_take_whole_labels_any_case_and_one_trailing_dot() {
    let rules = read(
        r#"
        version = 1
        [[service]]
        name = "hoster"
        category = "direct-download"
        suffixes = ["hoster.example", "cdn.deep.under.example"]
        "#,
    )
    .unwrap();
    for host in ["hoster.example", "HOSTER.Example", "dl1.hoster.example.", "a.b.c.hoster.example"]
    {
        assert_eq!(whose(&rules, host), "hoster", "{host}");
    }
    assert_eq!(whose(&rules, "x.cdn.deep.under.example"), "hoster");
    for host in
        ["", ".", "..", "example", "nothoster.example", "hoster.example..", "hoster.example.x"]
    {
        assert_eq!(rules.lookup(host), None, "{host}");
    }
    let longest = format!("{}.hoster.example", "a.".repeat(119) + "b");
    assert_eq!((longest.len(), whose(&rules, &longest)), (254, "none"));
    assert_eq!(whose(&rules, longest.get(1..).unwrap()), "hoster");
}

#[test]
fn nothing_is_known_without_rules() {
    let rules = Rules::default();
    assert!(rules.is_empty());
    assert_eq!(rules.lookup("www.megaupload.com"), None);
    assert_eq!(rules.name(ServiceId::NONE), "none");
    assert_eq!(rules.category(ServiceId::NONE), None);
    assert_eq!(rules.service(ServiceId(7)), None);
}

#[test]
fn ids_follow_the_order_of_the_file_and_names_lead_back() {
    let rules = builtin();
    for (service, place) in rules.services().zip(1..) {
        assert_eq!(service.id, ServiceId(place));
        assert_eq!(rules.id(&service.name), Some(service.id));
        assert_eq!(rules.name(service.id), &*service.name);
    }
}

#[test]
fn a_users_file_adds_services_extends_them_and_takes_suffixes_over() {
    let before = builtin().len();
    let rules = builtin()
        .with_file(
            r#"
            version = 1
            [[service]]
            name = "1fichier"
            suffixes = ["1fichier.example"]
            examples = ["dl.1fichier.example", "dl6.1fichier.com"]
            [[service]]
            name = "our-cache"
            category = "streaming"
            suffixes = ["googlevideo.com", "cache.isp.example"]
            examples = ["rr1.googlevideo.com"]
            "#,
            "my.toml",
        )
        .unwrap();
    assert_eq!(rules.len(), before + 1);
    assert_eq!(whose(&rules, "x.1fichier.example"), "1fichier");
    assert_eq!(whose(&rules, "x.1fichier.com"), "1fichier");
    assert_eq!(whose(&rules, "rr1.googlevideo.com"), "our-cache");
    assert_eq!(whose(&rules, "www.youtube.com"), "youtube");
    let youtube = rules.service(rules.id("youtube").unwrap()).unwrap();
    assert!(youtube.suffixes.iter().all(|suffix| &**suffix != "googlevideo.com"));
    let ours = rules.service(rules.id("our-cache").unwrap()).unwrap();
    assert_eq!(ours.suffixes.len(), 2);
}

/// The errors of a file, one a line as the user sees them.
fn errors(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn every_error_names_its_place() {
    let service = |lines: &str| format!("version = 1\n[[service]]\n{lines}\n");
    let good = "name = \"a\"\ncategory = \"web\"\nsuffixes = [\"a.example\"]\n";
    for (text, expected) in [
        (String::new(), "my.toml:1:1: `version` is missing"),
        ("version = 2".into(), "my.toml:1:11: `version` is not 1"),
        ("version = \"1\"".into(), "my.toml:1:11: `version` is not 1"),
        ("version = 1\nnaem = 1".into(), "my.toml:2:1: unknown key `naem`; a rules file has"),
        ("version = 1\nsource = 1".into(), "my.toml:2:10: source is not a string but of type"),
        ("version = 1\nservice = 1".into(), "my.toml:2:11: `service` is not a list"),
        ("version = 1\nservice = [1]".into(), "my.toml:2:12: a service is not a table"),
        (
            service(&format!("{good}suffix = []")),
            "my.toml:6:1: unknown key `suffix`; a service has",
        ),
        (service("category = \"web\"\nsuffixes = []"), "my.toml:2:1: a service has no `name`"),
        (service("name = \"a\"\ncategory = \"web\""), "my.toml:2:1: a service has no `suffixes`"),
        (service("name = \"a\"\nsuffixes = []"), "my.toml:3:8: new service `a` has no `category`"),
        (
            service("name = 1\nsuffixes = []"),
            "my.toml:3:8: `name` is not a string but of type integer",
        ),
        (service("name = \"É\"\nsuffixes = []"), "my.toml:3:8: service name `É` is not 1 to 40"),
        (
            service("name = \"a\"\ncategory = \"wab\"\nsuffixes = []"),
            "my.toml:4:12: `wab` is not a category; one of p2p, direct-download, web,",
        ),
        (
            service("name = \"other\"\ncategory = \"web\"\nsuffixes = []"),
            "my.toml:3:8: `other` is reserved",
        ),
        (
            service("name = \"a\"\ncategory = \"web\"\nsuffixes = \"a.example\""),
            "my.toml:5:12: a list of suffix strings goes here",
        ),
        (
            service("name = \"a\"\ncategory = \"web\"\nsuffixes = [\"é.b\", \"https://c.d\"]"),
            "my.toml:5:13: suffix `é.b` is not a host name: write names beyond ASCII in punycode (xn--...)\n\
             my.toml:5:20: suffix `https://c.d` is not a host name: give the host only, without scheme and path",
        ),
        (
            service(&format!("{good}defunct = \"19.1.2012\"")),
            "my.toml:6:11: `defunct` is `19.1.2012`, not a date such as",
        ),
        (
            service(&format!("{good}examples = [\"b.example\"]")),
            "my.toml:6:13: example `b.example` is not of service `a` but of no service",
        ),
        (
            service(&format!("{good}[[service]]\n{good}")),
            "my.toml:7:8: service `a` is given twice, first in line 3: join them",
        ),
        (
            service(&format!("{good}[[service]]\n{}", good.replacen("\"a\"", "\"b\"", 1))),
            "my.toml:9:13: suffix `a.example` is given twice, first in line 5",
        ),
        ("version = 1\n[[service]\n".into(), "my.toml:2:"),
    ] {
        let found = errors(&text);
        assert!(found.starts_with(expected), "{text}\n-> {found}\nexpected {expected}");
        assert_eq!(found.lines().count(), expected.lines().count(), "{text}\n-> {found}");
    }
}

#[test]
fn a_known_services_category_cannot_change() {
    let text = "version = 1\n[[service]]\nname = \"youtube\"\ncategory = \"web\"\nsuffixes = []\n";
    let error = builtin().with_file(text, "my.toml").unwrap_err();
    assert_eq!(
        error.to_string(),
        "my.toml:4:12: service `youtube` is of category `streaming` already: \
         leave `category` out, or give the service another name"
    );
}

#[test]
fn dates_of_closure_are_years_months_or_days() {
    let with = |date: &str| {
        read(&format!(
            "version = 1\n[[service]]\nname = \"a\"\ncategory = \"web\"\nsuffixes = []\n\
             defunct = \"{date}\""
        ))
    };
    for good in ["2012", "2012-01", "2012-01-19"] {
        let rules = with(good).unwrap();
        assert_eq!(rules.services().next().unwrap().defunct.as_deref(), Some(good));
    }
    for bad in ["", "12", "2012-1", "2012-13", "2012-01-00", "2012-01-19-1", "2012-+1", "2012-"] {
        assert!(with(bad).is_err(), "{bad}");
    }
}

#[test]
fn all_errors_come_at_once_in_order_and_are_bounded() {
    let mut text = "version = 1\n".to_owned();
    for _ in 0..130 {
        text.push_str("[[service]]\nname = \"None\"\nsuffixes = []\n");
    }
    let error = read(&text).unwrap_err();
    assert_eq!((error.problems.len(), error.more), (100, 30));
    assert!(error.problems.is_sorted_by_key(|problem| problem.line));
    assert!(error.to_string().ends_with("my.toml: 30 more errors"));
}

proptest! {
    #[test]
    fn any_text_can_be_looked_up(host in ".{0,300}") {
        let _ = builtin_once().lookup(&host);
    }

    #[test]
    fn any_text_can_be_read_as_a_rules_file(text in "(version = 1\n)?[\\PC\n]{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn a_name_under_a_suffix_is_its_services_unless_a_longer_suffix_exists(
        place in any::<proptest::sample::Index>(),
        label in "[a-zA-Z0-9_-]{1,20}",
    ) {
        let rules = builtin_once();
        let all: Vec<_> = rules
            .services()
            .flat_map(|service| service.suffixes.iter().map(move |suffix| (suffix, service.id)))
            .collect();
        let (suffix, id) = all[place.index(all.len())];
        let host = format!("{label}.{suffix}");
        let longer = all.iter().find(|(known, _)| host.eq_ignore_ascii_case(known));
        prop_assert_eq!(rules.lookup(&host), Some(longer.map_or(id, |(_, id)| *id)));
    }
}

fn builtin_once() -> &'static Rules {
    static RULES: std::sync::LazyLock<Rules> = std::sync::LazyLock::new(builtin);
    &RULES
}
