//! Every page rendered from its samples.

use flip_web::{
    Page,
    pages::{
        ApiGuide, AskAccess, Audit, Decisions, Forgot, GiveCode, GoOn, Hub, LinkDone, Mails, Model, ModelNew,
        Models, OneTimeLink, OwnFactor, OwnPassword, People, Person, Problem, Project, ProjectHistory,
        ProjectNew, Projects, Queries, Query, QueryNew, RecoveryCodes, Requests, Sessions, SetUpFactor,
        SignIn, SignedOut, Site, SiteAttack, SiteAudit, SiteData, SiteDisclosure, SiteDoor, SiteEntered,
        SiteFrozen, SiteLogs, SiteOrder, SiteOrders, SitePolicy, SiteProjects, Sticks, Tokens, Trust,
        TrustAdded, Trusts,
    },
    render,
};

/// Every page, rendered from each of its samples, with its name.
pub fn all_samples() -> Vec<(String, String)> {
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

/// Renders each sample of a page, changed so.
pub fn add<P: Page>(pages: &mut Vec<(String, String)>, change: impl Fn(&mut P)) {
    for (index, mut page) in P::samples().into_iter().enumerate() {
        change(&mut page);
        let text = render(&page).unwrap_or_else(|error| panic!("{} {index}: {error:?}", P::TEMPLATE));
        pages.push((format!("{} {index}", P::TEMPLATE), text));
    }
}
