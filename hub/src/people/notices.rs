//! What everybody is to know, whichever page they look at: the banner, maintenance.

use std::cell::Cell;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use flip_web::pages::Notice;

use crate::hub::Hub;
use crate::ledger::settings::Settings;
use crate::people::session::Person;
use crate::person::Role;

tokio::task_local! {
    /// The notices of the request that is answered.
    static NOTICES: Vec<Notice>;
    /// How many projects wait for the decision of who asks.
    static WAITING: Cell<u64>;
}

/// Those of the request that is answered; none where it is not one for a page.
pub fn current() -> Vec<Notice> {
    NOTICES.try_with(Clone::clone).unwrap_or_default()
}

/// Of the page that is made: how many projects wait for its reader's decision.
pub fn waiting() -> u64 {
    WAITING.try_with(Cell::get).unwrap_or_default()
}

/// Looks how many projects wait for a Trust's admin, where their request is one for a page.
pub async fn note_waiting(hub: &Hub, person: &Person) {
    if person.role != Role::TrustAdmin || WAITING.try_with(|_| ()).is_err() {
        return;
    }
    // Without the ledger there is no page either.
    let waiting = hub.ledger.cases_waiting(person.id).await.unwrap_or_default();
    let _ = WAITING.try_with(|cell| cell.set(waiting));
}

/// Answers a request for a page with the notices of this moment at hand.
pub async fn around(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") || path.starts_with("/assets/") {
        return next.run(request).await;
    }
    // Without the ledger there is no page either, and what is wrong is said there.
    let settings = hub.ledger.settings().await.unwrap_or_default();
    NOTICES.scope(notices(settings), WAITING.scope(Cell::new(0), next.run(request))).await
}

fn notices(settings: Settings) -> Vec<Notice> {
    let maintenance = settings.maintenance.map(|on| Notice {
        warns: true,
        text: format!("Maintenance: no new work is taken. {}", on.words),
        href: None,
    });
    let banner = settings.banner.map(|banner| Notice { warns: false, text: banner.text, href: banner.href });
    maintenance.into_iter().chain(banner).collect()
}
