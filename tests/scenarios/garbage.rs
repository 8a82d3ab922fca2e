//! A hub that answers garbage, and an appliance that sends garbage: each a clear error, nothing lost.

use std::fs;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use flip_tests::questions::EVERYONE;
use flip_tests::world::until;
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::stage::{Stage, answered, share};

/// A server with the hub's own CA that answers every request with the next of these bytes, over and over.
struct FalseHub {
    served: Arc<AtomicUsize>,
}

impl FalseHub {
    fn start(stage: &Stage, at: SocketAddr, answers: Vec<Vec<u8>>) -> Result<Self> {
        let keys = stage.hub.data.join("keys");
        let ca_key = KeyPair::from_pem(&fs::read_to_string(keys.join("ca.key"))?)?;
        let issuer = Issuer::from_ca_cert_pem(&fs::read_to_string(keys.join("ca.pem"))?, ca_key)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
        let tls =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(
                    vec![certificate.der().clone()],
                    PrivateKeyDer::Pkcs8(key.serialize_der().into()),
                )?;
        let (tls, listener) = (Arc::new(tls), TcpListener::bind(at)?);
        let served = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&served);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = counting.load(Ordering::SeqCst);
                let Some(answer) = answers.get(number) else { break };
                let Ok(connection) = rustls::ServerConnection::new(Arc::clone(&tls)) else { continue };
                let mut stream = rustls::StreamOwned::new(connection, stream);
                // To its end: an answer that overtakes the request is lost with the connection.
                if read_request(&mut stream).is_some() {
                    let _ = stream.write_all(answer);
                    let _ = stream.flush();
                    counting.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Ok(Self { served })
    }
}

/// Reads a request with its body, as long as its head says.
fn read_request(stream: &mut impl Read) -> Option<()> {
    let mut request = Vec::new();
    let mut piece = [0; 16_384];
    loop {
        let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        if body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0) {
            return Some(());
        }
    }
}

fn http(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
        .into_bytes()
}

#[test]
fn an_appliance_survives_a_hub_that_answers_what_is_not_the_protocol() -> Result<()> {
    let log = survives(vec![
        b"\x00\xff\x00 not HTTP at all\r\n\r\n".to_vec(),
        http("200 OK", "<html>a captive portal</html>"),
        http("500 Oops", ""),
        http("302 Found\r\nlocation: https://127.0.0.1:1/", ""),
        b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"cut".to_vec(),
        format!("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{}", "x".repeat(100_000)).into_bytes(),
    ])?;
    assert!(log.contains("is not FLIP Edge's protocol"), "{log}");
    Ok(())
}

#[test]
fn an_appliance_survives_a_hub_whose_syncs_are_spoilt() -> Result<()> {
    let sync = |orders: &[&str]| {
        let body = json!({ "hub_time": 1, "acknowledged": [], "refused": [], "orders": orders });
        http("200 OK", &body.to_string())
    };
    let log = survives(vec![
        http("200 OK", "{\"hub_time\": \"yesterday\"}"),
        sync(&["not base64!", "AAAA", "RkxQTQE"]),
        http("200 OK", &"[".repeat(200_000)),
        sync(&["AAAA"; 1_000]),
        sync(&[]),
    ])?;
    // Three spoilt orders, not a thousand.
    assert!((3..20).contains(&log.matches("a message was refused").count()), "{log}");
    Ok(())
}

/// A false hub gives an appliance these answers, one after the other, while a result waits in its outbox. Then the
/// real hub comes back and gets the result. Gives what the appliance has said.
fn survives(answers: Vec<Vec<u8>>) -> Result<String> {
    let mut stage = Stage::set()?;
    let query = stage.api.ask("everyone", EVERYONE)?;
    stage.api.complete(&query)?;
    let pending = stage.ask_half_as_slow()?;
    stage.hub.kill()?;
    until("an answer in the outbox", || Ok((stage.trust.status()?["outgoing"] == 1).then_some(())))?;
    let count = answers.len();
    let false_hub = FalseHub::start(&stage, stage.hub.sites, answers)?;
    // While the hub was away its pauses have grown: a start begins them anew, with the answer still in its outbox.
    stage.trust.kill()?;
    stage.trust.resume()?;
    until("all the garbage to be served", || {
        Ok((false_hub.served.load(Ordering::SeqCst) >= count).then_some(()))
    })?;
    thread::sleep(Duration::from_millis(300));
    assert_eq!(stage.trust.status()?["outgoing"], 1, "the answer is no longer there");
    // The false hub has let go of the port.
    until("the port", || Ok(stage.hub.resume().ok()))?;
    assert_eq!(share(&stage.api.complete(&pending)?)["state"], "value");
    let log = stage.trust.log();
    assert!(!log.contains("panicked"), "{log}");
    stage.trust.kill()?;
    assert_eq!(answered(&stage.trust)?.len(), 2);
    Ok(log)
}

/// A client with the appliance's own certificate: an appliance gone mad.
struct MadAppliance {
    agent: Agent,
    sites: SocketAddr,
}

