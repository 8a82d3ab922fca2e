//! The projects that the hub has asked about, and which of them are refused here.

use std::collections::BTreeMap;

use flip_storage::error_chain;
use flip_web::pages::{self as web, Moment};

use super::{frame, orders};
use crate::bounds;
use crate::clock;
use crate::frozen::Listed;
use crate::site::Site;

/// The page; `said` is what came of a change.
pub fn projects(site: &Site, said: Option<web::Said>) -> Result<web::SiteProjects, String> {
    let now = clock::now();
    // By the id; with each the place of its newest order, so that what was asked about last comes first.
    let mut found: BTreeMap<String, (usize, web::SiteProject)> = BTreeMap::new();
    for (place, order) in orders::all(site, now)?.into_iter().enumerate() {
        let Some(id) = order.project else { continue };
        let (_, project) = found.entry(id.clone()).or_insert_with(|| (place, of(id)));
        project.orders += 1;
        project.last.get_or_insert(order.at);
        if project.queries.len() < bounds::QUERIES_NAMED && !project.queries.contains(&order.name) {
            project.queries.push(order.name);
        }
    }
    for listed in site.frozen.list().map_err(|error| error_chain(&error))? {
        let Listed::Version(facts) = listed else { continue };
        let Some(id) = facts.project.filter(|_| facts.dropped.is_none()) else { continue };
        let (_, project) = found.entry(id.to_string()).or_insert_with(|| (usize::MAX, of(id.to_string())));
        project.frozen += 1;
        if project.queries.is_empty() {
            project.queries.push(facts.title);
        }
    }
    for (id, refusal) in site.refusals.all().map_err(|error| error_chain(&error))? {
        let (_, project) = found.entry(id.clone()).or_insert_with(|| (usize::MAX, of(id)));
        project.refused = Some((Moment::at(refusal.at.0, now.0), refusal.reason));
    }
    let mut projects: Vec<_> = found.into_values().collect();
    projects.sort_by_key(|(place, _)| *place);
    let projects = projects.into_iter().map(|(_, project)| project).collect();
    Ok(web::SiteProjects { frame: frame(site), said, projects })
}

fn of(id: String) -> web::SiteProject {
    web::SiteProject {
        orders_href: format!("/orders?words={}", orders::encoded(&id)),
        id,
        queries: Vec::new(),
        orders: 0,
        last: None,
        frozen: 0,
        refused: None,
    }
}
