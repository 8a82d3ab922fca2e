//! Signing in by an identity provider: a real one, oidc-provider from npm, and a real browser.

use anyhow::{Context as _, Result, ensure};
use flip_storage::rusqlite::{Connection, OpenFlags};
use flip_tests::world::{
    Authenticator, Browser, Hub, HubOptions, IdentityProvider, MailServer, PASSWORD, Page, Secured, Wanderer,
    Window, until,
};
use serde_json::{Value, json};

use crate::console::picture;

const DESK: Window = Window { width: 1_280, height: 1_000, dark: false, scripts: true };
const TELEPHONE: Window = Window { width: 400, height: 1_000, dark: true, scripts: false };

fn person(login: &str, sub: &str, email: &str, verified: bool) -> Value {
    json!({ "login": login, "sub": sub, "email": email, "email_verified": verified })
}

/// Adds somebody with an address to a hub.
fn add(hub: &Hub, name: &str, email: &str) -> Result<()> {
    let mut add = hub.command(&["user", "add", name, "--role", "researcher", "--email", email])?;
    let added = add.arg("--password-file").arg(hub.data.join("password.txt")).output()?;
    ensure!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    Ok(())
}

/// The acts of these names in the hub's audit, oldest first.
fn acts(hub: &Hub, names: &[&str]) -> Result<Vec<Value>> {
    let ledger = Connection::open_with_flags(hub.data.join("hub.sqlite"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = ledger.prepare("SELECT entry FROM audit ORDER BY number")?;
    let entries: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let all = entries.iter().map(|entry| Ok(serde_json::from_str(entry)?)).collect::<Result<Vec<Value>>>()?;
    Ok(all.into_iter().filter(|act| names.iter().any(|name| act["act"] == *name)).collect())
}

/// Opens a browser, asks for a page of the hub and goes to the provider.
fn to_the_provider(window: Window, console: &str) -> Result<Browser> {
    let browser = Browser::open(window)?;
    browser.go(&format!("{console}/trusts"))?;
    browser.click("a.button[href^='/sign-in/oidc']")?;
    browser.shows("Cancel")?;
    Ok(browser)
}

fn give_login(browser: &Browser, login: &str) -> Result<()> {
    browser.fill("input[name=login]", login)?;
    browser.click("button")
}

#[test]
fn people_come_in_by_the_provider_and_then_their_subject_decides() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut provider = IdentityProvider::new(&folder.path().join("provider"), false)?;
    let mail = MailServer::start(&folder.path().join("mail"), Secured::Plain)?;
    let lines = mail.lines() + &provider.lines();
    let hub = Hub::start(&folder.path().join("hub"), HubOptions { lines, ..HubOptions::default() })?;
    let console = hub.stranger()?.base().to_owned();
    add(&hub, "ada", "ada@site.example")?;
    add(&hub, "gone", "gone@site.example")?;

    // The provider is away: passwords work, and the page says how it is.
    let browser = Browser::open(DESK)?;
    browser.go(&format!("{console}/trusts"))?;
    browser.shows("Sign in with Example Health")?;
    browser.picture(&picture("sign-in-provider-light")?)?;
    browser.click("a.button[href^='/sign-in/oidc']")?;
    browser.shows("Example Health cannot be reached now")?;
    browser.go(&format!("{console}/sign-in"))?;
    browser.shows("did not answer a moment ago")?;
    let barriers = browser.barriers()?;
    ensure!(barriers.is_empty(), "{barriers:#?}");
    let admin = hub.api()?;
    drop(browser);

    provider.start(&console)?;
    let ada = person("ada", "s-1", "Ada@site.example", true);
    let others = [
        person("eve", "s-2", "ada@site.example", true),
        person("unverified", "s-3", "ada@site.example", false),
        person("unknown", "s-4", "nobody@site.example", true),
        person("gone", "s-5", "gone@site.example", true),
        person("invited", "s-6", "new@site.example", true),
    ];
    let everybody = |ada: &Value| json!([std::slice::from_ref(ada), others.as_slice()].concat());
    provider.knows(&everybody(&ada), None)?;
    let gone = admin.get("/api/v1/people?search=gone")?.json()["people"][0]["id"].clone();
    let gone = format!("/api/v1/people/{}/disable", gone.as_str().context("no id")?);
    ensure!(admin.post(&gone, &json!({}))?.status == 200);
    let invited = json!({ "name": "new", "email": "new@site.example", "role": "viewer" });
    ensure!(admin.post("/api/v1/people", &invited)?.status == 201);

    // An address that nobody vouches for binds nobody, and turning back is no fault.
    let browser = until("the hub to find that the provider is back", || {
        let browser = Browser::open(DESK)?;
        browser.go(&format!("{console}/sign-in/oidc"))?;
        Ok(browser.text("body")?.contains("Cancel").then_some(browser))
    })?;
    browser.click("#cancel")?;
    browser.shows("You turned back at Example Health")?;
    ensure!(
        !browser.source()?.contains("did not answer"),
        "the provider is back, and the page says otherwise"
    );
    give_refused(&console, "unverified", "vouches for no e-mail address")?;

    // The first sign-in binds, with and without scripts the way is the same.
    let browser = to_the_provider(TELEPHONE, &console)?;
    give_login(&browser, "ada")?;
    browser.shows("Sign out")?;
    assert_eq!(browser.address()?, format!("{console}/trusts"));
    let complaints = browser.complaints()?;
    assert!(complaints.is_empty(), "the browser complains: {complaints:?}");
    drop(browser);
    let bound = acts(&hub, &["identity_bound"])?;
    assert_eq!(bound.len(), 1, "{bound:?}");
    let facts = &bound[0]["facts"];
    assert_eq!((&facts["person_name"], &facts["subject"]), (&json!("ada"), &json!("s-1")), "{facts}");
    assert_eq!(facts["issuer"], json!(provider.issuer()));
    let told = mail.mail_to("ada@site.example")?.to_string();
    assert!(told.contains("Example Health") && told.contains("tell an administrator"), "{told}");

    // Then the subject decides: another address there is the same person, and the same address there is another.
    let moved = person("ada", "s-1", "elsewhere@site.example", false);
    provider.knows(&everybody(&moved), None)?;
    let browser = to_the_provider(DESK, &console)?;
    give_login(&browser, "ada")?;
    browser.shows("Sign out")?;
    assert_eq!(browser.text("form.account a")?, "ada");
    browser.go(&format!("{console}/account/sessions"))?;
    browser.shows("127.0.0.1")?;
    drop(browser);
    give_refused(&console, "eve", "is bound to another one at Example Health")?;
    give_refused(&console, "unknown", "Nobody here has the e-mail address")?;
    give_refused(&console, "gone", "Your account is disabled")?;
    give_refused(&console, "invited", "follow the link of your invitation first")?;
    let people = admin.get("/api/v1/people")?.json();
    assert_eq!(people["all"], json!(4), "somebody was made by signing in: {people}");
    let refused = acts(&hub, &["identity_refused"])?;
    let whys: Vec<_> =
        refused.iter().map(|act| (&act["facts"]["person_name"], &act["facts"]["why"])).collect();
    assert_eq!(
        whys,
        [(&json!("ada"), &json!("another subject")), (&json!("gone"), &json!("disabled"))],
        "{refused:?}"
    );
    assert_eq!(acts(&hub, &["provider_vouched"])?.len(), 2);

    // An administrator sees and undoes it, which signs out; the next to come with the address is bound.
    let id = admin.get("/api/v1/people?search=ada")?.json()["people"][0].clone();
    assert!(id["identity_since"].is_u64(), "{id}");
    let id = id["id"].as_str().context("no id")?.to_owned();
    let undone = admin.post(&format!("/api/v1/people/{id}/unbind"), &json!({}))?;
    assert_eq!((undone.status, &undone.json()["identity_since"]), (200, &Value::Null), "{}", undone.text);
    let again = admin.post(&format!("/api/v1/people/{id}/unbind"), &json!({}))?;
    assert_eq!((again.status, &again.json()["code"]), (409, &json!("not_bound")));
    let browser = to_the_provider(DESK, &console)?;
    give_login(&browser, "eve")?;
    browser.shows("Sign out")?;
    assert_eq!(browser.text("form.account a")?, "ada");
    let unbound = hub.command(&["user", "unbind", "ada"])?.output()?;
    ensure!(unbound.status.success(), "{}", String::from_utf8_lossy(&unbound.stderr));
    browser.go(&format!("{console}/trusts"))?;
    browser.shows("Ask for access")
}

/// Somebody signs in at the provider and hears at the hub why they are not let in.
fn give_refused(console: &str, login: &str, words: &str) -> Result<()> {
    let browser = to_the_provider(DESK, console)?;
    give_login(&browser, login)?;
    browser.shows(words)?;
    browser.picture(&picture(&format!("provider-refused-{login}"))?)?;
    let barriers = browser.barriers()?;
    ensure!(barriers.is_empty(), "{login}: {barriers:#?}");
    browser.go(&format!("{console}/trusts"))?;
    browser.shows("Ask for access")
}

fn refused(page: &Page, status: u16, words: &str) -> Result<()> {
    ensure!(page.status == status && page.text.contains(words), "not {status} {words:?}: {page:?}");
    Ok(())
}

#[test]
fn what_comes_back_wrongly_or_twice_opens_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut provider = IdentityProvider::new(&folder.path().join("provider"), true)?;
    let options = HubOptions { lines: provider.lines(), ..HubOptions::default() };
    let hub = Hub::start(&folder.path().join("hub"), options)?;
    let console = hub.stranger()?.base().to_owned();
    add(&hub, "ada", "ada@site.example")?;
    let people = json!([person("ada", "s-1", "ada@site.example", true)]);
    provider.knows(&people, None)?;
    provider.start(&console)?;
    let callback = format!("{console}/sign-in/oidc/callback");
    let mut ada = Wanderer::new(&hub, &provider)?;
    let back = |query: &str, ada: &mut Wanderer| ada.to_the_provider_and_back(&console, query, "ada");

    // A code is no use to another browser, nor with another state, nor a second time.
    let url = back("", &mut ada)?;
    ensure!(url.starts_with(&callback), "{url}");
    refused(&Wanderer::new(&hub, &provider)?.get(&url)?, 400, "not begun in this browser")?;
    let state = url.split("state=").nth(1).and_then(|rest| rest.split('&').next()).context("no state")?;
    refused(&ada.get(&url.replace(state, "another"))?, 400, "not begun in this browser")?;
    refused(&ada.get(&format!("{callback}?code=x"))?, 400, "not begun in this browser")?;
    let page = ada.get(&url)?;
    ensure!(page.status == 200 && page.text.contains("url=&#x2f;queries"), "{page:?}");
    let session = ada.cookie(&console, "__Host-flip-session").context("no session")?.to_owned();
    let api = hub.stranger()?.with_token(&json!({ "token": session }))?;
    assert_eq!(api.get("/api/v1/session")?.json()["name"], "ada");
    refused(&ada.get(&url)?, 400, "not begun in this browser")?;

    // Another issuer, no issuer, no code, an error of the browser's own.
    for (from, to, status, words) in [
        ("iss=", "iss=https%3A%2F%2Fanother.example%2F&x=", 502, "did not pass the hub"),
        ("iss=", "x=", 502, "did not pass the hub"),
        ("code=", "x=", 502, "did not pass the hub"),
        ("code=", "error=server_error&x=", 502, "it says server_error"),
        ("code=", "error=%3Cscript%3E&x=", 502, "did not pass the hub"),
        ("code=", "code=x", 502, "it says invalid_grant"),
    ] {
        let url = back("", &mut ada)?;
        ensure!(url.contains(from), "{url}");
        refused(&ada.get(&url.replace(from, to))?, status, words)?;
        refused(&ada.get(&url)?, 400, "not begun in this browser")?;
    }

    // Tokens that are not what they have to be.
    for lie in ["nonce", "audience", "issuer", "expired", "foreign key", "unsigned", "shared secret"] {
        provider.knows(&people, Some(lie))?;
        let url = back("", &mut ada)?;
        refused(&ada.get(&url)?, 502, "did not pass the hub")
            .with_context(|| format!("a lie about {lie}"))?;
        ensure!(provider.log().contains(&format!("lied about: {lie}")), "the provider told no lie: {lie}");
    }
    provider.knows(&people, None)?;

    // No sign-in leads elsewhere.
    for next in ["//evil.example", "https://evil.example", "/%5Cevil.example"] {
        let url = back(&format!("?next={next}"), &mut ada)?;
        let page = ada.get(&url)?;
        ensure!(page.status == 200 && !page.text.contains("evil"), "{next}: {page:?}");
    }

    // A provider that goes away in the middle is said to be, one click begins anew, and passwords work on.
    let url = back("?next=/trusts", &mut ada)?;
    provider.stop()?;
    let away = ada.get(&url)?;
    refused(&away, 503, "cannot be reached now")?;
    ensure!(away.text.contains("sign-in&#x2f;oidc?next=%2Ftrusts"), "{}", away.text);
    hub.api()?;

    // Other keys are asked for where a token is signed with one that is not known.
    provider.start(&console)?;
    until("the hub to learn the provider's other keys", || {
        let url = back("", &mut ada)?;
        Ok((ada.get(&url)?.status == 200).then_some(()))
    })?;
    let log = hub.log();
    let secret = "plover umber sixpence";
    assert!(!log.contains(secret) && !log.contains(&session), "the log holds a secret");
    Ok(())
}

