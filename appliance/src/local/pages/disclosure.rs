//! What was let out in all.

use flip_storage::error_chain;
use flip_web::pages::{self as web, Moment};

use super::frame;
use crate::bounds;
use crate::clock;
use crate::desk::{Alert, WEEK_MS};
use crate::site::Site;

/// Budgets, quotas and alerts.
pub fn disclosure(site: &Site) -> Result<web::SiteDisclosure, String> {
    let now = clock::now();
    let desk = &site.desk;
    let policy = desk.policy();
    let mut projects = desk.ledger().projects(now.minus(WEEK_MS).0).map_err(|error| error_chain(&error))?;
    projects.sort_by_key(|(_, asked)| std::cmp::Reverse(*asked));
    let persons =
        site.generations.current().ok().flatten().map(|generation| generation.manifest.rows("person"));
    let budgets = if policy.is_exact() {
        None
    } else {
        let charged = desk.ledger().persons_charged().map_err(|error| error_chain(&error))?;
        let spent = desk.ledger().spent(policy.units_max()).map_err(|error| error_chain(&error))?;
        Some(web::Budgets { persons: persons.flatten(), charged, left_out: spent.len() })
    };
    let alerts = desk.alerts(bounds::PAGE_ROWS).map_err(|error| error_chain(&error))?;
    let alike = |alert: Alert| web::Alike {
        at: Moment::at(alert.at.0, now.0),
        project: alert.project,
        question: alert.question,
        earlier_at: Moment::at(alert.earlier_at.0, now.0),
        earlier_project: alert.earlier_project,
        earlier_question: alert.earlier_question,
        differ: alert.differ,
        alike: alert.alike,
    };
    Ok(web::SiteDisclosure {
        frame: frame(site),
        budgets,
        quota: policy.questions_weekly(),
        projects: projects.into_iter().map(|(project, asked)| web::ProjectUse { project, asked }).collect(),
        alerts: alerts.into_iter().map(alike).collect(),
    })
}
