//! What holds for each page, whatever it shows.

use crate::html::{self, Element};

/// What holds for each page, whatever it shows.
pub fn check(name: &str, text: &str) {
    assert!(text.starts_with("<!doctype html>\n<html lang=\"en-GB\">"), "{name}: {text}");
    let elements = html::elements(text).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    for (tag, count) in [("title", 1), ("main", 1), ("h1", 1), ("footer", 1)] {
        let found = elements.iter().filter(|element| element.tag == tag && !element.in_svg).count();
        assert_eq!(found, count, "{name}: <{tag}>");
    }
    for element in &elements {
        check_policy(name, element);
        check_access(name, element, &elements);
    }
    let mut ids: Vec<_> = elements.iter().filter_map(|element| element.attribute("id")).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "{name}: an id occurs twice");
}

/// Nothing that [`CONTENT_SECURITY_POLICY`] would block.
fn check_policy(name: &str, element: &Element) {
    assert!(element.tag != "style", "{name}: inline style");
    assert!(element.tag != "script" || element.attribute("src").is_some(), "{name}: inline script");
    for (attribute, value) in &element.attributes {
        let of = format!("{name}: <{} {attribute}=\"{value}\">", element.tag);
        assert!(attribute != "style" && !attribute.starts_with("on"), "{of}");
        if matches!(attribute.as_str(), "href" | "src" | "action" | "formaction" | "data" | "poster") {
            let download = element.tag == "a" && element.attribute("download").is_some();
            let own = value.is_empty() || value.starts_with('#') || value.starts_with('/');
            // A link that somebody follows, to a page that is not told where they came from.
            let leaves = element.tag == "a" && element.attribute("rel") == Some("noreferrer");
            let allowed = own && !value.starts_with("//")
                || download && value.starts_with("data:")
                || leaves && value.starts_with("https://");
            assert!(allowed, "{of}");
        }
    }
}

/// What keyboards and screen readers need.
fn check_access(name: &str, element: &Element, all: &[Element]) {
    let known = |id: &str| all.iter().any(|other| other.attribute("id") == Some(id));
    if matches!(element.tag.as_str(), "input" | "textarea" | "select")
        && element.attribute("type") != Some("hidden")
    {
        let id = element.attribute("id").unwrap_or_else(|| panic!("{name}: a field without an id"));
        let labelled = all.iter().any(|other| other.tag == "label" && other.attribute("for") == Some(id));
        assert!(labelled, "{name}: the field {id} has no label");
    }
    if element.tag == "svg" {
        let hidden = element.attribute("aria-hidden") == Some("true");
        assert!(hidden || element.attribute("role") == Some("img"), "{name}: an svg that says nothing");
    }
    if element.tag == "th" {
        assert!(element.attribute("scope").is_some(), "{name}: a th without a scope");
    }
    for attribute in ["aria-labelledby", "aria-describedby"] {
        for id in element.attribute(attribute).unwrap_or_default().split_whitespace() {
            assert!(known(id), "{name}: {attribute} names {id}, which is not there");
        }
    }
    if let Some(target) = element.attribute("href").and_then(|href| href.strip_prefix('#')) {
        assert!(known(target), "{name}: a link to #{target}, which is not there");
    }
    if element.attribute("data-live").is_some() {
        assert!(element.attribute("id").is_some(), "{name}: a live part without an id");
    }
}
