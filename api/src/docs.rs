//! The manual, part of the program: the Markdown of docs/ as pages with a navigation.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use pulldown_cmark::{Alignment, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use rust_embed::RustEmbed;

use crate::problem::ApiError;

/// The pages and their pictures.
#[derive(RustEmbed)]
#[folder = "../docs"]
#[include = "*.md"]
#[include = "images/*.png"]
#[include = "images/*.svg"]
struct Docs;

/// The pages in the order of the navigation, with what they are called there. Further ones follow by name.
const ORDER: [(&str, &str); 15] = [
    ("install", "Install"),
    ("first-link", "The first link"),
    ("reading", "Reading the dashboards"),
    ("filters", "Filters"),
    ("events", "Events"),
    ("planning", "Planning"),
    ("operations", "Operations"),
    ("alerts", "Alerts"),
    ("api", "API"),
    ("capture", "Capture"),
    ("services", "Services"),
    ("store", "Store"),
    ("spool", "Spool"),
    ("reliability", "A bad day"),
    ("accuracy", "Accuracy"),
];

const STYLE: &str = include_str!("docs.css");

/// The pages, made once.
static PAGES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let names = names();
    let page = |(name, title): &(String, String)| Some((name.clone(), page(name, title, &names)?));
    names.iter().filter_map(page).collect()
});

/// `/docs`: links in the pages are relative to `/docs/`.
pub(crate) async fn root() -> Redirect {
    Redirect::permanent("docs/")
}

/// `/docs/`.
pub(crate) async fn index() -> Result<Response, ApiError> {
    answer("install")
}

/// `/docs/style.css`.
pub(crate) async fn style() -> Response {
    let kind = HeaderValue::from_static("text/css; charset=utf-8");
    let keep = HeaderValue::from_static("no-cache");
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], STYLE).into_response()
}

/// A page.
pub(crate) async fn show(Path(name): Path<String>) -> Result<Response, ApiError> {
    answer(&name)
}

/// A picture.
pub(crate) async fn image(Path(name): Path<String>) -> Result<Response, ApiError> {
    let kind = match name.rsplit_once('.').map(|(_, kind)| kind) {
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        _ => return Err(ApiError::NotFound(format!("/docs/images/{name}"))),
    };
    let Some(file) = Docs::get(&format!("images/{name}")) else {
        return Err(ApiError::NotFound(format!("/docs/images/{name}")));
    };
    let kind = HeaderValue::from_static(kind);
    let keep = HeaderValue::from_static("no-cache");
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], file.data).into_response())
}

fn answer(name: &str) -> Result<Response, ApiError> {
    let page = PAGES.get(name).ok_or_else(|| ApiError::NotFound(format!("/docs/{name}")))?;
    let keep = HeaderValue::from_static("no-cache");
    Ok(([(header::CACHE_CONTROL, keep)], Html(page.as_str())).into_response())
}

/// All pages with their titles, in the order of the navigation.
fn names() -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = ORDER
        .into_iter()
        .filter(|(name, _)| Docs::get(&format!("{name}.md")).is_some())
        .map(|(name, title)| (name.to_owned(), title.to_owned()))
        .collect();
    for file in Docs::iter() {
        let Some(name) = file.strip_suffix(".md").filter(|name| !name.contains('/')) else {
            continue;
        };
        if !names.iter().any(|(known, _)| known == name) {
            let mut letters = name.chars();
            let first =
                letters.next().map_or_else(String::new, |letter| letter.to_uppercase().to_string());
            names.push((name.to_owned(), first + letters.as_str()));
        }
    }
    names
}

fn page(name: &str, title: &str, names: &[(String, String)]) -> Option<String> {
    let file = Docs::get(&format!("{name}.md"))?;
    let text = String::from_utf8_lossy(&file.data);
    let mut navigation = String::new();
    for (other, title) in names {
        let here = if other == name { " aria-current=\"page\"" } else { "" };
        navigation.push_str(&format!("<li><a href=\"{other}\"{here}>{title}</a></li>"));
    }
    Some(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title} - Etiage</title><link rel=\"stylesheet\" href=\"style.css\">\
         <link rel=\"icon\" href=\"../favicon.svg\"></head>\
         <body><a class=\"skip\" href=\"#content\">Skip to the page</a>\
         <nav aria-label=\"Manual\"><p><a href=\"../\">Etiage</a></p><ul>{navigation}</ul>\
         <p><a href=\"../api/docs/\">API reference</a></p></nav>\
         <main id=\"content\">{}</main></body></html>\n",
        body(&text, names),
    ))
}

