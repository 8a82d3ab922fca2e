//! The samples with hostile text in them.

use flip_web::pages::{
    Answer, ApiGuide, AskAccess, Audit, Decisions, FileState, Forgot, GiveCode, GoOn, Hub, LinkCame,
    LinkDelivery, LinkDone, LinkPurpose, Mails, Model, ModelNew, ModelRow, Models, OneTimeLink, Outcome,
    OwnFactor, OwnPassword, People, Person, Problem, Project, ProjectHistory, ProjectNew, Projects,
    ProviderWay, Queries, Query, QueryNew, RecoveryCodes, RequestState, Requests, Said, Seat, Sessions,
    SetUpFactor, SignIn, SignedIn, SignedOut, Site, SiteAttack, SiteAudit, SiteData, SiteDisclosure,
    SiteDoor, SiteEntered, SiteFrozen, SiteLogs, SiteOrder, SiteOrders, SitePolicy, SiteProjects, StickCame,
    Sticks, Tokens, Trust, TrustAdded, Trusts,
};

use crate::samples::add;

/// The samples with `text` wherever a person or another machine may have written.
pub fn all_samples_with(text: &str) -> Vec<(String, String)> {
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
        page.frame.person = Some(signed_in(text()));
        for trust in &mut page.trusts {
            (trust.name, trust.version, trust.generation) = (text(), Some(text()), Some(text()));
        }
    });
    add::<TrustAdded>(&mut pages, |page| {
        (page.name, page.kit_text, page.kit_file_name, page.command) = (text(), text(), text(), text());
    });
    add::<Queries>(&mut pages, |page| {
        (page.frame.version, page.search) = (text(), text());
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
        page.undivided.iter_mut().for_each(|trust| *trust = text());
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
        page.came = vec![StickCame { file: Some(text()), ..StickCame::just_now(Said::Done(text())) }];
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
        (page.words, page.sort) = (text(), text());
        page.frame.person = Some(signed_in(text()));
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
    add::<LinkDone>(&mut pages, |page| match &mut page.came {
        LinkCame::Chosen { name, .. } | LinkCame::SetUp { name, .. } => *name = text(),
        // It names nobody.
        gone @ LinkCame::Gone { .. } => *gone = LinkCame::Chosen { name: text(), sets_factor_up: true },
    });
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
        (page.name, page.search) = (text(), text());
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

/// Who sees everything, under that name.
fn signed_in(name: String) -> SignedIn {
    SignedIn {
        once: "7f3c".to_owned(),
        name,
        sees_people: true,
        runs_hub: true,
        sees_audit: true,
        decides: None,
    }
}

fn hostile_seat(seat: &mut Seat, text: &str) {
    text.clone_into(&mut seat.trust);
    seat.why_not = seat.why_not.as_ref().map(|_| text.to_owned());
    seat.drift = seat.drift.as_ref().map(|_| text.to_owned());
    if let Some(made) = seat.staged.as_mut().and_then(|staged| staged.decision.as_mut()) {
        (made.by, made.reason) = (text.to_owned(), text.to_owned());
    }
}

fn hostile_model(model: &mut ModelRow, text: &str) {
    let text = || text.to_owned();
    (model.name, model.description, model.project) = (text(), text(), text());
    (model.job, model.made_by) = (text(), text());
}
