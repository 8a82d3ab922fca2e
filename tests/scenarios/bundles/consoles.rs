//! The way of a stick by the buttons of both consoles.

use std::fs;
use std::io;
use std::sync::mpsc::{self, Receiver};

use anyhow::{Context as _, Result};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Browser, LocalScript, Window, brought, until};

use super::{folder_of_sticks, share, stick};
use crate::console::{picture, printed};
use crate::stage::{Stage, TRUST};

/// No larger than what there is to see: it is shown in docs/STICKS.md.
const DESK: Window = Window { width: 1_000, height: 920, dark: false, scripts: true };
const NARROW: Window = Window { width: 500, height: 1_400, dark: true, scripts: false };

#[test]
fn a_bundle_goes_there_and_back_by_the_buttons_of_both_consoles() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    let query = stage.api.ask("everyone", EVERYONE)?;
    let trusts = stage.api.get("/api/v1/trusts")?.json();
    let id = trusts["trusts"][0]["id"].as_str().context("no Trust")?.to_owned();
    let folder = stick(&stage, "downloads")?;
    let out = folder.join("out.flip");
    fs::write(&out, stage.api.file(&format!("/trusts/{id}/bundle"))?)?;

    let browser = Browser::open(DESK)?;
    browser.enter(&stage.trust)?;
    browser.shows("Sticks")?;
    let sticks = format!("{}/sticks", stage.trust.address()?);
    let bring = |browser: &Browser, page: &str, file: &std::path::Path, words: &str| -> Result<()> {
        browser.go(page)?;
        browser.fill("input[type=file]", file.to_str().context("no path")?)?;
        browser.click("#bring ~ form button")?;
        browser.shows(words)
    };
    bring(&browser, &sticks, &out, "Taken in: 1 order; the hub has 0 results more.")?;
    browser.picture(&printed("local-sticks-taken")?)?;
    bring(&browser, &sticks, &out, "Refused (replayed)")?;
    browser.picture(&printed("local-sticks-refused")?)?;
    until("the answer", || Ok((stage.trust.status()?["outgoing"] == 1).then_some(())))?;
    browser.go(&sticks)?;
    browser.shows("1 result waits")?;
    browser.picture(&printed("local-sticks-waiting")?)?;
    let back = folder.join("back.flip");
    let mut answer = LocalScript::new(&stage.trust)?.post("/sticks/answer").send_empty()?;
    assert_eq!(answer.status(), 200);
    fs::write(&back, answer.body_mut().read_to_vec()?)?;

    for window in [NARROW, DESK] {
        let browser = Browser::open(window)?;
        let (name, password) = stage.hub.credentials();
        browser.go(&format!("{}/sticks", stage.api.base()))?;
        browser.sign_in(name, password)?;
        // Signing in may take its time, and going elsewhere would cut it off.
        browser.shows("Answers from a Trust")?;
        let page = format!("{}/sticks", stage.api.base());
        if window.dark {
            bring(&browser, &page, &out, "out.flip: Refused (wrong_way): it goes the other way")?;
            browser.picture(&picture("hub-sticks-narrow")?)?;
        } else {
            browser.shows("1 order waits")?;
            browser.picture(&printed("hub-sticks-waiting")?)?;
            bring(&browser, &page, &back, "back.flip: Taken in, from Northgate Hospital: 1 result stored.")?;
            assert!(browser.source()?.contains(TRUST));
            browser.picture(&printed("hub-sticks-taken")?)?;
            let complaints = browser.complaints()?;
            assert!(complaints.is_empty(), "{complaints:?}");
        }
    }
    assert_eq!(share(&stage.api.result(&query)?)["persons"], 1_130);
    Ok(())
}

/// A file whose second half comes once somebody says so.
struct Halves {
    bytes: io::Cursor<Vec<u8>>,
    half: u64,
    go_on: Receiver<()>,
}

impl io::Read for Halves {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.position() == self.half {
            // Whoever says so may be gone.
            let _ = self.go_on.recv();
            self.half = u64::MAX;
        }
        let most = usize::try_from(self.half - self.bytes.position().min(self.half)).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        self.bytes.read(&mut buffer[..most])
    }
}

type Bring<'a> = &'a (dyn Fn(Halves) -> Result<String> + Sync);
type Look<'a> = &'a dyn Fn() -> Result<String>;

#[test]
fn both_consoles_say_how_far_a_bundle_is_while_one_waits_for_it() -> Result<()> {
    const HALF: usize = 4 * 1024 * 1024;
    let stage = Stage::set()?;
    stage.wire.cut();
    folder_of_sticks(&stage.trust)?;
    let (api, script) = (&stage.api, LocalScript::new(&stage.trust)?);
    let local = |file: Halves| -> Result<String> {
        Ok(brought(script.post("/sticks"), file)?.body_mut().read_to_string()?)
    };
    let look_local = || Ok(script.get("/sticks").call()?.body_mut().read_to_string()?);
    let hub = |file: Halves| -> Result<String> { Ok(api.bring("/uploads/sticks", file)?.text) };
    let look_hub = || Ok(api.get("/sticks")?.text);
    let consoles: [(Bring, Look); 2] = [(&local, &look_local), (&hub, &look_hub)];
    for (bring, look) in consoles {
        let (say, go_on) = mpsc::channel();
        let bytes = io::Cursor::new(vec![b'x'; 2 * HALF]);
        let page = std::thread::scope(|scope| -> Result<String> {
            let bringing = scope.spawn(|| bring(Halves { bytes, half: HALF as u64, go_on }));
            until("how far it is", || {
                let page = look()?;
                // Without scripts the page comes again by itself.
                let renewed = page.contains("http-equiv=\"refresh\"");
                Ok((page.contains("A bundle is being brought") && renewed && page.contains("MiB"))
                    .then_some(()))
            })?;
            say.send(())?;
            bringing.join().map_err(|_| anyhow::anyhow!("bringing it panicked"))?
        })?;
        assert!(page.contains("not a bundle of FLIP Edge"), "{page}");
        let page = look()?;
        assert!(!page.contains("is being brought") && !page.contains("http-equiv=\"refresh\""), "{page}");
    }
    Ok(())
}
