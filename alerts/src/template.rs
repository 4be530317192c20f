//! An event in words: titles and texts from templates, checked before they are needed.

use std::fmt;
use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::event::{Event, Part, Transition, kind_name, severity_name};

const TITLE: &str = "\
{% if transition == 'resolved' %}Over: {% elif transition == 'update' %}Goes on: {% endif %}{{ subject }}";

const TEXT: &str = "\
{{ kind }}, {{ severity }}, {{ direction }}; since {{ onset }}{% if ended %}, over at {{ ended }}{% endif %}
{{ depth_percent|round(1) }} % at the most, {{ lost }} in all
{%- if links %}
links: {{ links|join(', ') }}{% endif %}
{%- if parts %}
made of: {% for part in parts %}{{ part.name }} {{ part.share_percent|round }} %\
{% if not loop.last %}, {% endif %}{% endfor %}{% endif %}
{%- if meanwhile %}
meanwhile more than usual: {% for part in meanwhile %}{{ part.name }} {{ part.octets }}\
{% if not loop.last %}, {% endif %}{% endfor %}{% endif %}
{%- if url %}
{{ url }}{% endif %}";

/// Enough for a loop over everything that an event names, and no endless one.
const FUEL: u64 = 100_000;
/// A subject of a mail, a line of a chat.
const MAX_TITLE: usize = 256;
/// What every receiver takes; Slack's messages have 40,000 characters.
const MAX_TEXT: usize = 8_192;

/// Which template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// The title: one line.
    Title,
    /// The text.
    Text,
}

impl TemplatePart {
    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Text => "text",
        }
    }
}

/// A template that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// Which.
    pub part: TemplatePart,
    /// The line in it, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Title and text of what a receiver is told.
#[derive(Clone)]
pub struct Templates(Arc<Environment<'static>>);

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").finish_non_exhaustive()
    }
}

/// What templates may name.
#[derive(Serialize)]
struct Context<'a> {
    transition: &'static str,
    id: &'a str,
    subject: &'a str,
    kind: &'static str,
    severity: &'static str,
    direction: &'a str,
    onset: String,
    confirmed: String,
    ended: Option<String>,
    depth_percent: f64,
    lost: String,
    lost_octets: f64,
    links: &'a [String],
    categories: &'a [String],
    parts: Vec<Share<'a>>,
    meanwhile: Vec<Share<'a>>,
    fingerprint: &'a str,
    probe: &'a str,
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct Share<'a> {
    scope: &'a str,
    name: &'a str,
    octets: String,
    share_percent: f64,
}

/// An event in a receiver's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) title: String,
    pub(crate) text: String,
}

/// What words are made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) transition: Transition,
    pub(crate) event: &'a Event,
    pub(crate) fingerprint: &'a str,
    pub(crate) probe: &'a str,
    pub(crate) url: Option<&'a str>,
}

impl Templates {
    /// Reads templates (where none is given, a built-in one) and tries them on invented events: one that
    /// names what does not exist is found here, not on the night of an event.
    ///
    /// # Errors
    /// Which template, which line of it, and what is wrong there.
    pub fn new(title: Option<&str>, text: Option<&str>) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        for (part, source) in [
            (TemplatePart::Title, title.unwrap_or(TITLE)),
            (TemplatePart::Text, text.unwrap_or(TEXT)),
        ] {
            let added = environment.add_template_owned(part.name(), source.to_owned());
            added.map_err(|error| wrong(part, &error))?;
        }
        let templates = Self(Arc::new(environment));
        for event in [Event::sample(0), Event::bare_sample(0)] {
            for transition in [Transition::Firing, Transition::Update, Transition::Resolved] {
                let ended = (transition == Transition::Resolved).then_some(0);
                let event = Event { ended, ..event.clone() };
                let (fingerprint, probe, url) = ("0000000000000000", "probe", None);
                let subject = Subject { transition, event: &event, fingerprint, probe, url };
                for part in [TemplatePart::Title, TemplatePart::Text] {
                    templates.render(part, subject).map_err(|error| wrong(part, &error))?;
                }
            }
        }
        Ok(templates)
    }

    /// An event in words. Templates that fail although they were tried give way to the event's subject.
    pub(crate) fn words(&self, subject: Subject<'_>) -> Words {
        let or_subject = |part| {
            self.render(part, subject).unwrap_or_else(|error| {
                tracing::warn!("alerts: the template `{}` failed: {error}", part.name());
                subject.event.subject.clone()
            })
        };
        let title = or_subject(TemplatePart::Title);
        // A title is a header of a mail, a line of a log: control characters would make more of it.
        let title: Vec<&str> = title.split(|c: char| c.is_control()).map(str::trim).collect();
        let mut title = title.join(" ").trim().to_owned();
        shorten(&mut title, MAX_TITLE);
        let mut text = or_subject(TemplatePart::Text).trim().to_owned();
        shorten(&mut text, MAX_TEXT);
        Words { title, text }
    }

    fn render(&self, part: TemplatePart, subject: Subject<'_>) -> Result<String, minijinja::Error> {
        let Subject { transition, event, fingerprint, probe, url } = subject;
        let context = Context {
            transition: transition.name(),
            id: &event.id,
            subject: &event.subject,
            kind: kind_name(event.kind),
            severity: severity_name(event.severity),
            direction: &event.direction,
            onset: moment(event.onset),
            confirmed: moment(event.confirmed),
            ended: event.ended.map(moment),
            depth_percent: event.depth_percent,
            lost: octets(event.lost_octets),
            lost_octets: event.lost_octets,
            links: &event.links,
            categories: &event.categories,
            parts: event.parts.iter().map(share).collect(),
            meanwhile: event.meanwhile.iter().map(share).collect(),
            fingerprint,
            probe,
            url,
        };
        self.0.get_template(part.name())?.render(Value::from(Serde(&context)))
    }
}

