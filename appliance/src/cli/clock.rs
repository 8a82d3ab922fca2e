//! `flip-appliance clock`: what is known of the hub's clock, and forgetting it.
//!
//! A Trust that a network reaches needs none of it: the hub's own word puts right what was heard. By stick alone nothing
//! does, since a stick may be old; so a person must.

use anyhow::Context as _;
use flip_protocol::UnixMillis;
use flip_storage::audit::Audit;
use flip_storage::journal::Journal;
use serde_json::json;

use crate::clock;
use crate::place::Place;

/// Carries out `flip-appliance clock`.
pub(super) fn clock(place: &Place, forget: bool) -> anyhow::Result<()> {
    super::owner::is_this_user(place.folder())?;
    let journal = Journal::open(&place.journal())
        .context("the journal cannot be opened; stop the appliance first, which holds it while it runs")?;
    let now = clock::now();
    say!("This machine's clock says {} UTC.", clock::readable(now));
    let Some((heard, _)) = journal.heard()? else {
        say!("Nothing was heard of the hub's clock.");
        return Ok(());
    };
    say!(
        "The newest moment that was heard of the hub's clock is {} UTC.",
        clock::readable(UnixMillis(heard))
    );
    if forget {
        // Before it is done: what is forgotten is in the audit.
        Audit::new(&place.audit()).append(now.0, "hub_clock_forgotten", json!({ "heard": heard }))?;
        journal.set_heard(None)?;
        say!(
            "It is forgotten. Until a bundle or the hub tells another, this machine's clock alone is believed."
        );
    } else if heard > now.0 {
        say!(
            "One of them is wrong. If it was the hub's, and is set right there: flip-appliance clock --forget"
        );
    }
    Ok(())
}
