//! The hub's API as a researcher's program uses it: HTTPS under the hub's CA, JSON, a bearer token.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use ureq::http::Request;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, BodyReader};

use super::Authenticator;

/// A signed-in client.
#[derive(Clone)]
pub struct Api {
    agent: Agent,
    base: String,
    token: Option<String>,
}

/// What the hub answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Where it leads; empty where nowhere.
    pub location: String,
    /// In how many seconds one may come again; empty where it does not say.
    pub retry_after: String,
    /// Where a list goes on; empty at its end.
    pub next: String,
    /// The cookies that it sets, each as a name and a value with `=` between.
    pub cookies: Vec<String>,
    /// The body as text.
    pub text: String,
}

/// Bytes that the hub answered with.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// The headers, by name in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Fetched {
    /// A header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(of, _)| of == name).map_or("", |(_, value)| value)
    }
}

impl Reply {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

/// An open stream of events.
pub struct Events(BufReader<BodyReader<'static>>);

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Event {
    /// Its name; empty where it is a comment.
    pub name: String,
    /// Its id; empty where it has none.
    pub id: String,
    /// Its data as JSON; null where it is a comment.
    pub data: Value,
}

impl Iterator for Events {
    type Item = Result<Event>;

    /// The next event or comment; none where the stream was ended in order.
    fn next(&mut self) -> Option<Result<Event>> {
        self.read().transpose()
    }
}

impl Events {
    fn read(&mut self) -> Result<Option<Event>> {
        let mut event = Event::default();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            match line.trim_end().split_once(": ") {
                Some(("event", name)) => name.clone_into(&mut event.name),
                Some(("id", id)) => id.clone_into(&mut event.id),
                Some(("data", data)) => event.data = serde_json::from_str(data)?,
                Some(("" | "retry", _)) => {}
                Some((other, _)) => anyhow::bail!("no field of an event: {other}"),
                None => {
                    ensure!(line == "\n", "no line of an event: {line:?}");
                    return Ok(Some(event));
                }
            }
        }
    }

    /// The next that is no comment.
    pub fn told(&mut self) -> Result<Event> {
        for event in self {
            let event = event?;
            if !event.name.is_empty() {
                return Ok(event);
            }
        }
        anyhow::bail!("the stream ended")
    }
}

impl Api {
    /// A client of the hub at `address` that trusts the CA in the file `ca`.
    pub fn new(address: &str, ca: &Path) -> Result<Self> {
        let certificate = Certificate::from_pem(&std::fs::read(ca)?)?;
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[certificate])).build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(super::PATIENCE))
            .build()
            .new_agent();
        Ok(Self { agent, base: format!("https://{address}"), token: None })
    }

    /// The same client, signed in; where a second factor is awaited, not wholly.
    pub fn sign_in(&self, name: &str, password: &str) -> Result<Self> {
        let reply = self.post("/api/v1/session", &json!({ "name": name, "password": password }))?;
        ensure!(reply.status == 201, "the sign-in was refused: {}", reply.text);
        self.with_token(&reply.json())
    }

    /// Sets up a second factor with an app; gives the whole session, the app and the recovery codes.
    pub fn enrol(&self) -> Result<(Self, Authenticator, Vec<String>)> {
        let offer = self.get("/api/v1/second-factor")?.json();
        let app = Authenticator::new(offer["offer"]["secret"].as_str().context("nothing is offered")?)?;
        let made = self.post("/api/v1/second-factor", &json!({ "code": app.code(0)? }))?;
        ensure!(made.status == 201, "not set up: {}", made.text);
        let made = made.json();
        let codes = made["recovery_codes"].as_array().context("no recovery codes")?.iter();
        let codes = codes.filter_map(|code| Some(code.as_str()?.to_owned())).collect();
        Ok((self.with_token(&made)?, app, codes))
    }

    /// The same client in the session that an answer opened.
    pub fn with_token(&self, opened: &Value) -> Result<Self> {
        let token = opened["token"].as_str().context("no token")?.to_owned();
        Ok(Self { token: Some(token), ..self.clone() })
    }

    /// Where it is, as a URL without a path.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// GET.
    pub fn get(&self, path: &str) -> Result<Reply> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        reply(request.call()?)
    }

    /// Every row of a list, by its links.
    pub fn all(&self, path: &str, rows: &str) -> Result<Vec<Value>> {
        let (mut url, mut all) = (path.to_owned(), Vec::new());
        while !url.is_empty() {
            let part = self.get(&url)?;
            let body = part.json();
            all.extend(
                body[rows].as_array().with_context(|| format!("no {rows}: {}", part.text))?.iter().cloned(),
            );
            url = part.next;
        }
        Ok(all)
    }

    /// GET of a stream of events by who was told up to one of them, where there is none.
    pub fn get_after(&self, path: &str, last: &str) -> Result<Reply> {
        let mut request = self.agent.get(format!("{}{path}", self.base)).header("last-event-id", last);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        reply(request.call()?)
    }

    /// POST of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        self.post_bytes(path, "application/json", body.to_string().as_bytes())
    }

    /// POST of JSON under a key.
    pub fn post_once(&self, path: &str, body: &Value, key: &str) -> Result<Reply> {
        let mut request = self.agent.post(format!("{}{path}", self.base)).header("idempotency-key", key);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        reply(request.send_json(body)?)
    }

    /// POST of anything.
    pub fn post_bytes(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Reply> {
        let mut request =
            self.agent.post(format!("{}{path}", self.base)).header("content-type", content_type);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        reply(request.send(body)?)
    }

    /// Any request, as a page of this hub would send it.
    pub fn send(&self, method: &str, path: &str, content_type: &str, body: &str) -> Result<Reply> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", content_type)
            .header("sec-fetch-site", "same-origin");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        reply(match method {
            "GET" | "DELETE" => self.agent.run(request.body(())?)?,
            _ => self.agent.run(request.body(body.to_owned())?)?,
        })
    }

    /// PUT of bytes to a signed link: no token goes with it.
    pub fn put(&self, path: &str, content_range: Option<&str>, body: &[u8]) -> Result<Reply> {
        let mut request = self.agent.put(format!("{}{path}", self.base));
        if let Some(range) = content_range {
            request = request.header("content-range", range);
        }
        reply(request.send(body)?)
    }

    /// GET of bytes by a signed link: no token goes with it.
    pub fn fetch(&self, path: &str, headers: &[(&str, &str)]) -> Result<Fetched> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.call()?;
        let told = response.headers().iter();
        let headers =
            told.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        Ok(Fetched {
            status: response.status().as_u16(),
            headers: headers.collect(),
            bytes: response.body_mut().read_to_vec()?,
        })
    }

    /// Opens a stream of events, after one of them where `last` is not empty.
    pub fn events(&self, path: &str, last: &str) -> Result<Events> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if !last.is_empty() {
            request = request.header("last-event-id", last);
        }
        let response = request.config().timeout_global(Some(super::PATIENCE)).build().call()?;
        ensure!(response.status() == 200, "no stream: {}", response.status());
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        ensure!(kind == Some("text/event-stream"), "no events: {kind:?}");
        Ok(Events(BufReader::new(response.into_body().into_reader())))
    }

    /// GET of bytes by a signed link, however long it takes; they are counted and thrown away.
    pub fn drain(&self, path: &str) -> Result<u64> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let response = request.config().timeout_global(None).build().call()?;
        ensure!(response.status().as_u16() == 200, "not fetched: {}", response.status());
        Ok(std::io::copy(&mut response.into_body().into_reader(), &mut std::io::sink())?)
    }

    /// The file that a page's button gives.
    pub fn file(&self, path: &str) -> Result<Vec<u8>> {
        let mut request =
            self.agent.post(format!("{}{path}", self.base)).header("sec-fetch-site", "same-origin");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.send_empty()?;
        ensure!(response.status() == 200, "no file: {}", response.status());
        Ok(response.body_mut().with_config().limit(u64::MAX).read_to_vec()?)
    }

    /// Brings a file by a page's form, as its bytes come.
    pub fn bring(&self, path: &str, file: impl std::io::Read) -> Result<Reply> {
        let mut request =
            self.agent.post(format!("{}{path}", self.base)).header("sec-fetch-site", "same-origin");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        reply(brought(request, file)?)
    }

    /// The session's token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// POST of a form with these headers and no token, as a browser would.
    pub fn post_form(&self, path: &str, form: &str, headers: &[(&str, &str)]) -> Result<Reply> {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        request = request.header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(request.send(form)?)
    }

    /// POST of JSON by somebody who hangs up before the answer.
    pub fn post_and_hang_up(&self, path: &str, body: &str) -> Result<()> {
        let request =
            self.agent.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        let hasty = request.config().timeout_recv_response(Some(Duration::from_millis(10))).build();
        let _ = hasty.send(body);
        Ok(())
    }

    /// Asks a question of all Trusts; gives the query's id.
    pub fn ask(&self, name: &str, sql: &str) -> Result<String> {
        let reply = self.post("/api/v1/queries", &json!({ "name": name, "sql": sql }))?;
        ensure!(reply.status == 201, "the question was not taken: {}", reply.text);
        Ok(reply.json()["id"].as_str().context("no id")?.to_owned())
    }

    /// Asks a question in a project; gives the query's id.
    pub fn ask_in(&self, name: &str, sql: &str, project: &str) -> Result<String> {
        let body = json!({ "name": name, "sql": sql, "project": project });
        let reply = self.post("/api/v1/queries", &body)?;
        ensure!(reply.status == 201, "the question was not taken: {}", reply.text);
        Ok(reply.json()["id"].as_str().context("no id")?.to_owned())
    }

    /// The project of a query.
    pub fn project_of(&self, query: &str) -> Result<String> {
        let reply = self.get(&format!("/api/v1/queries/{query}"))?;
        Ok(reply.json()["project"].as_str().context("no project")?.to_owned())
    }

    /// A project with how it stands at each Trust.
    pub fn project(&self, project: &str) -> Result<Value> {
        let reply = self.get(&format!("/api/v1/projects/{project}"))?;
        ensure!(reply.status == 200, "no project: {}", reply.text);
        Ok(reply.json())
    }

    /// Stages a project at every Trust where it can be; gives their ids.
    pub fn stage(&self, project: &str) -> Result<Vec<String>> {
        let standing = self.project(project)?;
        let seats = standing["trusts"].as_array().context("no Trusts")?;
        let can = seats.iter().filter(|seat| seat["can_be_staged"] == true);
        let trusts: Vec<String> = can.filter_map(|seat| Some(seat["trust"].as_str()?.to_owned())).collect();
        let reply = self.post(&format!("/api/v1/projects/{project}/stage"), &json!({ "trusts": trusts }))?;
        ensure!(reply.status == 200, "not staged: {}", reply.text);
        Ok(trusts)
    }

    /// Decides about a project for a Trust, as one looks at it now.
    pub fn decide(&self, project: &str, trust: &str, decision: &str, reason: &str) -> Result<Reply> {
        let query = self.project(project)?["query"]["id"].clone();
        let body = json!({ "query": query, "decision": decision, "reason": reason });
        self.post(&format!("/api/v1/projects/{project}/trusts/{trust}/decision"), &body)
    }

    /// As an admin of a hub whose Trusts have none of their own: has a query's project staged and approved wherever it
    /// can be, which freezes its cohort there. False where it was staged before.
    pub fn approve(&self, query: &str) -> Result<bool> {
        let project = self.project_of(query)?;
        if self.project(&project)?["state"] != "unstaged" {
            return Ok(false);
        }
        for trust in self.stage(&project)? {
            let reply = self.decide(&project, &trust, "approve", "")?;
            ensure!(reply.status == 200, "not approved: {}", reply.text);
        }
        Ok(true)
    }

    /// A query's result as it stands.
    pub fn result(&self, query: &str) -> Result<Value> {
        let reply = self.get(&format!("/api/v1/queries/{query}"))?;
        ensure!(reply.status == 200, "no result: {}", reply.text);
        Ok(reply.json()["result"].clone())
    }

    /// A query's result once every Trust's share has ended.
    pub fn complete(&self, query: &str) -> Result<Value> {
        super::until("a complete result", || {
            let reply = self.get(&format!("/api/v1/queries/{query}?wait_s=10"))?;
            ensure!(reply.status == 200, "no result: {}", reply.text);
            let result = reply.json()["result"].clone();
            Ok((result["complete"] == true).then_some(result))
        })
    }
}

