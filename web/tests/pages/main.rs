//! Every page, rendered from its samples, keeps what the crate promises.

mod hostile;
mod html;
mod rules;
mod samples;

use flip_web::{
    CONTENT_SECURITY_POLICY, Page, asset,
    pages::{
        Answer, Frame, Models, Moment, People, Problem, Project, Projects, Queries, Query, QueryNew, Rule,
        SignedIn, TrustAnswer, Trusts,
    },
    render,
};
use hostile::all_samples_with;
use rules::check;
use samples::all_samples;

#[test]
fn every_sample_keeps_the_rules_of_the_house() {
    let mut pages = 0;
    for (name, text) in all_samples() {
        check(&name, &text);
        pages += 1;
    }
    assert_eq!(pages, 175, "a sample was added or lost");
}

#[test]
fn hostile_text_stays_text() {
    const HOSTILE: &str = "</textarea></title><script>alert(1)</script><img src=x onerror=\"alert('&')\">";
    for (name, text) in all_samples_with(HOSTILE) {
        check(&name, &text);
        assert!(text.contains("&lt;script&gt;"), "{name} does not show the text at all");
        assert!(!text.contains("<script>") && !text.contains("<img"), "{name}: {text}");
    }
}

#[test]
fn an_answer_without_a_number_shows_none() {
    let without = [
        Answer::Refused { rule: Rule::Gate, message: "because".to_owned(), place: None },
        Answer::Refused { rule: Rule::Quota, message: "because".to_owned(), place: None },
        Answer::Failed { why: "because".to_owned() },
        Answer::Queued,
        Answer::Delivered,
        Answer::Running,
        Answer::OfflineSince { since: moment() },
        Answer::NeverSeen,
        Answer::Expired { at: moment() },
        Answer::Cancelled { at: moment() },
        Answer::FewerThan { threshold: 17 },
    ];
    for answer in without {
        let row = TrustAnswer { trust: "T".to_owned(), answer, extract_date: None, answered: None };
        let mut page = Query::samples().remove(0);
        (page.persons, page.fields) = (None, Vec::new());
        page.trusts = vec![row.clone()];
        let text = render(&page).unwrap();
        let cells =
            text.split("<td").filter(|cell| cell.contains("data-label=\"Persons\"")).collect::<Vec<_>>();
        assert_eq!(cells.len(), 1);
        let cell = cells[0].split_once('>').unwrap().1;
        let expected = if matches!(row.answer, Answer::FewerThan { .. }) { "&lt; 17<" } else { "no number<" };
        assert!(cell.contains(expected) && !cell.contains('0'), "{row:?}: {cell}");
        assert!(text.contains("<strong>No numbers"), "{row:?}");
    }
}

#[test]
fn an_inexact_number_says_how_far_off_it_may_be_and_why() {
    let mut page = Query::samples().remove(0);
    let text = render(&page).unwrap();
    assert!(text.contains("<strong>About 1,240 ± 45 persons"), "{text}");
    assert!(text.contains("825 <span class=\"margin\">± 35</span></td>"), "{text}");
    assert!(text.contains("Why these numbers are rounded and noisy"));
    assert!(text.contains("56.4 ± 13.1</td>"), "no mean and spread beside the numbers");
    (page.margin, page.inexact) = (None, false);
    for row in &mut page.trusts {
        if let Answer::Value { margins, .. } = &mut row.answer {
            *margins = None;
        }
    }
    page.fields.iter_mut().for_each(|field| field.margins.fill(None));
    let text = render(&page).unwrap();
    assert!(
        !text.contains("class=\"margin\"") && !text.contains("Why these numbers"),
        "exact, and yet: {text}"
    );
}

#[test]
fn a_waiting_page_asks_again_with_and_without_javascript() {
    let mut page = Query::samples().remove(1);
    page.refresh_seconds = Some(7);
    let text = render(&page).unwrap();
    assert!(text.contains("<noscript><meta http-equiv=\"refresh\" content=\"7\"></noscript>"));
    assert!(text.contains("data-refresh-seconds=\"7\""));
    page.refresh_seconds = None;
    let text = render(&page).unwrap();
    assert!(!text.contains("http-equiv") && !text.contains("data-refresh-seconds"));
}

#[test]
fn the_list_with_a_form_is_never_reloaded_as_a_whole() {
    for text in [render(&Trusts::samples()[0]).unwrap(), render(&Queries::samples()[0]).unwrap()] {
        assert!(text.contains("data-refresh-seconds=\"") && !text.contains("http-equiv"), "{text}");
    }
}

#[test]
fn what_changes_with_the_answers_is_in_the_part_that_is_swapped() {
    let text = render(&Query::samples().remove(1)).unwrap();
    let (before, live) = text.split_once("<section id=\"answer\" data-live").unwrap();
    assert!(!before.contains("id=\"cancel\"") && live.contains("id=\"cancel\""), "{text}");
}

