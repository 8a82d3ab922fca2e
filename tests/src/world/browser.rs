//! A real browser, Debian's Chromium, driven through its WebDriver (W3C WebDriver, the few commands we need).

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

use super::{Appliance, free_port, until};

/// One browser window; closed when it goes out of scope.
pub struct Browser {
    driver: Child,
    agent: Agent,
    session: String,
    profile: TempDir,
}

/// How the window is.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Whether the person prefers dark pages.
    pub dark: bool,
    /// Whether pages may run scripts.
    pub scripts: bool,
}

/// The key under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// No window of Chromium's is narrower; what is shown in one can be.
const NARROWEST: u32 = 500;

impl Browser {
    /// Opens a window.
    pub fn open(window: Window) -> Result<Self> {
        let port = free_port()?;
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver cannot be started; run this through make, which installs it")?;
        let profile = tempfile::tempdir()?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(super::PATIENCE))
            .build()
            .new_agent();
        let mut browser =
            Self { driver, agent, session: format!("http://127.0.0.1:{port}/session"), profile };
        let mut arguments: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", browser.profile.path().display()));
        arguments.push(format!("--window-size={},{}", window.width, window.height));
        arguments.push(format!(
            "--blink-settings=preferredColorScheme={},scriptEnabled={}",
            u8::from(!window.dark),
            window.scripts
        ));
        let wish = json!({ "capabilities": { "alwaysMatch": {
            "acceptInsecureCerts": true,
            "goog:chromeOptions": { "args": arguments },
        } } });
        let session = until("a browser", || Ok(browser.command("", &wish).ok()))?;
        let id = session["sessionId"].as_str().context("no session")?;
        browser.session = format!("{}/{id}", browser.session);
        if window.width < NARROWEST {
            browser.resize(window.width, window.height)?;
        }
        Ok(browser)
    }

    /// Shows the page as in a window of that size.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let resize = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
        self.command("/goog/cdp/execute", &resize).map(drop)
    }

    /// Goes to an address.
    pub fn go(&self, url: &str) -> Result<()> {
        self.command("/url", &json!({ "url": url })).map(drop)
    }

    /// Comes into a Trust's local console. The page that a link opens goes on to the overview by itself, and who went
    /// elsewhere before it did would be taken away from there.
    pub fn enter(&self, trust: &Appliance) -> Result<()> {
        self.go(&trust.page()?)?;
        let overview = format!("{}/", trust.address()?);
        until("the overview", || Ok((self.address()? == overview).then_some(())))
    }

    /// Signs in at the hub's console, on the page that asks who one is.
    pub fn sign_in(&self, name: &str, password: &str) -> Result<()> {
        self.fill("input[name=account]", name)?;
        self.fill("input[name=password]", password)?;
        self.click("main button[type=submit]")
    }

    /// Where it is.
    pub fn address(&self) -> Result<String> {
        Ok(self.look("/url")?.as_str().context("no address")?.to_owned())
    }

    /// The page as it stands. For a moment between two pages, on a busy machine, the browser has none: that is waited out.
    pub fn source(&self) -> Result<String> {
        until("a page", || {
            let source = self.look("/source")?.as_str().context("no source")?.to_owned();
            Ok((!source.is_empty()).then_some(source))
        })
    }

    /// The text that a person sees in the first element of that CSS selector.
    pub fn text(&self, selector: &str) -> Result<String> {
        let element = self.element(selector)?;
        Ok(self.look(&format!("/element/{element}/text"))?.as_str().context("no text")?.to_owned())
    }

    /// What stands in a field.
    pub fn value(&self, selector: &str) -> Result<String> {
        let element = self.element(selector)?;
        let value = self.look(&format!("/element/{element}/property/value"))?;
        Ok(value.as_str().context("no value")?.to_owned())
    }

    /// Types into a field, once the page has it.
    pub fn fill(&self, selector: &str, text: &str) -> Result<()> {
        self.with(selector, |element| {
            self.command(&format!("/element/{element}/clear"), &json!({}))?;
            self.command(&format!("/element/{element}/value"), &json!({ "text": text })).map(drop)
        })
    }

    /// Clicks, once the page has it.
    pub fn click(&self, selector: &str) -> Result<()> {
        self.with(selector, |element| {
            self.command(&format!("/element/{element}/click"), &json!({})).map(drop)
        })
    }

    /// Does something to an element, when it is there and again where the page was looked at anew meanwhile.
    fn with(&self, selector: &str, act: impl Fn(&str) -> Result<()>) -> Result<()> {
        const NOT_NOW: [&str; 3] = ["no such element", "does not belong to the document", "stale element"];
        until(&format!("{selector} to be there and stay"), || {
            match self.element(selector).and_then(|element| act(&element)) {
                Ok(()) => Ok(Some(())),
                Err(error) if NOT_NOW.iter().any(|why| error.to_string().contains(why)) => Ok(None),
                Err(error) => Err(error),
            }
        })
        .with_context(|| format!("it shows: {}", self.text("body").unwrap_or_default()))
    }

    /// Waits until the page holds these words.
    pub fn shows(&self, words: &str) -> Result<()> {
        until(&format!("the page to show {words:?}"), || {
            Ok(self.text("body").is_ok_and(|text| text.contains(words)).then_some(()))
        })
        .with_context(|| format!("it shows: {}", self.text("body").unwrap_or_default()))
    }

    /// What axe finds that keeps people from using the page, by WCAG 2.2 A and AA and axe's own good practice: for each
    /// broken rule its name, what is wrong and where.
    pub fn barriers(&self) -> Result<Vec<String>> {
        let file = std::env::var("FLIP_AXE").context("FLIP_AXE is not set; run this through make")?;
        let axe = fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
        let script = format!(
            "{axe};
             const done = arguments[arguments.length - 1];
             const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
             window.axe.run(document, {{ runOnly: {{ type: 'tag', values: tags }} }}).then(
                 (found) => done({{
                     rules: found.passes.length,
                     broken: found.violations.map((rule) => rule.id + ': ' + rule.help + ' at ' +
                         rule.nodes.map((node) => node.target.join(' ') + ' ' + node.html.slice(0, 120)).join(' and ')),
                 }}),
                 (error) => done({{ rules: 0, broken: [String(error)] }}));"
        );
        let found = self.command("/execute/async", &json!({ "script": script, "args": [] }))?;
        // A run that looked at nothing found nothing either.
        ensure!(found["rules"].as_u64() > Some(10), "axe looked at next to nothing: {found}");
        let broken = found["broken"].as_array().context("no list")?.iter();
        Ok(broken.filter_map(|rule| Some(rule.as_str()?.to_owned())).collect())
    }

    /// What stands out of the window, beside its scroll bar, or out of what it is in, and what is cut off where nobody can
    /// scroll to it, with everything unfolded; and names in the picture of the Trusts that are cut or over each other.
    pub fn misfits(&self) -> Result<Vec<String>> {
        const SCRIPT: &str = "
            document.documentElement.style.overflowY = 'scroll';
            const wide = document.documentElement.clientWidth;
            const style = (element) => getComputedStyle(element);
            const scrolls = (element) => element && element !== document.body &&
                (['auto', 'scroll'].includes(style(element).overflowX) || scrolls(element.parentElement));
            const name = (element) => element.outerHTML.slice(0, 160);
            const found = [];
            for (const folded of document.querySelectorAll('details')) folded.open = true;
            // An id is as wide as its letters happen to be: whether the widest fits is to be no matter of chance.
            for (const id of document.querySelectorAll('.id')) {
                id.textContent = id.textContent.replace(/[0-9a-f]/g, 'b');
            }
            for (const element of document.body.querySelectorAll('*')) {
                const box = element.getBoundingClientRect();
                const seen = box.width > 1 && box.height > 1 && style(element).visibility === 'visible';
                // One moves about in fields with the arrow keys.
                const field = ['INPUT', 'SELECT', 'TEXTAREA'].includes(element.tagName);
                if (!seen || field || element.ownerSVGElement || scrolls(element)) continue;
                if (box.right > wide + 1 || box.left < -1) found.push('beyond the window: ' + name(element));
                const inside = style(element).display === 'inline' || element.scrollWidth <= element.clientWidth + 2;
                const cuts = ['hidden', 'clip'].includes(style(element).overflowX);
                if (!inside) found.push((cuts ? 'cut: ' : 'spills: ') + name(element));
            }
            const names = [...document.querySelectorAll('.topology text')]
                .map((text) => [text, text.getBoundingClientRect()]).filter(([, box]) => box.width > 1);
            for (const [text, box] of names) {
                const picture = text.ownerSVGElement.getBoundingClientRect();
                if (box.left < picture.left - 1 || box.right > picture.right + 1) found.push('cut: ' + name(text));
                const covers = ([other, its]) => other !== text && box.left < its.right && its.left < box.right &&
                    box.top < its.bottom - 4 && its.top < box.bottom - 4;
                if (names.some(covers)) found.push('over another: ' + name(text));
            }
            return found;";
        let found = self.command("/execute/sync", &json!({ "script": SCRIPT, "args": [] }))?;
        let found = found.as_array().context("no list")?.iter();
        Ok(found.filter_map(|one| Some(one.as_str()?.to_owned())).collect())
    }

    /// What the browser complained of: broken rules of the content security policy, failed scripts.
    pub fn complaints(&self) -> Result<Vec<String>> {
        let log = self.command("/se/log", &json!({ "type": "browser" }))?;
        let lines = log.as_array().context("no log")?.iter();
        Ok(lines.filter_map(|line| Some(line["message"].as_str()?.to_owned())).collect())
    }

    /// Writes a picture of the window as PNG, without its scroll bars.
    pub fn picture(&self, file: &Path) -> Result<()> {
        self.hide_bars(true)?;
        let data = self.look("/screenshot")?;
        self.hide_bars(false)?;
        let text = data.as_str().context("no picture")?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(text)?;
        Ok(fs::write(file, bytes)?)
    }

    fn hide_bars(&self, hidden: bool) -> Result<()> {
        let hide = json!({ "cmd": "Emulation.setScrollbarsHidden", "params": { "hidden": hidden } });
        self.command("/goog/cdp/execute", &hide).map(drop)
    }

    fn element(&self, selector: &str) -> Result<String> {
        let found = self.command("/element", &json!({ "using": "css selector", "value": selector }))?;
        Ok(found[ELEMENT].as_str().context("no element")?.to_owned())
    }

    fn command(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.session));
        value(request.header("content-type", "application/json").send(body.to_string())?)
    }

    fn look(&self, path: &str) -> Result<Value> {
        value(self.agent.get(format!("{}{path}", self.session)).call()?)
    }
}

fn value(mut response: ureq::http::Response<ureq::Body>) -> Result<Value> {
    let body: Value = response.body_mut().with_config().limit(64 * 1024 * 1024).read_json()?;
    let value = body["value"].clone();
    ensure!(response.status() == 200, "the browser says no: {}", value["message"]);
    Ok(value)
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
