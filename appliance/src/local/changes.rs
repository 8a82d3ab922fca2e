//! What people at the Trust change in the local console.
//!
//! What must stay true: what was changed is in the audit log; every change leads back to its page, which says what came
//! of it once, so that loading a page again changes nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::Form;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use flip_protocol::MessageId;
use flip_protocol::ident::ProjectId;
use flip_storage::error_chain;
use flip_web::pages::Said;
use serde::Deserialize;
use serde_json::json;

use super::{Here, Local, at_work, failed, session};
use crate::bounds;
use crate::clock;
use crate::data::{GenerationsError, Verdict, facts};
use crate::frozen::Again;
use crate::run;

/// How often an order that is being ended is looked at.
const ENDING_LOOK: Duration = Duration::from_millis(20);
#[derive(Deserialize)]
pub(super) struct Chosen {
    generation: String,
}

#[derive(Deserialize)]
pub(super) struct Order {
    order: String,
}

#[derive(Deserialize)]
pub(super) struct Cohort {
    cohort: String,
}

#[derive(Deserialize)]
pub(super) struct Refused {
    project: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
pub(super) struct Allowed {
    project: String,
}

#[derive(Deserialize)]
pub(super) struct Revoked {
    token: String,
}

impl Local {
    /// Back to the page of a change, which says what came of it: loading it again changes nothing again.
    fn back(&self, headers: &HeaderMap, page: &str, said: Said) -> Response {
        if let Some(session) = session(headers) {
            self.door.say(session, said, clock::now());
        }
        Redirect::to(page).into_response()
    }

