//! One mail over SMTP (RFC 5321). Blocks.

use std::io::ErrorKind;
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{SmtpTransport, Transport as _};

use super::letter::Written;
use super::settings::{Security, Settings};
use crate::bounds;
use crate::ledger::mail::Mail;

/// Why a mail was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSent {
    /// The server will not have this mail.
    ForGood(String),
    /// It may have it later.
    ForNow(String),
    /// The server is not there, or not for us: no other mail would fare better now.
    NoServer(String),
}

/// Sends a mail. It counts as sent once the server has taken it.
pub fn send(settings: &Settings, mail: &Mail, written: &Written) -> Result<(), NotSent> {
    let message = message(settings, mail, written).map_err(NotSent::ForGood)?;
    let transport = transport(settings).map_err(NotSent::NoServer)?;
    transport.send(&message).map(drop).map_err(|error| why(settings, &error))
}

fn message(settings: &Settings, mail: &Mail, written: &Written) -> Result<Message, String> {
    let host = settings.from.email.domain();
    let stored = SystemTime::UNIX_EPOCH + Duration::from_millis(mail.stored.0);
    Message::builder()
        .from(settings.from.clone())
        .to(Mailbox::new(None, mail.to.address().clone()))
        .subject(written.subject.clone())
        // The same each time that it is tried, so that a mail that arrives twice is seen to be one.
        .message_id(Some(format!("<{}@{host}>", mail.id)))
        .date(stored)
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .header(ContentType::TEXT_PLAIN)
        .body(written.text.clone())
        .map_err(|error| format!("the mail could not be written: {error}"))
}

fn transport(settings: &Settings) -> Result<SmtpTransport, String> {
    let parameters = || {
        let mut builder = TlsParameters::builder(settings.server.clone());
        if let Some(ca) = &settings.ca {
            builder = builder.add_root_certificate(ca.clone());
        }
        builder.build().map_err(|error| format!("no TLS: {}", chain(&error)))
    };
    let tls = match settings.security {
        Security::StartTls => Tls::Required(parameters()?),
        Security::Tls => Tls::Wrapper(parameters()?),
        Security::Plain => Tls::None,
    };
    let mut builder = SmtpTransport::builder_dangerous(&settings.server)
        .port(settings.port)
        .tls(tls)
        .timeout(Some(bounds::MAIL_STEP))
        .hello_name(ClientId::Domain(settings.from.email.domain().to_owned()));
    if let Some((user, password)) = &settings.login {
        builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
    }
    Ok(builder.build())
}

fn why(settings: &Settings, error: &lettre::transport::smtp::Error) -> NotSent {
    let said = chain(error);
    match error.status().map(u16::from) {
        // RFC 4954 §6: authentication is needed, failed, or too weak; RFC 3207 §4: TLS is needed.
        Some(code @ (421 | 432 | 454 | 523 | 530 | 534 | 535 | 538)) => {
            NotSent::NoServer(format!("{} does not serve this hub ({code}): {said}", settings.server))
        }
        Some(_) if error.is_permanent() => NotSent::ForGood(said),
        Some(_) => NotSent::ForNow(said),
        None if timed_out(error) => NotSent::NoServer(format!(
            "{}:{} cannot be used: it did not answer within {} s",
            settings.server,
            settings.port,
            bounds::MAIL_STEP.as_secs()
        )),
        None => NotSent::NoServer(format!("{}:{} cannot be used: {said}", settings.server, settings.port)),
    }
}

/// A socket whose time is over says so in one of two ways.
fn timed_out(error: &dyn std::error::Error) -> bool {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return matches!(io.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock);
        }
        next = cause.source();
    }
    false
}

/// An error and its causes in one line, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut parts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = cause.source();
    }
    let whole = parts.join(": ");
    whole.chars().map(|c| if c.is_control() { ' ' } else { c }).take(bounds::MAIL_WHY_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use flip_protocol::UnixMillis;
    use uuid::Uuid;

    use super::*;
    use crate::ledger::mail::{MailId, MailState};
    use crate::links::Nonce;
    use crate::mail::letter::Letter;

    #[test]
    fn a_name_makes_no_header() {
        let text = "server = \"localhost\"\nfrom = \"FLIP <flip@example.org>\"";
        let settings = Settings::check(std::path::Path::new("/"), toml::from_str(text).unwrap()).unwrap();
        // No name with a line's end gets as far as this.
        let letter = Letter::Invitation {
            name: "eve\r\nBcc: all@example.org".to_owned(),
            role: "viewer".to_owned(),
            by: Some("x\r\nSubject: other".to_owned()),
            nonce: Nonce::from_bytes([1; 16]),
            expires: UnixMillis(9),
        };
        let mail = Mail {
            id: MailId(Uuid::from_u128(7)),
            to: "ada@example.org".parse().unwrap(),
            letter,
            stored: UnixMillis(1_784_621_523_000),
            tries: 0,
            why: String::new(),
            state: MailState::Waiting { next: UnixMillis(0) },
        };
        let written = mail.letter.write("https://flip.example", |_| "https://flip.example/link/T".to_owned());
        let sent = String::from_utf8(message(&settings, &mail, &written).unwrap().formatted()).unwrap();
        let (head, body) = sent.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        for once in ["From", "To", "Subject", "Message-ID", "Date", "Auto-Submitted", "Content-Type"] {
            assert_eq!(names.iter().filter(|name| **name == once).count(), 1, "{once} in {head}");
        }
        assert!(!names.contains(&"Bcc") && !head.contains("eve"), "{head}");
        assert!(body.contains("eve") && body.contains("/link/T"), "{body}");
        assert!(head.contains("<00000000-0000-0000-0000-000000000007@example.org>"), "{head}");
    }
}
