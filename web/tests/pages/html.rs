//! A reader for the HTML that our templates write: strict where browsers forgive, and nothing more.

/// A start tag.
#[derive(Debug)]
pub struct Element {
    /// Its name.
    pub tag: String,
    /// Its attributes, values unescaped.
    pub attributes: Vec<(String, String)>,
    /// Whether it stands inside an `<svg>`.
    pub in_svg: bool,
}

impl Element {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Elements without an end tag.
const VOID: [&str; 3] = ["input", "link", "meta"];

/// All start tags in order; an error where tags do not balance or an attribute is malformed.
pub fn elements(html: &str) -> Result<Vec<Element>, String> {
    let mut rest = html.strip_prefix("<!doctype html>").ok_or("no doctype")?;
    let mut open: Vec<String> = Vec::new();
    let mut found = Vec::new();
    while let Some(start) = rest.find('<') {
        let tag = &rest[start + 1..];
        let end = tag.find('>').ok_or_else(|| format!("a tag does not end: {tag:.40}"))?;
        let inside = &tag[..end];
        rest = &tag[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            let expected = open.pop();
            if expected.as_deref() != Some(name) {
                return Err(format!("</{name}> where {expected:?} is open"));
            }
            continue;
        }
        let (inside, closed) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let (name, attributes) = inside.split_once(' ').unwrap_or((inside, ""));
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!("a bare < before {inside:.40}"));
        }
        let in_svg = open.iter().any(|tag| tag == "svg");
        if closed && !in_svg {
            return Err(format!("<{name}/> closes itself outside an svg"));
        }
        if !closed && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
        found.push(Element { tag: name.to_owned(), attributes: read_attributes(attributes)?, in_svg });
    }
    if open.is_empty() { Ok(found) } else { Err(format!("still open: {open:?}")) }
}

fn read_attributes(mut text: &str) -> Result<Vec<(String, String)>, String> {
    let mut attributes: Vec<(String, String)> = Vec::new();
    loop {
        text = text.trim_start();
        let end = text.find([' ', '=']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() {
            return if rest.is_empty() { Ok(attributes) } else { Err(format!("no name before {rest:.40}")) };
        }
        if attributes.iter().any(|(other, _)| other == name) {
            return Err(format!("{name} twice"));
        }
        let value = if let Some(quoted) = rest.strip_prefix('=') {
            let quoted = quoted.strip_prefix('"').ok_or_else(|| format!("{name} is not quoted"))?;
            let (value, after) = quoted.split_once('"').ok_or_else(|| format!("{name} does not end"))?;
            text = after;
            value
        } else {
            text = rest;
            ""
        };
        attributes.push((name.to_owned(), unescape(value)));
    }
}

fn unescape(text: &str) -> String {
    let named =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#39;", "'"), ("&#x2f;", "/")];
    named.iter().fold(text.to_owned(), |text, (name, mark)| text.replace(name, mark)).replace("&amp;", "&")
}

#[test]
fn the_reader_notices_what_is_wrong() {
    let wrong = ["<p>", "<p></b>", "<p a=b></p>", "<p a=\"1\" a=\"2\"></p>", "< p>", "<p/>", "<p a=\"1></p>"];
    for html in wrong {
        assert!(elements(&format!("<!doctype html>{html}")).is_err(), "{html}");
    }
    let right = elements("<!doctype html><p a=\"&lt;1\" b><svg><g/></svg><input></p>").unwrap();
    assert_eq!(right.len(), 4);
    assert_eq!(right[0].attribute("a"), Some("<1"));
    assert!(right[2].in_svg && !right[3].in_svg);
}