#[test]
fn a_list_says_by_which_column_it_is_sorted() {
    for text in [
        render(&Projects::samples()[0]).unwrap(),
        render(&Trusts::samples()[0]).unwrap(),
        render(&People::samples()[0]).unwrap(),
        render(&Models::samples()[0]).unwrap(),
    ] {
        assert_eq!(text.matches("aria-sort=\"descending\"").count(), 1, "{text}");
        assert!(text.matches("?sort=").count() >= 4, "{text}");
    }
}

#[test]
fn a_refusal_is_shown_at_its_place() {
    let text = render(&QueryNew::samples()[1]).unwrap();
    assert!(
        text.contains("FROM   <mark>p</mark>ublic.person AS p\n<span aria-hidden=\"true\">       ^</span>"),
        "{text}"
    );
}

#[test]
fn a_question_that_begins_with_a_blank_line_keeps_it() {
    let mut page = QueryNew::samples().remove(0);
    page.sql = "\nSELECT 1".to_owned();
    // A textarea drops the first newline after its tag.
    assert!(render(&page).unwrap().contains(">\n\nSELECT 1</textarea>"));
}

#[test]
fn only_the_signed_in_see_the_navigation() {
    let page = |person| Problem {
        frame: Frame { version: "9.8.7".to_owned(), person, site: None, notices: Vec::new() },
        status: 404,
        title: "Gone".to_owned(),
        detail: String::new(),
    };
    let signed_in = render(&page(Some(SignedIn {
        once: "7f3c".to_owned(),
        name: "somebody".to_owned(),
        sees_people: false,
        runs_hub: false,
        sees_audit: false,
        decides: None,
    })))
    .unwrap();
    let stranger = render(&page(None)).unwrap();
    assert!(signed_in.contains("<nav") && signed_in.contains("/sign-out") && signed_in.contains("somebody"));
    assert!(!stranger.contains("<nav") && !stranger.contains("/sign-out"));
    assert!(stranger.contains("FLIP Edge 9.8.7"));
}

#[test]
fn what_one_may_not_do_has_no_button() {
    let shown = |page: &Trusts| render(page).unwrap().contains("action=\"/trusts?once=");
    let mut trusts = Trusts::samples().remove(0);
    assert!(shown(&trusts));
    trusts.may_add = false;
    assert!(!shown(&trusts));
    let mut query = QueryNew::samples().remove(0);
    assert!(render(&query).unwrap().contains("action=\"/queries?once="));
    query.projects.clear();
    assert!(!render(&query).unwrap().contains("action=\"/queries?once="));
    let mut project = Project::samples().remove(0);
    let text = render(&project).unwrap();
    assert!(text.contains("method=\"post\" action=\"&#x2f;projects") && text.contains("New query"), "{text}");
    (project.form, project.delete_action, project.ask_href) = (None, None, None);
    for seat in &mut project.seats {
        (seat.may_stage, seat.may_unstage, seat.decide) = (false, false, None);
    }
    let text = render(&project).unwrap();
    assert!(!text.contains("action=\"&#x2f;projects") && !text.contains("New query"), "{text}");
    let mut frame = Projects::samples().remove(0);
    assert!(render(&frame).unwrap().contains("href=\"/people\""));
    frame.frame.person = Some(SignedIn {
        once: "7f3c".to_owned(),
        name: "ben".to_owned(),
        sees_people: false,
        runs_hub: false,
        sees_audit: false,
        decides: None,
    });
    assert!(!render(&frame).unwrap().contains("href=\"/people\""));
}

#[test]
fn every_static_file_that_a_page_names_exists_in_that_version() {
    for (name, text) in all_samples() {
        let named: Vec<_> = text.split('"').filter(|part| part.starts_with("&#x2f;assets")).collect();
        assert!(named.len() >= 3, "{name}");
        for href in named {
            let href = href.replace("&#x2f;", "/");
            let (path, version) = href.strip_prefix("/assets/").unwrap().split_once("?v=").unwrap();
            assert_eq!(asset(path).unwrap().etag, format!("\"{version}\""), "{name}");
        }
    }
}

#[test]
fn the_policy_forbids_what_is_not_ours() {
    assert!(CONTENT_SECURITY_POLICY.starts_with("default-src 'none';"));
    for weakness in ["unsafe", "*", "http", "data:", "blob:"] {
        assert!(!CONTENT_SECURITY_POLICY.contains(weakness), "{weakness}");
    }
}

fn moment() -> Moment {
    Moment { iso: "2026-07-21T08:12:03Z".to_owned(), relative: "some time ago".to_owned() }
}
