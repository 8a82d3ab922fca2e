use flip_protocol::answer::{CohortAnswer, Extract, Failed, Refused as GateRefused};
use flip_protocol::message::Unwelcome;

use super::*;

const T: UnixMillis = UnixMillis(5);

fn trust(number: u128) -> PartyId {
    PartyId(Uuid::from_u128(number))
}

fn query(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn extract() -> Extract {
    Extract { generation: "g-000001".to_owned(), date: "2026-01-01".to_owned() }
}

fn value() -> OrderState {
    let answer = CohortAnswer {
        persons: 12,
        records: 12,
        threshold: 10,
        protection: None,
        extract: extract(),
        fields: Vec::new(),
    };
    OrderState::Done { at: T, answer: Answer::Value(answer) }
}

fn decision(verdict: Verdict) -> Decision {
    Decision { verdict, at: T, by: "tia".to_owned(), capacity: Capacity::TrustAdmin, reason: String::new() }
}

fn staged_at(trusts: &[u128]) -> Lifecycle {
    let trusts: Vec<PartyId> = trusts.iter().copied().map(trust).collect();
    Lifecycle::Unstaged.stage(Some(query(1)), &trusts, |_, _| Some(value()), "ona", T).unwrap()
}

#[test]
fn a_project_is_staged_where_a_number_came_back_and_each_other_trust_says_why_not() {
    let refused = GateRefused { code: "x".to_owned(), message: "no such table".to_owned(), place: None };
    let shares = [
        (Some(value()), None),
        (None, Some("not_asked")),
        (Some(OrderState::Queued), Some("pending")),
        (Some(OrderState::Running { at: T }), Some("pending")),
        (
            Some(OrderState::Done { at: T, answer: Answer::FewerThan { threshold: 10, extract: extract() } }),
            Some("fewer_than"),
        ),
        (Some(OrderState::Refused { at: T, why: refused }), Some("refused")),
        (Some(OrderState::Failed { at: T, why: Failed::Timeout }), Some("failed")),
        (Some(OrderState::NotTaken { at: T, why: Unwelcome::Expired }), Some("not_taken")),
        (Some(OrderState::Expired { at: T }), Some("expired")),
        (Some(OrderState::Cancelled { at: T }), Some("cancelled")),
    ];
    let all: Vec<PartyId> = (0..shares.len() as u128).map(trust).collect();
    let share = |_, of: PartyId| shares[usize::try_from(of.0.as_u128()).unwrap()].0.clone();
    let Err(Refused::Unusable(why)) = Lifecycle::Unstaged.stage(Some(query(1)), &all, share, "ona", T) else {
        panic!("staged without a number");
    };
    let told: Vec<_> = why.iter().map(|(of, why)| (*of, Some(why.code()))).collect();
    let expected =
        all.iter().zip(&shares).filter(|(_, (_, code))| code.is_some()).map(|(of, (_, code))| (*of, *code));
    assert_eq!(told, expected.collect::<Vec<_>>());
    assert!(why.iter().all(|(_, why)| !why.sentence().is_empty()));
    assert_eq!(Lifecycle::Unstaged.stage(None, &all[..1], share, "ona", T), Err(Refused::NoQuery));
    assert_eq!(Lifecycle::Unstaged.stage(Some(query(1)), &[], share, "ona", T), Err(Refused::NoTrusts));
    let staged = Lifecycle::Unstaged.stage(Some(query(1)), &all[..1], share, "ona", T).unwrap();
    assert_eq!((staged.name(), staged.is_open()), ("staged", false));
    assert_eq!(staged.stage(None, &all[..1], share, "ona", T), Err(Refused::AlreadyStaged(all[0])));
}

#[test]
fn the_first_approval_approves_and_late_joiners_are_asked_about_the_same_query() {
    let declined = staged_at(&[1, 2]).decide(trust(1), query(1), decision(Verdict::Declined)).unwrap();
    assert_eq!(declined.name(), "staged", "a project that all decline stays staged");
    let approved = declined.decide(trust(2), query(1), decision(Verdict::Approved)).unwrap();
    assert_eq!(approved.name(), "approved");
    let late = approved.stage(Some(query(9)), &[trust(3)], |of, _| (of == query(1)).then(value), "ona", T);
    let late = late.unwrap();
    assert_eq!(late.staged().unwrap().query, query(1));
    let joined = late.decide(trust(3), query(1), decision(Verdict::Approved)).unwrap();
    assert!(joined.staged().unwrap().trusts.iter().all(|at| at.decision.is_some()));
}

#[test]
fn a_trust_decides_once_and_about_what_it_saw() {
    let staged = staged_at(&[1, 2]);
    let decide = |of: Lifecycle, at, about, verdict| of.decide(trust(at), query(about), decision(verdict));
    assert_eq!(decide(staged.clone(), 3, 1, Verdict::Approved), Err(Refused::NotStaged(trust(3))));
    assert_eq!(decide(staged.clone(), 1, 9, Verdict::Approved), Err(Refused::OtherQuery));
    let approved = decide(staged, 1, 1, Verdict::Approved).unwrap();
    for again in Verdict::ALL {
        let made = decision(Verdict::Approved);
        assert_eq!(decide(approved.clone(), 1, 1, again), Err(Refused::Decided(trust(1), made)));
    }
    assert_eq!(decide(Lifecycle::Unstaged, 1, 1, Verdict::Approved), Err(Refused::NotStaged(trust(1))));
}

#[test]
fn what_a_trust_approved_stays_and_the_others_can_be_taken_out_and_asked_anew() {
    assert_eq!(staged_at(&[1, 2]).unstage(&[]), Ok(Lifecycle::Unstaged));
    assert_eq!(staged_at(&[1]).unstage(&[trust(1)]), Ok(Lifecycle::Unstaged));
    assert_eq!(Lifecycle::Unstaged.unstage(&[]), Err(Refused::NoTrusts));
    assert_eq!(staged_at(&[1]).unstage(&[trust(2)]), Err(Refused::NotStaged(trust(2))));
    let declined = staged_at(&[1, 2]).decide(trust(1), query(1), decision(Verdict::Declined)).unwrap();
    let approved = declined.decide(trust(2), query(1), decision(Verdict::Approved)).unwrap();
    assert!(matches!(approved.clone().unstage(&[trust(2)]), Err(Refused::Decided(_, _))));
    assert!(matches!(approved.clone().unstage(&[]), Err(Refused::Decided(_, _))));
    let without = approved.unstage(&[trust(1)]).unwrap();
    assert_eq!(without.name(), "approved");
    let again = without.stage(None, &[trust(1)], |_, _| Some(value()), "ona", T).unwrap();
    assert!(again.decide(trust(1), query(1), decision(Verdict::Approved)).is_ok());
}