#[test]
fn a_provider_that_says_of_itself_what_cannot_be_believed_is_not_asked_at_every_click() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut provider = IdentityProvider::new(&folder.path().join("provider"), false)?;
    let options = HubOptions { lines: provider.lines(), ..HubOptions::default() };
    let hub = Hub::start(&folder.path().join("hub"), options)?;
    let console = hub.stranger()?.base().to_owned();
    provider.knows(&json!([]), Some("discovery"))?;
    provider.start(&console)?;
    let mut visitor = Wanderer::new(&hub, &provider)?;
    let begin = format!("{console}/sign-in/oidc?next=/trusts");
    let clicks = 30;
    for _ in 0..clicks {
        let page = visitor.get(&begin)?;
        refused(&page, 502, "did not pass the hub")?;
        ensure!(page.text.contains("sign-in&#x2f;oidc?next=%2Ftrusts"), "{}", page.text);
    }
    let asked = provider.log().matches("lied about: discovery").count();
    assert!((1..clicks).contains(&asked), "asked {asked} times at {clicks} clicks");
    provider.knows(&json!([]), None)?;
    until("the hub to believe the provider again", || {
        Ok((visitor.get(&begin)?.location.starts_with(&provider.issuer())).then_some(()))
    })
}

#[test]
fn who_signs_out_here_is_told_that_they_are_signed_in_there_and_signs_out_there_too() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut provider = IdentityProvider::new(&folder.path().join("provider"), false)?;
    let options = HubOptions { lines: provider.lines(), ..HubOptions::default() };
    let hub = Hub::start(&folder.path().join("hub"), options)?;
    let console = hub.stranger()?.base().to_owned();
    add(&hub, "ada", "ada@site.example")?;
    provider.knows(&json!([person("ada", "s-1", "ada@site.example", true)]), None)?;
    provider.start(&console)?;
    for (window, name) in [(DESK, "signed-out-light"), (TELEPHONE, "signed-out-dark-narrow")] {
        let browser = to_the_provider(window, &console)?;
        give_login(&browser, "ada")?;
        browser.shows("Sign out")?;
        for file in ["hub.sqlite", "hub.sqlite-wal", "hub.log"] {
            let bytes = std::fs::read(hub.data.join(file))?;
            let holds = bytes.windows(TOKEN_BEGINS.len()).any(|part| part == TOKEN_BEGINS.as_bytes());
            ensure!(!holds, "{file} holds an ID token");
        }
        // Signed out here alone, the next click comes in again without a question.
        sign_out(&browser)?;
        browser.shows("You are still signed in at Example Health")?;
        ensure!(
            browser.source()?.contains(&format!("id_token_hint={TOKEN_BEGINS}")),
            "it is not sealed for long"
        );
        browser.picture(&picture(name)?)?;
        if window.scripts {
            let (barriers, misfits) = (browser.barriers()?, browser.misfits()?);
            ensure!(barriers.is_empty() && misfits.is_empty(), "{barriers:#?} {misfits:#?}");
        }
        browser.go(&format!("{console}/trusts"))?;
        browser.click("a.button[href^='/sign-in/oidc']")?;
        browser.shows("Sign out")?;
        sign_out(&browser)?;
        browser.shows("You are still signed in at Example Health")?;
        let complaints = browser.complaints()?;
        ensure!(complaints.is_empty(), "the browser complains: {complaints:?}");
        // Signed out there too, one is asked who one is.
        browser.click("main a.button")?;
        browser.click("button[name=logout]")?;
        browser.shows("Ask for access")?;
        assert_eq!(browser.address()?, format!("{console}/sign-in"));
        browser.click("a.button[href^='/sign-in/oidc']")?;
        browser.shows("Cancel")?;
    }

    // Nobody vouched for who comes with a password.
    let browser = Browser::open(DESK)?;
    browser.go(&format!("{console}/trusts"))?;
    browser.sign_in("ada", PASSWORD)?;
    browser.shows("Sign out")?;
    sign_out(&browser)?;
    browser.shows("Ask for access")
}

