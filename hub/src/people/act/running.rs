//! Running the hub: the banner, and maintenance.

use std::sync::Arc;

use crate::bounds;
use crate::hub::{self, Hub};
use crate::ledger::settings::{Banner, Open, Settings};
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};

/// The settings and how many orders have not ended.
pub async fn show(_: &May<acts::RunHub>, hub: &Hub) -> Result<(Settings, Open), ApiProblem> {
    Ok((hub.ledger.settings().await?, hub.ledger.open_orders().await?))
}

/// Puts the banner up; an empty text takes it down.
pub async fn set_banner(
    may: &May<acts::RunHub>,
    hub: &Hub,
    text: &str,
    href: &str,
) -> Result<(), ApiProblem> {
    let (text, href) = (plain(text)?, href.trim());
    if text.is_empty() && !href.is_empty() {
        return Err(unusable("a link without a text leads nobody anywhere; write a text"));
    }
    let leads_on = |href: &str| {
        let rest = href.strip_prefix("https://");
        rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_graphic()))
            && href.len() <= bounds::BANNER_HREF_BYTES
    };
    if !href.is_empty() && !leads_on(href) {
        return Err(unusable("the link must be an https:// address of at most 500 characters"));
    }
    let href = (!href.is_empty()).then(|| href.to_owned());
    let banner = (!text.is_empty()).then(|| Banner { text: text.to_owned(), href });
    hub.ledger.set_banner(may.by(), banner).await?;
    tracing::info!(by = may.person().name, "the banner was changed");
    Ok(())
}

/// Begins maintenance with what people are told; or ends it, and what was held back goes out.
pub async fn set_maintenance(
    may: &May<acts::RunHub>,
    hub: &Arc<Hub>,
    on: bool,
    words: &str,
) -> Result<(), ApiProblem> {
    let words = plain(words)?.to_owned();
    hub.ledger.set_maintenance(may.by(), on.then_some(words)).await?;
    tracing::info!(on, by = may.person().name, "maintenance");
    if !on {
        for trust in hub.ledger.trusts().await? {
            hub.presence.announce_work(trust.id);
        }
    }
    Ok(())
}

/// That new work is taken: not during maintenance.
pub async fn takes_work(hub: &Hub) -> Result<(), ApiProblem> {
    let Some(on) = hub.ledger.settings().await?.maintenance else { return Ok(()) };
    let title = "The hub is in maintenance and takes no new work.";
    Err(ApiProblem::new(Code::Maintenance, title).detail(if on.words.is_empty() {
        "nothing was stored; try again later".to_owned()
    } else {
        format!("nothing was stored; {}", on.words)
    }))
}

fn plain(text: &str) -> Result<&str, ApiProblem> {
    hub::check_notice(text).map_err(unusable)
}

fn unusable(why: &str) -> ApiProblem {
    ApiProblem::new(Code::BadNotice, "The notice is not usable.").detail(why)
}