impl MadAppliance {
    fn of(stage: &Stage) -> Result<Self> {
        let identity = stage.trust.data.join("identity");
        let client = ClientCert::new_with_certs(
            &[Certificate::from_pem(&fs::read(identity.join("tls.pem"))?)?],
            PrivateKey::from_pem(&fs::read(identity.join("tls.key"))?)?,
        );
        let ca = Certificate::from_pem(&fs::read(stage.hub.data.join("keys/ca.pem"))?)?;
        let roots = RootCerts::new_with_certs(&[ca]);
        let tls = TlsConfig::builder().root_certs(roots).client_cert(Some(client)).build();
        let config = Agent::config_builder().tls_config(tls).http_status_as_error(false);
        let agent = config.timeout_global(Some(Duration::from_secs(30))).build().new_agent();
        Ok(Self { agent, sites: stage.hub.sites })
    }

    fn send(&self, path: &str, body: &[u8]) -> Result<(u16, Value)> {
        let request = self.agent.post(format!("https://{}{path}", self.sites));
        let mut response = request.header("content-type", "application/json").send(body)?;
        let text = response.body_mut().read_to_string()?;
        Ok((response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null)))
    }
}

fn honest() -> Value {
    json!({
        "received": [], "refused": [], "holding": [], "results": [], "wait_ms": 0, "room": 0,
        "health": { "version": "0.1.0", "extract": null, "uptime_s": 1, "disk_free_bytes": 1,
                    "refused_messages": 0, "engine": null },
    })
}

#[test]
fn a_hub_survives_an_appliance_that_sends_garbage() -> Result<()> {
    let stage = Stage::set()?;
    let mad = MadAppliance::of(&stage)?;
    assert_eq!(mad.send("/v1/sync", honest().to_string().as_bytes())?.0, 200);
    let with = |name: &str, value: Value| {
        let mut body = honest();
        body[name] = value;
        body.to_string().into_bytes()
    };
    let many_ids: Vec<String> = (0..5_000).map(|n| format!("{n:032x}")).collect();
    let refused: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("no JSON", b"\xff\xfe\x00garbage".to_vec()),
        ("half a body", honest().to_string().as_bytes()[..40].to_vec()),
        ("another shape", b"[1,2,3]".to_vec()),
        ("a wrong type", with("wait_ms", json!("soon"))),
        ("too many results", with("results", json!(vec!["AAAA"; 65]))),
        ("too many ids", with("received", json!(many_ids))),
        (
            "a long version",
            with(
                "health",
                json!({ "version": "v".repeat(100_000), "extract": null, "uptime_s": 1,
            "disk_free_bytes": 1, "refused_messages": 0, "engine": null }),
            ),
        ),
        ("deep nesting", "[".repeat(100_000).into_bytes()),
    ];
    for (what, body) in refused {
        let (status, problem) = mad.send("/v1/sync", &body)?;
        assert_eq!(status, 400, "{what}: {problem}");
        assert_eq!(problem["code"], "bad_body", "{what}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{what}: {problem}");
    }
    let (status, problem) = mad.send("/v1/sync", &vec![b'x'; 17 * 1024 * 1024])?;
    assert_eq!((status, &problem["code"]), (413, &json!("too_large")));

    // A newer appliance may say more than this hub knows.
    assert_eq!(mad.send("/v1/sync", &with("surprise", json!(1)))?.0, 200);
    // Results that are none are taken note of and change nothing.
    let (status, _) = mad.send("/v1/sync", &with("results", json!(["not base64!", "RkxQTQ", "AAAA"])))?;
    assert_eq!(status, 200);
    // Receipts and states of orders that do not exist, or are another Trust's, change nothing.
    let id = "01a209b1-91e6-7cbf-8e89-02ef911335b7";
    let (status, _) = mad.send("/v1/sync", &with("received", json!([id])))?;
    assert_eq!(status, 200);
    let (status, problem) = mad.send("/v1/enrol", b"{}")?;
    assert_eq!((status, &problem["code"]), (404, &json!("no_such_place")));
    let (status, problem) = mad.send("/v1/renew", b"{\"certificate_request\": \"no\"}")?;
    assert_eq!((status, &problem["code"]), (400, &json!("bad_certificate_request")));

    let query = stage.api.ask("everyone", EVERYONE)?;
    assert_eq!(share(&stage.api.complete(&query)?)["persons"], 1_130);
    assert!(!stage.hub.log().contains("panicked"), "{}", stage.hub.log());
    Ok(())
}

#[test]
fn nobody_without_a_certificate_reaches_more_than_enrolment_and_people_reach_no_site() -> Result<()> {
    let stage = Stage::set()?;
    let ca = Certificate::from_pem(&fs::read(stage.hub.data.join("keys/ca.pem"))?)?;
    let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[ca])).build();
    let agent: Agent =
        Agent::config_builder().tls_config(tls).http_status_as_error(false).build().new_agent();
    for path in ["/v1/sync", "/v1/renew", "/api/v1/health", "/", "/queries"] {
        let mut response = agent.post(format!("https://{}{path}", stage.hub.sites)).send(b"{}".as_slice())?;
        let problem: Value =
            serde_json::from_str(&response.body_mut().read_to_string()?).context("no problem")?;
        assert_eq!(problem["code"], "needs_certificate", "{path}");
    }
    for path in ["/v1/sync", "/v1/enrol", "/v1/renew"] {
        assert_eq!(stage.api.post(path, &json!({}))?.status, 404, "{path} is on the people listener");
    }
    Ok(())
}