/// `{"alg":` in base64.
const TOKEN_BEGINS: &str = "eyJhbGciOi";

fn sign_out(browser: &Browser) -> Result<()> {
    browser.click("form[action='/sign-out'] button")
}

#[test]
fn nobody_is_bound_before_the_hubs_second_factor_is_given() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut provider = IdentityProvider::new(&folder.path().join("provider"), false)?;
    let mail = MailServer::start(&folder.path().join("mail"), Secured::Plain)?;
    let lines = mail.lines() + &provider.lines();
    let options = HubOptions { lines, second_factor: true, ..HubOptions::default() };
    let hub = Hub::start(&folder.path().join("hub"), options)?;
    let console = hub.stranger()?.base().to_owned();
    add(&hub, "ada", "ada@site.example")?;
    let (_, app, _) = hub.stranger()?.sign_in("ada", PASSWORD)?.enrol()?;
    // Whoever runs the provider, or makes it verify her address, has everything of hers but her second factor.
    let people = [("eve", "s-eve"), ("ada", "s-ada")];
    let people = people.map(|(login, sub)| person(login, sub, "ada@site.example", true));
    provider.knows(&json!(people), None)?;
    provider.start(&console)?;
    let browser = to_the_provider(DESK, &console)?;
    give_login(&browser, "eve")?;
    browser.shows("or one of your recovery codes")?;
    drop(browser);
    assert_eq!(acts(&hub, &["identity_bound"])?, Vec::<Value>::new());
    let browser = to_the_provider(DESK, &console)?;
    give_login(&browser, "ada")?;
    browser.shows("or one of your recovery codes")?;
    browser.fill("input[name=code]", &app.code(1)?)?;
    browser.click("main button[type=submit]")?;
    browser.shows("Sign out")?;
    let bound = acts(&hub, &["identity_bound"])?;
    assert_eq!((bound.len(), &bound[0]["facts"]["subject"]), (1, &json!("s-ada")), "{bound:?}");
    until("a mail of it", || {
        let mails = mail.mails()?;
        Ok(mails.iter().any(|mail| mail.to_string().contains("Example Health")).then_some(()))
    })
}

