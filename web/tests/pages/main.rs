//! Every page, rendered from its samples, keeps what the crate promises.

mod html;

use flip_web::{
    CONTENT_SECURITY_POLICY, Page, asset,
    pages::{
        Answer, ApiGuide, AskAccess, Audit, Decisions, FileState, Forgot, Frame, GiveCode, GoOn, Hub,
        LinkCame, LinkDelivery, LinkDone, LinkPurpose, Mails, Model, ModelNew, ModelRow, Models, Moment,
        OneTimeLink, Outcome, OwnFactor, OwnPassword, People, Person, Problem, Project, ProjectHistory,
        ProjectNew, Projects, ProviderWay, Queries, Query, QueryNew, RecoveryCodes, RequestState, Requests,
        Rule, Said, Seat, Sessions, SetUpFactor, SignIn, SignedIn, SignedOut, Site, SiteAttack, SiteAudit,
        SiteData, SiteDisclosure, SiteDoor, SiteEntered, SiteFrozen, SiteLogs, SiteOrder, SiteOrders,
        SitePolicy, SiteProjects, Sticks, Tokens, Trust, TrustAdded, TrustAnswer, Trusts,
    },
    render,
};
use html::Element;

#[test]
fn every_sample_keeps_the_rules_of_the_house() {
    let mut pages = 0;
    for (name, text) in all_samples() {
        check(&name, &text);
        pages += 1;
    }
    assert_eq!(pages, 168, "a sample was added or lost");
}

/// What holds for each page, whatever it shows.
fn check(name: &str, text: &str) {
    assert!(text.starts_with("<!doctype html>\n<html lang=\"en-GB\">"), "{name}: {text}");
    let elements = html::elements(text).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    for (tag, count) in [("title", 1), ("main", 1), ("h1", 1), ("footer", 1)] {
        let found = elements.iter().filter(|element| element.tag == tag && !element.in_svg).count();
        assert_eq!(found, count, "{name}: <{tag}>");
    }
    for element in &elements {
        check_policy(name, element);
        check_access(name, element, &elements);
    }
    let mut ids: Vec<_> = elements.iter().filter_map(|element| element.attribute("id")).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "{name}: an id occurs twice");
}

/// Nothing that [`CONTENT_SECURITY_POLICY`] would block.
fn check_policy(name: &str, element: &Element) {
    assert!(element.tag != "style", "{name}: inline style");
    assert!(element.tag != "script" || element.attribute("src").is_some(), "{name}: inline script");
    for (attribute, value) in &element.attributes {
        let of = format!("{name}: <{} {attribute}=\"{value}\">", element.tag);
        assert!(attribute != "style" && !attribute.starts_with("on"), "{of}");
        if matches!(attribute.as_str(), "href" | "src" | "action" | "formaction" | "data" | "poster") {
            let download = element.tag == "a" && element.attribute("download").is_some();
            let own = value.is_empty() || value.starts_with('#') || value.starts_with('/');
            // A link that somebody follows, to a page that is not told where they came from.
            let leaves = element.tag == "a" && element.attribute("rel") == Some("noreferrer");
            let allowed = own && !value.starts_with("//")
                || download && value.starts_with("data:")
                || leaves && value.starts_with("https://");
            assert!(allowed, "{of}");
        }
    }
}