fn reply(mut response: ureq::http::Response<ureq::Body>) -> Result<Reply> {
    let header =
        |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (location, retry_after) = (header("location").to_owned(), header("retry-after").to_owned());
    let next = header("link").strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
    let next = next.unwrap_or_default().to_owned();
    let status = response.status().as_u16();
    let set = response.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let cookies = set.filter_map(|cookie| Some(cookie.split(';').next()?.to_owned())).collect();
    let text = match header("content-type") {
        // It ends when something else does, which nobody waits for here.
        "text/event-stream" => String::new(),
        // A file may be no text.
        _ => String::from_utf8_lossy(&response.body_mut().read_to_vec()?).into_owned(),
    };
    Ok(Reply { status, location, retry_after, next, cookies, text })
}

/// Sends a file in a form's only field, as its bytes come.
pub fn brought(
    request: ureq::RequestBuilder<ureq::typestate::WithBody>,
    file: impl std::io::Read,
) -> Result<ureq::http::Response<ureq::Body>> {
    use std::io::Read as _;
    let before = "--x\r\nContent-Disposition: form-data; name=\"bundle\"; filename=\"a.flip\"\r\n\r\n";
    let mut body = before.as_bytes().chain(file).chain(b"\r\n--x--\r\n".as_slice());
    let request = request.header("content-type", "multipart/form-data; boundary=x");
    Ok(request.send(ureq::SendBody::from_reader(&mut body))?)
}
