//! Pages of what was refused or failed, and the way back for who was signed out meanwhile.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use flip_web::pages as web;

use super::{local_path, pages, sentence, shown};
use crate::hub::Hub;
use crate::people::session::Person;
use crate::problem::{ApiProblem, Code};
use crate::uri::escaped;

/// Makes a page of a problem outside the API. Who is not signed in is led to the sign-in page and back, who has not given
/// their second factor to the page for that.
pub(in crate::people) async fn pages_of_problems(
    State(hub): State<Arc<Hub>>,
    request: Request,
    next: Next,
) -> Response {
    let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<ApiProblem>() else { return response };
    if for_programs(uri.path(), &headers) {
        return response;
    }
    let is_signed_out = problem.status() == StatusCode::UNAUTHORIZED;
    if is_signed_out || problem.0.code == Code::SecondFactorNeeded.name() {
        // What a page sent has no page of its own to come back to.
        let was_sent = method != Method::GET;
        let from = if was_sent { sent_from(&headers, &uri) } else { Some(uri) };
        let page = from.and_then(|uri| uri.path_and_query().map(ToString::to_string)).unwrap_or_default();
        let to = if is_signed_out { "/sign-in" } else { "/second-factor" };
        let lost = if is_signed_out && was_sent { "&lost=1" } else { "" };
        return Redirect::to(&format!("{to}?next={}{lost}", escaped(local_path(&page)))).into_response();
    }
    let person = Person::of_cookie(&hub, &headers).await.ok();
    let mut page = problem_page(person.as_ref(), problem);
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
}

/// The page that a form was sent from. A question that was refused is shown at the address that it was sent to; who comes
/// back finds the list there, and the form elsewhere.
fn sent_from(headers: &HeaderMap, to: &Uri) -> Option<Uri> {
    let page: Uri = headers.get(header::REFERER)?.to_str().ok()?.parse().ok()?;
    let is_question = [&page, to].iter().all(|uri| uri.path() == "/queries");
    Some(if is_question { Uri::from_static("/queries/new") } else { page })
}

/// True where whoever asks wants no page: the API, and links to files, which pages lead to and programs follow.
fn for_programs(path: &str, headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    path.starts_with("/api/")
        || path.starts_with("/uploads/") && !path.starts_with("/uploads/models/")
        || path.starts_with("/downloads/") && !accepts.contains("text/html")
}

fn problem_page(person: Option<&Person>, problem: &ApiProblem) -> Response {
    let page = web::Problem {
        frame: pages::frame(person),
        status: problem.0.status,
        title: problem.0.title.clone(),
        detail: sentence(&if problem.0.code == Code::BadMethod.name() {
            "this address only takes what a button of a page sends; go back to that page, and press it there"
                .to_owned()
        } else {
            problem.0.detail.clone().unwrap_or_default()
        }),
    };
    problem.with_page(shown(&page))
}