/// What keyboards and screen readers need.
fn check_access(name: &str, element: &Element, all: &[Element]) {
    let known = |id: &str| all.iter().any(|other| other.attribute("id") == Some(id));
    if matches!(element.tag.as_str(), "input" | "textarea" | "select")
        && element.attribute("type") != Some("hidden")
    {
        let id = element.attribute("id").unwrap_or_else(|| panic!("{name}: a field without an id"));
        let labelled = all.iter().any(|other| other.tag == "label" && other.attribute("for") == Some(id));
        assert!(labelled, "{name}: the field {id} has no label");
    }
    if element.tag == "svg" {
        let hidden = element.attribute("aria-hidden") == Some("true");
        assert!(hidden || element.attribute("role") == Some("img"), "{name}: an svg that says nothing");
    }
    if element.tag == "th" {
        assert!(element.attribute("scope").is_some(), "{name}: a th without a scope");
    }
    for attribute in ["aria-labelledby", "aria-describedby"] {
        for id in element.attribute(attribute).unwrap_or_default().split_whitespace() {
            assert!(known(id), "{name}: {attribute} names {id}, which is not there");
        }
    }
    if let Some(target) = element.attribute("href").and_then(|href| href.strip_prefix('#')) {
        assert!(known(target), "{name}: a link to #{target}, which is not there");
    }
    if element.attribute("data-live").is_some() {
        assert!(element.attribute("id").is_some(), "{name}: a live part without an id");
    }
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
    let mut page = Trusts::samples().remove(0);
    page.refresh_seconds = Some(5);
    let text = render(&page).unwrap();
    assert!(text.contains("data-refresh-seconds=\"5\"") && !text.contains("http-equiv"));
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

fn all_samples() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    add::<SignIn>(&mut pages, |_| {});
    add::<GoOn>(&mut pages, |_| {});
    add::<SignedOut>(&mut pages, |_| {});
    add::<Trusts>(&mut pages, |_| {});
    add::<TrustAdded>(&mut pages, |_| {});
    add::<Queries>(&mut pages, |_| {});
    add::<QueryNew>(&mut pages, |_| {});
    add::<Query>(&mut pages, |_| {});
    add::<Projects>(&mut pages, |_| {});
    add::<ProjectNew>(&mut pages, |_| {});
    add::<Project>(&mut pages, |_| {});
    add::<People>(&mut pages, |_| {});
    add::<Person>(&mut pages, |_| {});
    add::<Mails>(&mut pages, |_| {});
    add::<Models>(&mut pages, |_| {});
    add::<ModelNew>(&mut pages, |_| {});
    add::<Model>(&mut pages, |_| {});
    add::<OneTimeLink>(&mut pages, |_| {});
    add::<LinkDone>(&mut pages, |_| {});
    add::<AskAccess>(&mut pages, |_| {});
    add::<Requests>(&mut pages, |_| {});
    add::<Forgot>(&mut pages, |_| {});
    add::<OwnPassword>(&mut pages, |_| {});
    add::<GiveCode>(&mut pages, |_| {});
    add::<SetUpFactor>(&mut pages, |_| {});
    add::<OwnFactor>(&mut pages, |_| {});
    add::<RecoveryCodes>(&mut pages, |_| {});
    add::<Sessions>(&mut pages, |_| {});
    add::<Tokens>(&mut pages, |_| {});
    add::<ApiGuide>(&mut pages, |_| {});
    add::<Problem>(&mut pages, |_| {});
    add::<Hub>(&mut pages, |_| {});
    add::<Trust>(&mut pages, |_| {});
    add::<Audit>(&mut pages, |_| {});
    add::<Site>(&mut pages, |_| {});
    add::<SiteOrders>(&mut pages, |_| {});
    add::<SiteOrder>(&mut pages, |_| {});
    add::<SiteData>(&mut pages, |_| {});
    add::<Decisions>(&mut pages, |_| {});
    add::<ProjectHistory>(&mut pages, |_| {});
    add::<SiteProjects>(&mut pages, |_| {});
    add::<SiteDisclosure>(&mut pages, |_| {});
    add::<SitePolicy>(&mut pages, |_| {});
    add::<SiteAttack>(&mut pages, |_| {});
    add::<SiteAudit>(&mut pages, |_| {});
    add::<SiteLogs>(&mut pages, |_| {});
    add::<SiteDoor>(&mut pages, |_| {});
    add::<SiteEntered>(&mut pages, |_| {});
    add::<SiteFrozen>(&mut pages, |_| {});
    add::<Sticks>(&mut pages, |_| {});
    pages
}