/// Markdown as HTML. Headings can be linked to; links to other pages of the manual lead there; what HTML there is
/// in the text is shown as text.
fn body(text: &str, names: &[(String, String)]) -> String {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, options).collect();
    add_anchors(&mut events);
    let mut dropped = false;
    let events = events.into_iter().filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let to = link(&dest_url, names);
            dropped = to.is_none();
            to.map(|to| Event::Start(Tag::Link { link_type, dest_url: to.into(), title, id }))
        }
        Event::End(TagEnd::Link) if std::mem::take(&mut dropped) => None,
        // Alignment would be a style of each cell's own.
        Event::Start(Tag::Table(columns)) => {
            Some(Event::Start(Tag::Table(vec![Alignment::None; columns.len()])))
        }
        other => Some(other),
    });
    let mut out = String::new();
    html::push_html(&mut out, events);
    out
}

/// Where a link leads: to a page of the manual, a place in one, or another host. Files that are not part of the
/// manual have no page.
fn link(to: &str, names: &[(String, String)]) -> Option<String> {
    if to.starts_with('#') || to.starts_with("https://") || to.starts_with("http://") {
        return Some(to.to_owned());
    }
    let (file, place) = to.split_once('#').map_or((to, None), |(file, place)| (file, Some(place)));
    let name = file.strip_suffix(".md")?;
    names.iter().any(|(known, _)| known == name).then(|| match place {
        Some(place) => format!("{name}#{place}"),
        None => name.to_owned(),
    })
}

/// Gives each heading an id made of its words.
fn add_anchors(events: &mut [Event<'_>]) {
    let mut open: Option<usize> = None;
    let mut ids: Vec<(usize, String)> = Vec::new();
    let mut words = String::new();
    for (place, event) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Heading { level, .. }) if *level != HeadingLevel::H1 => {
                open = Some(place);
                words.clear();
            }
            Event::Text(text) | Event::Code(text) if open.is_some() => words.push_str(text),
            Event::End(TagEnd::Heading(_)) => {
                if let Some(start) = open.take() {
                    ids.push((start, slug(&words)));
                }
            }
            _ => {}
        }
    }
    for (place, slug) in ids {
        if let Some(Event::Start(Tag::Heading { id, .. })) = events.get_mut(place) {
            *id = Some(CowStr::from(slug));
        }
    }
}

/// Lower case, hyphens between words, nothing else: as forges make them.
fn slug(words: &str) -> String {
    let kept = words.chars().filter_map(|character| match character {
        ' ' | '-' => Some('-'),
        letter if letter.is_alphanumeric() || letter == '_' => Some(letter),
        _ => None,
    });
    kept.collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_between_pages_leads_somewhere() {
        assert!(PAGES.len() >= 12, "{:?}", PAGES.keys());
        for (name, page) in PAGES.iter() {
            for target in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                if target.starts_with("http") || target.starts_with("../") || target == "style.css"
                {
                    continue;
                }
                let (file, place) = target.split_once('#').unwrap_or((target, ""));
                let file = if file.is_empty() { name } else { file };
                let other = PAGES.get(file).unwrap_or_else(|| panic!("{name}: {target}"));
                assert!(
                    place.is_empty() || other.contains(&format!("id=\"{place}\"")),
                    "{name}: {target}"
                );
            }
        }
    }

    #[test]
    fn pages_hold_no_scripts_and_no_styles_of_their_own() {
        for (name, page) in PAGES.iter() {
            assert!(!page.contains("<script") && !page.contains("style=\""), "{name}");
            assert!(!page.contains("src=\"http"), "{name}");
        }
    }

    #[test]
    fn markdown_becomes_html() {
        let names = [("api".to_owned(), "API".to_owned())];
        let text = "# A\n\n## Who `may` ask?\n\n[x](api.md#b) [y](../etiage.toml) <script>z</script>\n\n|a|\n|-|\n|b|\n";
        let html = body(text, &names);
        assert!(html.contains("<h2 id=\"who-may-ask\">"), "{html}");
        assert!(html.contains("<a href=\"api#b\">x</a> y &lt;script&gt;z"), "{html}");
        assert!(html.contains("<td>b</td>"), "{html}");
    }
}
