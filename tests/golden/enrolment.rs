//! Kits, enrolment, new keys, and problems.

use flip_protocol::answer::Place;
use flip_protocol::enrolment::{EnrolRequest, EnrolResponse, HubSide, Kit, RenewRequest, RotateRequest};
use flip_protocol::problem::Problem;
use flip_protocol::text;

use crate::{NOW, hub, opening, same, signing, trust};

#[test]
fn new_keys_are_signed_with_the_old_one_and_the_request_is_the_same_text() {
    let before = signing(3);
    let request = RotateRequest::new(
        trust(),
        "-----BEGIN CERTIFICATE REQUEST-----".to_owned(),
        signing(5).verifying(),
        opening(6).sealing(),
        &before,
    );
    let text = format!("{}\n", serde_json::to_string(&request).unwrap());
    same("rotate.json", &text);
    let read: RotateRequest = serde_json::from_str(text.trim()).unwrap();
    assert!(read.is_signed_by(trust(), before.verifying()));
    assert!(!read.is_signed_by(hub(), before.verifying()), "another Trust's");
    assert!(!read.is_signed_by(trust(), read.verifying), "by the new key");
    let other = signing(9).verifying();
    let altered = [
        RotateRequest { verifying: other, ..read.clone() },
        RotateRequest { sealing: opening(9).sealing(), ..read.clone() },
        RotateRequest { certificate_request: "another".to_owned(), ..read.clone() },
        RotateRequest { signature: "AA".to_owned(), ..read.clone() },
    ];
    assert!(altered.iter().all(|request| !request.is_signed_by(trust(), before.verifying())));
}

#[test]
fn enrolment_and_problems_are_the_same_text() {
    let request = EnrolRequest {
        trust: trust(),
        hub: hub(),
        secret: text::encode(&[7; 32]),
        certificate_request: "-----BEGIN CERTIFICATE REQUEST-----".to_owned(),
        verifying: signing(1).verifying(),
        sealing: opening(2).sealing(),
    };
    let response = EnrolResponse {
        certificate: "-----BEGIN CERTIFICATE-----".to_owned(),
        expires: NOW,
        verifying: vec![signing(3).verifying()],
        sealing: vec![opening(4).sealing()],
    };
    let renewal = RenewRequest { certificate_request: "-----BEGIN CERTIFICATE REQUEST-----".to_owned() };
    let problem = Problem {
        kind: "/problems/kit_used".to_owned(),
        title: "This kit was used before.".to_owned(),
        status: 403,
        code: "kit_used".to_owned(),
        detail: None,
        place: Some(Place { line: 1, column: 23 }),
    };
    let lines = [
        serde_json::to_string(&request).unwrap(),
        serde_json::to_string(&response).unwrap(),
        serde_json::to_string(&renewal).unwrap(),
        serde_json::to_string(&problem).unwrap(),
    ];
    same("enrolment.json", &(lines.join("\n") + "\n"));
    let again: EnrolRequest = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), lines[0]);
    assert_eq!(serde_json::from_str::<EnrolResponse>(&lines[1]).unwrap(), response);
    assert_eq!(serde_json::from_str::<RenewRequest>(&lines[2]).unwrap(), renewal);
    assert_eq!(serde_json::from_str::<Problem>(&lines[3]).unwrap(), problem);
}

#[test]
fn a_kit_is_the_same_text_and_every_altered_line_is_noticed() {
    let hub = HubSide { id: hub(), address: "hub.example:8444", ca_der: b"not a real certificate" };
    let kit = Kit::new("St Elsewhere", trust(), &hub, &[7; 32], NOW.plus(1_000));
    let text = kit.to_text();
    same("kit.toml", &text);
    assert!(Kit::from_text(&text, NOW).is_ok());
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.contains(" = ")) {
        let (name, _) = line.split_once(" = ").unwrap();
        let last = line.trim_end_matches('"').chars().last().unwrap();
        let swapped = if last == '1' { '2' } else { '1' };
        let cut = line.trim_end_matches('"').len() - last.len_utf8();
        let altered_line =
            format!("{}{swapped}{}", &line[..cut], if line.ends_with('"') { "\"" } else { "" });
        let altered: Vec<&str> = text
            .lines()
            .enumerate()
            .map(|(n, line)| if n == number { altered_line.as_str() } else { line })
            .collect();
        assert!(Kit::from_text(&altered.join("\n"), NOW).is_err(), "{name} was altered and nobody noticed");
    }
    assert!(Kit::from_text(&text, NOW.plus(1_000)).is_err_and(|error| error.to_string().contains("expired")));
}