fn share(part: &Part) -> Share<'_> {
    let Part { scope, name, octets: lost, share } = part;
    Share { scope, name, octets: octets(*lost), share_percent: share * 100.0 }
}

fn wrong(part: TemplatePart, error: &minijinja::Error) -> TemplateError {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let message = format!("{}{detail}", error.kind());
    TemplateError { part, line: error.line().unwrap_or(1).max(1), message }
}

/// Cuts a text at a character, and says so.
pub(crate) fn shorten(text: &mut String, octets: usize) {
    if text.len() <= octets {
        return;
    }
    let mark = "…";
    let mut end = octets.saturating_sub(mark.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push_str(mark);
}

/// A moment, RFC 3339, UTC.
pub(crate) fn moment(unix: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(unix).ok();
    let text = moment.and_then(|moment| moment.format(&Rfc3339).ok());
    text.unwrap_or_else(|| unix.to_string())
}

/// Octets in bytes, SI.
fn octets(octets: f64) -> String {
    let mut value = octets;
    let mut units = ["B", "kB", "MB", "GB", "TB", "PB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while value.abs() >= 1000.0
        && let Some(larger) = units.next()
    {
        value /= 1000.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(templates: &Templates, event: &Event, transition: Transition) -> Words {
        let url = Some("https://etiage.example.net/event?v=1&id=7");
        templates.words(Subject { transition, event, fingerprint: "f", probe: "p", url })
    }

    #[test]
    fn the_built_in_templates_say_what_happened() {
        let templates = Templates::new(None, None).unwrap();
        let event = Event { ended: Some(1_326_999_600), ..Event::sample(1_326_996_000) };
        let told = words(&templates, &event, Transition::Resolved);
        assert_eq!(told.title, "Over: test of etiage's alerts: nothing has happened");
        assert_eq!(
            told.text,
            "shutdown, warning, in; since 2012-01-19T17:50:00Z, over at 2012-01-19T19:00:00Z\n\
             20.5 % at the most, 1.5 TB in all\n\
             links: transit-1, ix-1\n\
             made of: example.com 80.0 %, direct-download 93.0 %\n\
             meanwhile more than usual: p2p 300.0 GB\n\
             https://etiage.example.net/event?v=1&id=7"
        );
        let told = words(&templates, &Event::bare_sample(0), Transition::Firing);
        assert!(!told.text.contains("made of"), "{}", told.text);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let text = |text| Templates::new(None, Some(text)).unwrap_err();
        let error = text("first\n{{ subjekt }}");
        assert_eq!((error.part, error.line), (TemplatePart::Text, 2), "{error}");
        let error = text("a\nb\n{% if x %}");
        assert_eq!(error.line, 3, "{error}");
        // An event need not have parts.
        let error = text("{{ parts[0].name }}");
        assert_eq!(error.line, 1, "{error}");
        let error = Templates::new(Some("{{ subject | nosuch }}"), None).unwrap_err();
        assert_eq!((error.part, error.line), (TemplatePart::Title, 1), "{error}");
        let error =
            text("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}");
        assert!(error.message.contains("fuel"), "{error}");
    }

    #[test]
    fn a_title_is_one_line_and_everything_has_an_end() {
        let templates = Templates::new(Some("{{ subject }}\r\nBcc: x"), None).unwrap();
        let event = Event { subject: "é".repeat(50_000), ..Event::sample(0) };
        let told = words(&templates, &event, Transition::Firing);
        assert!(told.title.len() <= MAX_TITLE && told.title.ends_with('…'));
        let event = Event { subject: "a\nb".to_owned(), ..event };
        assert_eq!(words(&templates, &event, Transition::Firing).title, "a b  Bcc: x");
        let mut text = "aé".to_owned();
        shorten(&mut text, 3);
        assert_eq!(text, "aé");
        shorten(&mut text, 2);
        assert_eq!(text, "…", "three octets are less than any other mark");
    }
}
