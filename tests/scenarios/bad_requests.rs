//! What no client should send to the people listener, and strangers do: each a clear answer, and nobody else is held up.

use std::thread;

use anyhow::{Context as _, Result};
use flip_tests::world::{Api, Hub, HubOptions, Raw};
use serde_json::json;
use tempfile::TempDir;

fn hub() -> Result<(Hub, Api, TempDir)> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let api = hub.api()?;
    Ok((hub, api, folder))
}

fn raw(hub: &Hub, api: &Api) -> Result<Raw> {
    Raw::open(api.base(), &hub.data.join("keys/ca.pem"))
}

/// A request's head, signed in, that asks for the connection to be closed after it.
fn head(api: &Api, method: &str, target: &[u8], more: &str) -> Result<Vec<u8>> {
    let token = api.token().context("signed out")?;
    let rest =
        format!(" HTTP/1.1\r\nhost: hub\r\nconnection: close\r\nauthorization: Bearer {token}\r\n{more}\r\n");
    Ok([method.as_bytes(), b" ", target, rest.as_bytes()].concat())
}

fn status(said: &str) -> &str {
    said.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("none")
}

#[test]
fn heads_that_are_too_large_are_refused_and_hold_up_nobody() -> Result<()> {
    let (hub, api, _folder) = hub()?;
    let said = raw(&hub, &api)?.ask(&head(
        &api,
        "GET",
        b"/api/v1/session",
        &format!("x: {}\r\n", "a".repeat(400_000)),
    )?)?;
    // The answer may be lost where the hub closes while more is being sent.
    assert!(matches!(status(&said), "431" | "none"), "{said}");
    let many = "x: a\r\n".repeat(2_000);
    let said = raw(&hub, &api)?.ask(&head(&api, "GET", b"/api/v1/session", &many)?)?;
    assert_eq!(status(&said), "431", "{said}");
    // Ten megabytes are not even read: the hub answers and closes while they are being sent.
    let mut connection = raw(&hub, &api)?;
    connection.write(b"GET /api/v1/health HTTP/1.1\r\nhost: hub\r\n")?;
    let piece = format!("x: {}\r\n", "a".repeat(8_000)).repeat(8);
    let cut_off = (0..160).any(|_| connection.write(piece.as_bytes()).is_err());
    assert!(cut_off, "ten megabytes of head were read: {}", connection.said());
    assert_eq!(api.get("/api/v1/session")?.status, 200);
    Ok(())
}

#[test]
fn slow_clients_are_cut_off_and_hold_up_nobody() -> Result<()> {
    let (hub, api, _folder) = hub()?;
    // So many that a server with a thread for each would be full.
    let mut heads = Vec::new();
    for _ in 0..200 {
        let mut connection = raw(&hub, &api)?;
        connection.write(b"GET /api/v1/health HTTP/1.1\r\nhost: h")?;
        heads.push(connection);
    }
    let mut body = raw(&hub, &api)?;
    body.write(&head(
        &api,
        "POST",
        b"/api/v1/projects",
        "content-type: application/json\r\ncontent-length: 100\r\n",
    )?)?;
    body.write(b"{")?;
    assert_eq!(api.get("/api/v1/session")?.status, 200, "somebody else is held up");
    let trickling = thread::spawn(move || body.said());
    for connection in &mut heads {
        let said = connection.said();
        assert!(matches!(status(&said), "408" | "none"), "{said}");
    }
    let said = trickling.join().ok().context("the reader panicked")?;
    assert_eq!(status(&said), "408", "{said}");
    assert!(said.contains("too_slow"), "{said}");
    assert_eq!(api.get("/api/v1/session")?.status, 200);
    Ok(())
}

#[test]
fn what_is_no_text_is_refused_wherever_it_stands() -> Result<()> {
    let (hub, api, _folder) = hub()?;
    let asked = |method: &str, target: &[u8], more: &str, body: &[u8]| -> Result<String> {
        raw(&hub, &api)?.ask(&[head(&api, method, target, more)?, body.to_vec()].concat())
    };
    for (target, expected) in [
        (b"/api/v1/queries/%ff%fe".as_slice(), "404"),
        (b"/api/v1/queries/%00", "404"),
        (b"/api/v1/projects/..%2f..%2fetc", "404"),
        (b"/api/v1/trusts/\xff", "400"),
        (b"/api/v1/projects?search=%ff%fe%00", "200"),
        (b"/api/v1/people?limit=99999999999999999999", "400"),
        (b"/api/v1/queries/01a2190e-1ccc-77b8-9a22-26ac81afc804?wait_s=-1", "404"),
    ] {
        let said = asked("GET", target, "", b"")?;
        assert_eq!(status(&said), expected, "{}: {said}", String::from_utf8_lossy(target));
    }
    let json = "content-type: application/json\r\n";
    let deep = "[".repeat(100_000);
    for (body, expected, code) in [
        (b"{\"name\":\"\xff\"}".as_slice(), "400", "bad_json"),
        (b"{\"name\":\"a\\u0000b\"}", "422", "bad_name"),
        (b"{\"name\":\"\\ud800\"}", "400", "bad_json"),
        (b"{\"name\":\"x\",\"name\":\"y\"}", "422", "bad_body"),
        (b"{\"name\":\"x\",\"owner\":\"admin\"}", "422", "unknown field `owner`"),
        (b"{\"name\":1e400}", "400", "bad_json"),
        (b"null", "422", "bad_body"),
        (deep.as_bytes(), "422", "bad_body"),
        (b"", "400", "bad_json"),
    ] {
        let more = format!("{json}content-length: {}\r\n", body.len());
        let said = asked("POST", b"/api/v1/projects", &more, body)?;
        let start: String = String::from_utf8_lossy(body).chars().take(40).collect();
        assert!(status(&said) == expected && said.contains(code), "{start}: {said}");
    }
    let none = asked("POST", b"/api/v1/projects", "content-length: 2\r\n", b"{}")?;
    assert!(status(&none) == "415" && none.contains("not_json"), "{none}");
    Ok(())
}

#[test]
fn a_wrong_method_is_told_those_that_there_are() -> Result<()> {
    let (hub, api, _folder) = hub()?;
    for (method, path, allowed) in [
        ("PATCH", "/api/v1/projects", "GET,HEAD,POST"),
        ("DELETE", "/api/v1/queries", "GET,HEAD,POST"),
        ("TRACE", "/api/v1/session", "DELETE,GET,HEAD,POST"),
        ("POST", "/projects/new", "GET,HEAD"),
    ] {
        let said = raw(&hub, &api)?.ask(&head(&api, method, path.as_bytes(), "")?)?;
        let line = said.lines().find_map(|line| line.strip_prefix("allow: ")).unwrap_or_default();
        let mut methods: Vec<&str> = line.split(',').map(str::trim).collect();
        methods.sort_unstable();
        assert_eq!((status(&said), methods.join(",").as_str()), ("405", allowed), "{method} {path}: {said}");
    }
    let unknown = api.send("PUT", "/api/v1/nothing", "application/json", "{}")?;
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &json!("not_found")));
    Ok(())
}