/// The samples with `text` wherever a person or another machine may have written.
fn hostile_seat(seat: &mut Seat, text: &str) {
    text.clone_into(&mut seat.trust);
    seat.why_not = seat.why_not.as_ref().map(|_| text.to_owned());
    seat.drift = seat.drift.as_ref().map(|_| text.to_owned());
    if let Some(made) = seat.staged.as_mut().and_then(|staged| staged.decision.as_mut()) {
        (made.by, made.reason) = (text.to_owned(), text.to_owned());
    }
}

fn all_samples_with(text: &str) -> Vec<(String, String)> {
    let text = || text.to_owned();
    let mut pages = Vec::new();
    add::<SignIn>(&mut pages, |page| {
        (page.error, page.account, page.next) = (Some(text()), text(), text());
        page.provider = Some(ProviderWay { label: text(), href: "/sign-in/oidc".to_owned(), away: true });
    });
    add::<GoOn>(&mut pages, |page| page.label = text());
    add::<SignedOut>(&mut pages, |page| page.label = text());
    add::<Trusts>(&mut pages, |page| {
        (page.name, page.error) = (text(), Some(text()));
        page.topology.nodes.iter_mut().for_each(|node| node.name = text());
        page.frame.person = Some(SignedIn {
            once: "7f3c".to_owned(),
            name: text(),
            sees_people: true,
            runs_hub: true,
            sees_audit: true,
            decides: None,
        });
        for trust in &mut page.trusts {
            (trust.name, trust.version, trust.generation) = (text(), Some(text()), Some(text()));
        }
    });
    add::<TrustAdded>(&mut pages, |page| {
        (page.name, page.kit_text, page.kit_file_name, page.command) = (text(), text(), text(), text());
    });
    add::<Queries>(&mut pages, |page| {
        page.frame.version = text();
        for query in &mut page.queries {
            (query.name, query.by, query.at.relative) = (text(), text(), text());
            query.project = text();
        }
    });
    add::<QueryNew>(&mut pages, |page| {
        (page.name, page.sql, page.frame.version) = (text(), text(), text());
        page.projects.iter_mut().for_each(|choice| (choice.value, choice.name) = (text(), text()));
        if let Some(refusal) = &mut page.refusal {
            refusal.message = text();
        }
    });
    add::<Query>(&mut pages, |page| {
        (page.name, page.sql, page.by, page.project) = (text(), text(), text(), text());
        for row in &mut page.trusts {
            row.trust = text();
            page.freeze.trusts.iter_mut().for_each(|at| at.trust = text());
            if let Answer::Refused { message, .. } | Answer::Failed { why: message } = &mut row.answer {
                *message = text();
            }
        }
        for field in &mut page.fields {
            (field.chart.title, field.chart.unit) = (text(), text());
            field.chart.series.fill(text());
            field.chart.categories.iter_mut().for_each(|category| category.label = text());
            if let Some(line) = &mut field.line {
                (line.title, line.unit) = (text(), text());
                for panel in &mut line.panels {
                    (panel.series, panel.beside) = (text(), Some(text()));
                    panel.columns.iter_mut().for_each(|column| column.label = text());
                }
            }
        }
    });
    add::<Sticks>(&mut pages, |page| {
        page.said = Some(Said::Done(text()));
        page.makes.iter_mut().for_each(|make| make.name = text());
        for act in &mut page.acts {
            act.act = text();
            act.facts.iter_mut().for_each(|(name, value)| (*name, *value) = (text(), text()));
        }
    });
    add::<Trust>(&mut pages, |page| {
        (page.row.name, page.error, page.id) = (text(), Some(text()), text());
        page.concerns.fill(text());
        page.refused_messages.iter_mut().for_each(|counter| counter.reason = text());
    });
    add::<Audit>(&mut pages, |page| {
        (page.who, page.project, page.trust, page.from) = (text(), text(), text(), text());
        (page.until, page.error) = (text(), Some(text()));
        page.choices.iter_mut().for_each(|choice| (choice.name, choice.words) = (text(), text()));
        for (who, act) in &mut page.acts {
            (*who, act.act) = (text(), text());
            act.facts.push((text(), text()));
        }
    });
    add::<Hub>(&mut pages, |page| {
        (page.banner_text, page.banner_href, page.error) = (text(), text(), Some(text()));
        page.frame.notices.iter_mut().for_each(|notice| notice.text = text());
        if let Some(on) = &mut page.maintenance {
            (on.by, on.words) = (text(), text());
        }
    });
    add::<Projects>(&mut pages, |page| {
        page.words = text();
        page.frame.person = Some(SignedIn {
            once: "7f3c".to_owned(),
            name: text(),
            sees_people: true,
            runs_hub: true,
            sees_audit: true,
            decides: None,
        });
        for project in &mut page.projects {
            (project.name, project.description, project.owner) = (text(), text(), text());
        }
    });
    add::<ProjectNew>(&mut pages, |page| {
        (page.form.name, page.form.description, page.form.error) = (text(), text(), Some(text()));
    });
    add::<Project>(&mut pages, |page| {
        (page.name, page.description, page.owner) = (text(), text(), text());
        page.members = vec![text(), text()];
        page.error = page.error.as_ref().map(|_| text());
        page.query = page.query.as_ref().map(|_| (text(), "/queries/5".to_owned()));
        page.seats.iter_mut().for_each(|seat| hostile_seat(seat, &text()));
        if let Some(form) = &mut page.form {
            (form.name, form.description, form.members, form.error) = (text(), text(), text(), Some(text()));
        }
    });
    add::<People>(&mut pages, |page| {
        (page.search, page.form.name, page.form.email) = (text(), text(), text());
        page.form.error = Some(text());
        for person in &mut page.people {
            (person.name, person.email, person.role) = (text(), Some(text()), text());
        }
    });
    add::<Person>(&mut pages, |page| {
        (page.name, page.form.name, page.form.email) = (text(), text(), text());
        page.trust = page.trust.as_ref().map(|_| text());
        page.trusts.iter_mut().for_each(|one| one.name = text());
        (page.error, page.form.error) = (Some(text()), Some(text()));
        if let Some(LinkDelivery::HandOver { link, why }) = &mut page.delivery {
            (*link, *why) = (text(), Some(text()));
        }
    });
    add::<Models>(&mut pages, |page| {
        page.words = text();
        page.models.iter_mut().for_each(|model| hostile_model(model, &text()));
    });
    add::<ModelNew>(&mut pages, |page| {
        page.project = text();
        (page.form.name, page.form.description, page.form.error) = (text(), text(), Some(text()));
    });
    add::<Model>(&mut pages, |page| {
        hostile_model(&mut page.about, &text());
        page.error = Some(text());
        page.needs.iter_mut().for_each(|need| need.name = text());
        for file in &mut page.files {
            (file.name, file.by) = (text(), text());
            file.notes.iter_mut().for_each(|note| note.1 = text());
            match &mut file.state {
                FileState::Uploading { .. } => {}
                FileState::Quarantined { why } => *why = Some(text()),
                FileState::Clean { sha256 } => *sha256 = text(),
                FileState::Refused { why } | FileState::Failed { why } => *why = text(),
            }
        }
        if let Some(form) = &mut page.form {
            (form.name, form.description, form.error) = (text(), text(), Some(text()));
        }
    });
    add::<Mails>(&mut pages, |page| {
        (page.server, page.email, page.error) = (Some(text()), text(), Some(text()));
        page.mails
            .iter_mut()
            .for_each(|mail| (mail.to, mail.why, mail.link) = (text(), Some(text()), Some(text())));
    });
    add::<OneTimeLink>(&mut pages, |page| {
        page.error = Some(text());
        match &mut page.purpose {
            LinkPurpose::Invitation { name } | LinkPurpose::Reset { name } => *name = text(),
            LinkPurpose::SetUp { name, email } => (*name, *email) = (text(), text()),
        }
    });
    add::<AskAccess>(&mut pages, |page| {
        (page.name, page.email, page.reason, page.error) = (text(), text(), text(), Some(text()));
    });
    add::<Requests>(&mut pages, |page| {
        page.error = Some(text());
        for one in &mut page.requests {
            (one.name, one.email, one.reason) = (text(), text(), text());
            if let RequestState::Dismissed { why, .. } = &mut one.state {
                *why = text();
            }
        }
    });
    add::<Forgot>(&mut pages, |page| {
        page.mails = true;
        (page.email, page.error) = (text(), Some(text()));
    });
    add::<OwnPassword>(&mut pages, |page| {
        (page.name, page.error, page.changed) = (text(), Some(text()), false);
    });
    add::<GiveCode>(&mut pages, |page| (page.error, page.next) = (Some(text()), text()));
    add::<SetUpFactor>(&mut pages, |page| {
        (page.name, page.secret, page.uri, page.next) = (text(), text(), text(), text());
        page.error = Some(text());
    });
    add::<OwnFactor>(&mut pages, |page| page.error = Some(text()));
    add::<RecoveryCodes>(&mut pages, |page| page.codes = vec![text()]);
    add::<Tokens>(&mut pages, |page| {
        (page.name, page.days, page.error) = (text(), text(), Some(text()));
        page.made = page.made.as_ref().map(|_| text());
        page.tokens.iter_mut().for_each(|one| (one.name, one.used_from) = (text(), text()));
    });
    add::<ApiGuide>(&mut pages, |page| {
        page.address = text();
        for one in page.groups.iter_mut().flat_map(|group| &mut group.operations) {
            (one.summary, one.more, one.needs, one.curl) = (text(), text(), text(), text());
            one.parameters.iter_mut().for_each(|member| (member.name, member.words) = (text(), text()));
            one.answers.iter_mut().for_each(|answer| (answer.words, answer.example) = (text(), text()));
            one.refusals.iter_mut().for_each(|refusal| refusal.codes = vec![(text(), text())]);
        }
        for form in page.shapes.iter_mut().flat_map(|shape| &mut shape.forms) {
            form.words = text();
            form.members.iter_mut().for_each(|member| (member.name, member.kind.words) = (text(), text()));
        }
    });
    add::<Sessions>(&mut pages, |page| {
        page.sessions.iter_mut().for_each(|one| (one.address, one.browser) = (text(), text()));
    });
    add::<LinkDone>(&mut pages, |page| page.came = LinkCame::Chosen { name: text() });
    add::<Problem>(&mut pages, |page| (page.title, page.detail) = (text(), text()));
    add::<Site>(&mut pages, |page| {
        (page.name, page.hub_address) = (text(), text());
        page.orders.iter_mut().for_each(|order| order.name = text());
        page.refused_messages.iter_mut().for_each(|counter| counter.reason = text());
        page.attention.iter_mut().for_each(|one| (one.text, one.href) = (text(), "/logs".to_owned()));
    });
    add::<SiteAttack>(&mut pages, |page| {
        page.command = text();
        if let Some(report) = &mut page.report {
            (report.policy, report.at.relative) = (vec![text()], text());
            report.chart.title = text();
            report.chart.shares.iter_mut().for_each(|share| share.label = text());
            for row in &mut report.attackers {
                (row.name, row.does, row.secret) = (text(), text(), text());
            }
        }
    });
    add::<SiteOrders>(&mut pages, |page| {
        page.filter.words = text();
        for order in &mut page.orders {
            (order.name, order.kind) = (text(), text());
            if let Outcome::Refused { message, .. }
            | Outcome::Failed { why: message }
            | Outcome::NotFrozen { why: message, .. } = &mut order.outcome
            {
                *message = text();
            }
        }
    });
    add::<SiteOrder>(&mut pages, |page| {
        (page.order.name, page.order.sql) = (text(), text());
        page.exactly = page.exactly.as_ref().map(|_| text());
        if let Some(released) = &mut page.released {
            released.extract = text();
            for chart in &mut released.charts {
                chart.title = text();
                chart.series.fill(text());
                chart.categories.iter_mut().for_each(|category| category.label = text());
            }
        }
    });
    add::<SiteData>(&mut pages, |page| {
        (page.said, page.frame.site) = (Some(Said::Not(text())), Some(text()));
        page.notes.fill(text());
        for generation in &mut page.generations {
            (generation.name, generation.wrong, generation.pins) = (text(), Some(text()), vec![text()]);
            if let Some(described) = &mut generation.described {
                described.extract_date = text();
            }
        }
        if let Some(quality) = &mut page.quality {
            (quality.cdm_version, quality.vocabulary_version) = (Some(text()), Some(text()));
            quality.findings.iter_mut().for_each(|finding| finding.text = text());
            quality.measured.iter_mut().for_each(|one| (one.name, one.unit) = (text(), Some(text())));
            quality.completeness.iter_mut().for_each(|one| one.table = text());
            for range in quality.spans.iter_mut().flat_map(|spans| &mut spans.ranges) {
                range.label = text();
            }
        }
    });
    add::<Decisions>(&mut pages, |page| {
        page.error = Some(text());
        for case in page.waiting.iter_mut().chain(&mut page.decided) {
            (case.name, case.description, case.owner, case.query) = (text(), text(), text(), text());
            (case.sql, case.members) = (text(), vec![text()]);
            hostile_seat(&mut case.seat, &text());
        }
    });
    add::<ProjectHistory>(&mut pages, |page| {
        page.name = text();
        for question in &mut page.questions {
            (question.sql, question.row.name, question.row.by) = (text(), text(), text());
            question.changes.iter_mut().for_each(|change| change.line = text());
        }
    });
    add::<SiteProjects>(&mut pages, |page| {
        page.said = Some(Said::Done(text()));
        for project in &mut page.projects {
            (project.id, project.queries) = (text(), vec![text()]);
            if let Some((_, reason)) = &mut project.refused {
                *reason = text();
            }
        }
    });
    add::<SiteDisclosure>(&mut pages, |page| {
        page.frame.site = Some(text());
        for project in &mut page.projects {
            project.project = text();
        }
        for alert in &mut page.alerts {
            (alert.question, alert.earlier_question) = (text(), text());
            (alert.project, alert.earlier_project) = (text(), text());
        }
    });
    add::<SitePolicy>(&mut pages, |page| {
        page.file = text();
        page.settings.iter_mut().for_each(|one| (one.name, one.in_force) = (text(), text()));
    });
    add::<SiteAudit>(&mut pages, |page| {
        page.words = text();
        page.acts.iter_mut().for_each(|act| (act.act, act.facts) = (text(), vec![(text(), text())]));
    });
    add::<SiteLogs>(&mut pages, |page| {
        page.words = text();
        page.lines.iter_mut().for_each(|line| (line.part, line.text) = (text(), text()));
    });
    add::<SiteDoor>(&mut pages, |page| page.command = text());
    add::<SiteEntered>(&mut pages, |page| page.frame.site = Some(text()));
    add::<SiteFrozen>(&mut pages, |page| {
        page.said = Some(Said::Done(text()));
        page.unreadable.fill(text());
        for cohort in &mut page.cohorts {
            (cohort.title, cohort.sql, cohort.name) = (text(), text(), text());
        }
        page.tokens.iter_mut().for_each(|token| token.label = text());
        page.reads.iter_mut().for_each(|read| (read.by, read.what) = (text(), text()));
    });
    pages
}

fn hostile_model(model: &mut ModelRow, text: &str) {
    let text = || text.to_owned();
    (model.name, model.description, model.project) = (text(), text(), text());
    (model.job, model.made_by) = (text(), text());
}

fn add<P: Page>(pages: &mut Vec<(String, String)>, change: impl Fn(&mut P)) {
    for (index, mut page) in P::samples().into_iter().enumerate() {
        change(&mut page);
        let text = render(&page).unwrap_or_else(|error| panic!("{} {index}: {error:?}", P::TEMPLATE));
        pages.push((format!("{} {index}", P::TEMPLATE), text));
    }
}