#[test]
fn the_hubs_second_factor_is_asked_unless_the_providers_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut provider = IdentityProvider::new(&folder.path().join("provider"), false)?;
    let lines = provider.lines() + "second_factor_amr = [\"mfa\"]\nsecond_factor_acr = [\"twice\"]\n";
    let options = HubOptions { lines, second_factor: true, ..HubOptions::default() };
    let hub = Hub::start(&folder.path().join("hub"), options)?;
    let console = hub.stranger()?.base().to_owned();
    for name in ["ada", "ben", "cy"] {
        add(&hub, name, &format!("{name}@site.example"))?;
    }
    let with = |login: &str, key: &str, said: Value| {
        let mut person = person(login, &format!("s-{login}"), &format!("{login}@site.example"), true);
        person[key] = said;
        person
    };
    let people = [with("ada", "amr", json!(["pwd"])), with("ben", "amr", json!(["pwd", "mfa"]))];
    provider.knows(&json!([&people[0], &people[1], with("cy", "acr", json!("twice"))]), None)?;
    provider.start(&console)?;

    for (login, second_factor) in [("ben", "provider"), ("cy", "provider")] {
        let mut wanderer = Wanderer::new(&hub, &provider)?;
        let url = wanderer.to_the_provider_and_back(&console, "?next=/trusts", login)?;
        let page = wanderer.get(&url)?;
        ensure!(page.status == 200 && page.text.contains("url=&#x2f;trusts"), "{login}: {page:?}");
        let session = wanderer.cookie(&console, "__Host-flip-session").context("no session")?;
        let api = hub.stranger()?.with_token(&json!({ "token": session }))?;
        assert_eq!(api.get("/api/v1/session")?.json()["awaits"], Value::Null, "{login}");
        let signed_in = acts(&hub, &["signed_in"])?.pop().context("nobody signed in")?;
        let facts = &signed_in["facts"];
        assert_eq!((&facts["by"]["name"], &facts["second_factor"]), (&json!(login), &json!(second_factor)));
    }

    // Ada has none at the provider that counts: she sets one up here, and gives it the next time.
    let browser = to_the_provider(DESK, &console)?;
    give_login(&browser, "ada")?;
    browser.shows("Set up your second factor")?;
    let app = Authenticator::shown_by(&browser)?;
    browser.fill("input[name=code]", &app.code(0)?)?;
    browser.click("main button[type=submit]")?;
    browser.shows("I have kept them")?;
    drop(browser);
    let browser = to_the_provider(DESK, &console)?;
    give_login(&browser, "ada")?;
    browser.shows("or one of your recovery codes")?;
    browser.go(&format!("{console}/queries"))?;
    browser.shows("or one of your recovery codes")?;
    browser.fill("input[name=code]", &app.code(1)?)?;
    browser.click("main button[type=submit]")?;
    browser.shows("Sign out")?;
    assert_eq!(browser.text("form.account a")?, "ada");
    Ok(())
}

#[test]
fn every_problem_of_the_section_is_named_by_check() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let file = hub.data.join("hub.toml");
    let wrong = "[oidc]\nissuer = \"http://login.example.org\"\nscopes = [\"openid\"]\nbutton = \"x\"\n";
    let whole = std::fs::read_to_string(&file)?;
    std::fs::write(&file, format!("{whole}{wrong}"))?;
    let said = |hub: &Hub| -> Result<String> {
        let output = hub.command(&["check"])?.output()?;
        Ok(String::from_utf8([output.stdout, output.stderr].concat())?)
    };
    assert!(said(&hub)?.contains("button"), "{}", said(&hub)?);
    std::fs::write(&file, format!("{whole}{}", wrong.replace("button = \"x\"\n", "")))?;
    let said = said(&hub)?;
    for word in ["[oidc]: issuer = ", "[oidc]: client_id is missing", "[oidc]: scopes: \"email\" is missing"]
    {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    Ok(())
}