    /// As [`Self::back`], with a change that was made written into the audit log.
    fn changed(
        &self,
        headers: &HeaderMap,
        page: &str,
        changed: Result<(&str, serde_json::Value, String), String>,
    ) -> Response {
        let said = match changed {
            Ok((act, facts, said)) => {
                // It was done all the same, and a page that failed would say that it was not.
                match self.site.audit.append(clock::now().0, act, facts) {
                    Ok(_) => Said::Done(said),
                    Err(error) => {
                        let error = error_chain(&error);
                        tracing::error!(act, error, "the audit log failed");
                        Said::Not(format!("{said} But the audit log could not be written: {error}."))
                    }
                }
            }
            Err(why) => Said::Not(why),
        };
        self.back(headers, page, said)
    }
}

/// Puts a kept generation in use, after reading its whole file.
pub(super) async fn use_data(State(local): Here, headers: HeaderMap, Form(chosen): Form<Chosen>) -> Response {
    at_work(local, move |local| {
        let generations = &local.site.generations;
        // Where it cannot be told, that is what this mends.
        let before = generations.current_name();
        // Where it finds damage, the generation cannot be used.
        let used = generations.verify(&chosen.generation, &mut |_| {}).and_then(|verdict| {
            let name = generations.use_again(&chosen.generation)?.name;
            let sound = verdict == Verdict::Sound;
            let mut facts = facts::used(&name, &before);
            facts["sound"] = json!(sound);
            facts["by"] = json!("console");
            let how = if sound { "it is what was ingested" } else { "it has no hash to know it by" };
            Ok(("data_used", facts, format!("{name} is in use from the next question on; {how}.")))
        });
        let used = used.map_err(|error: GenerationsError| {
            format!("Nothing was put in use; {}: {}.", generations.left_in_use(), error_chain(&error))
        });
        local.changed(&headers, "/data", used)
    })
    .await
}

/// Deletes a generation.
pub(super) async fn drop_data(
    State(local): Here,
    headers: HeaderMap,
    Form(chosen): Form<Chosen>,
) -> Response {
    at_work(local, move |local| {
        let name = chosen.generation;
        let dropped = local.site.generations.drop_one(&name).map(|()| {
            let facts = json!({ "generation": name, "by": "console" });
            ("data_dropped", facts, format!("{name} was dropped."))
        });
        local.changed(&headers, "/data", dropped.map_err(|error| error_chain(&error)))
    })
    .await
}

/// Ends the order that runs, and shows its page: it says what came of it, also where it had ended by itself.
pub(super) async fn end_order(State(local): Here, Form(chosen): Form<Order>) -> Response {
    let site = &local.site;
    let Ok(order) = chosen.order.parse::<MessageId>() else {
        return Redirect::to("/orders").into_response();
    };
    if site.end(order) {
        let facts = json!({ "order": order, "by": "console" });
        if let Err(error) = site.audit.append(clock::now().0, "order_ended_here", facts) {
            return failed(&error_chain(&error));
        }
        let looks = bounds::ENDING.as_millis() / ENDING_LOOK.as_millis();
        for _ in 0..looks {
            if site.is_running(order).is_none() {
                break;
            }
            tokio::time::sleep(ENDING_LOOK).await;
        }
    }
    Redirect::to(&format!("/orders/{order}")).into_response()
}

/// Freezes a cohort anew on the data in use; one at a time.
pub(super) async fn freeze_again(
    State(local): Here,
    headers: HeaderMap,
    Form(chosen): Form<Cohort>,
) -> Response {
    let Ok(permit) = Arc::clone(&local.freezing).try_acquire_owned() else {
        let why = "A cohort is being frozen again already; try again once it is there.";
        return local.back(&headers, "/frozen", Said::Not(why.to_owned()));
    };
    at_work(local, move |local| {
        let _permit = permit;
        let site = &local.site;
        let again = Again {
            store: &site.frozen,
            generations: &site.generations,
            audit: &site.audit,
            threshold: site.desk.policy().threshold(),
            engine: run::engine_of(&site.config),
            cancel: site.cancel.clone(),
        };
        let said = match again.freeze(&chosen.cohort, "console") {
            Ok(facts) => Said::Done(format!("{} is frozen, on {}.", facts.name, facts.extract.generation)),
            Err(error) => Said::Not(error_chain(&error)),
        };
        local.back(&headers, "/frozen", said)
    })
    .await
}

/// Deletes who is in a frozen cohort.
pub(super) async fn drop_frozen(
    State(local): Here,
    headers: HeaderMap,
    Form(chosen): Form<Cohort>,
) -> Response {
    at_work(local, move |local| {
        let site = &local.site;
        let dropped = site.frozen.named(&chosen.cohort).and_then(|name| {
            site.frozen.drop_one(&site.generations, &name, "console", clock::now())?;
            let facts = json!({ "cohort": name.to_string(), "by": "console" });
            let said = format!("{name} was dropped: who was in it is no longer kept here.");
            Ok(("cohort_dropped", facts, said))
        });
        local.changed(&headers, "/frozen", dropped.map_err(|error| error_chain(&error)))
    })
    .await
}

/// Ends a token, and the reads under way with it.
pub(super) async fn revoke_token(
    State(local): Here,
    headers: HeaderMap,
    Form(chosen): Form<Revoked>,
) -> Response {
    at_work(local, move |local| {
        let revoked = local.site.tokens.revoke(&chosen.token, clock::now()).map(|token| {
            let facts = json!({ "token": token.id, "label": token.label, "by": "console" });
            let said = format!("The token {} is revoked; reads under way with it end.", token.id);
            ("token_revoked", facts, said)
        });
        local.changed(&headers, "/frozen", revoked.map_err(|error| error_chain(&error)))
    })
    .await
}

/// Refuses a project's orders from now on.
pub(super) async fn refuse_project(
    State(local): Here,
    headers: HeaderMap,
    Form(chosen): Form<Refused>,
) -> Response {
    at_work(local, move |local| {
        let reason: String = chosen.reason.trim().chars().take(bounds::REASON_CHARACTERS).collect();
        let refused = project_of(&chosen.project).and_then(|project| {
            let now = clock::now();
            local.site.refusals.refuse(project, &reason, now).map_err(|error| error_chain(&error))?;
            let facts = json!({ "project": project, "reason": reason, "by": "console" });
            let said = format!("The project {project} is refused here: its orders get no answer.");
            Ok(("project_refused", facts, said))
        });
        local.changed(&headers, "/projects", refused)
    })
    .await
}

/// Lets a project's orders in again.
pub(super) async fn allow_project(
    State(local): Here,
    headers: HeaderMap,
    Form(chosen): Form<Allowed>,
) -> Response {
    at_work(local, move |local| {
        let allowed = project_of(&chosen.project).and_then(|project| {
            if !local.site.refusals.allow(project).map_err(|error| error_chain(&error))? {
                return Err(format!("The project {project} was not refused here."));
            }
            let facts = json!({ "project": project, "by": "console" });
            let said = format!("The project {project} is let in again, as far as the policy goes.");
            Ok(("project_allowed", facts, said))
        });
        local.changed(&headers, "/projects", allowed)
    })
    .await
}

fn project_of(text: &str) -> Result<ProjectId, String> {
    text.parse().map_err(|_| "That is no project; use the buttons of this page.".to_owned())
}
