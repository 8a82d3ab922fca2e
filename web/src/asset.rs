//! Static files, embedded, and the policy under which browsers may use them.

/// The `Content-Security-Policy` header of every page. What it does not name is forbidden: inline script and style,
/// foreign origins, frames, plug-ins, workers.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
    script-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; connect-src 'self'";

/// A static file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// The `Content-Type` header.
    pub content_type: &'static str,
    /// The file's bytes.
    pub bytes: &'static [u8],
    /// The `ETag` header, quotes included. Pages name files with it (`?v=`), so they may be cached for ever.
    pub etag: &'static str,
}

/// The file at `path` under `/assets/`, for example `app.css`.
pub fn asset(path: &str) -> Option<Asset> {
    let (content_type, bytes, etag): (_, &[u8], _) = match path {
        "app.css" => (CSS, APP_CSS.as_bytes(), &APP_CSS_ETAG),
        "app.js" => (JAVASCRIPT, APP_JS.as_bytes(), &APP_JS_ETAG),
        "bring.js" => (JAVASCRIPT, BRING_JS.as_bytes(), &BRING_JS_ETAG),
        "favicon.svg" => (SVG, FAVICON_SVG.as_bytes(), &FAVICON_SVG_ETAG),
        "lines.svg" => (SVG, LINES_SVG.as_bytes(), &LINES_SVG_ETAG),
        _ => return None,
    };
    let etag = std::str::from_utf8(etag).expect("hexadecimal digits and quotes are ASCII");
    Some(Asset { content_type, bytes, etag })
}

/// Where pages find the file: its path and, so that a new version is fetched at once, its version.
pub(crate) fn href(path: &str) -> String {
    let version = asset(path).map_or("", |asset| asset.etag.trim_matches('"'));
    format!("/assets/{path}?v={version}")
}

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const APP_CSS: &str = include_str!("../static/app.css");
const APP_JS: &str = include_str!("../static/app.js");
const BRING_JS: &str = include_str!("../static/bring.js");
const FAVICON_SVG: &str = include_str!("../static/favicon.svg");
const LINES_SVG: &str = include_str!("../static/lines.svg");

static APP_CSS_ETAG: Etag = etag(APP_CSS.as_bytes());
static APP_JS_ETAG: Etag = etag(APP_JS.as_bytes());
static BRING_JS_ETAG: Etag = etag(BRING_JS.as_bytes());
static FAVICON_SVG_ETAG: Etag = etag(FAVICON_SVG.as_bytes());
static LINES_SVG_ETAG: Etag = etag(LINES_SVG.as_bytes());

/// Sixteen hexadecimal digits in double quotes.
type Etag = [u8; 18];

/// FNV-1a, 64 bits: it tells versions of our own files apart and guards nothing.
const fn etag(bytes: &[u8]) -> Etag {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0100_0000_01b3);
        index += 1;
    }
    let mut text = [b'"'; 18];
    let mut digit = 0;
    while digit < 16 {
        text[16 - digit] = b"0123456789abcdef"[((hash >> (4 * digit)) & 15) as usize];
        digit += 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_quoted_hashes() {
        // The FNV-1a test vector for "a".
        assert_eq!(&etag(b"a"), b"\"af63dc4c8601ec8c\"");
    }

    #[test]
    fn known_files_are_served_and_others_are_not() {
        assert_eq!(asset("app.css").unwrap().content_type, "text/css; charset=utf-8");
        assert_eq!(asset("favicon.svg").unwrap().content_type, "image/svg+xml");
        assert_eq!(asset("../Cargo.toml"), None);
    }

    #[test]
    fn hrefs_name_the_version() {
        let version = asset("app.js").unwrap().etag.trim_matches('"');
        assert_eq!(href("app.js"), format!("/assets/app.js?v={version}"));
    }

    #[test]
    fn script_and_style_stay_small() {
        assert!(APP_JS.len() < 6_000, "app.js is a helper, not a framework: {} bytes", APP_JS.len());
        assert!(APP_CSS.len() < 24_000, "{} bytes", APP_CSS.len());
    }
}
