//! What each route that changes something is used with, and the act that it leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flip_tests::questions::EVERYONE;
use serde_json::{Value, json};

/// The routes that change something: every one but those of GET.
pub(super) fn changing() -> Result<Vec<[String; 2]>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no root")?;
    let page = fs::read_to_string(root.join("docs/PERMISSIONS.md"))?;
    let routes = page.lines().filter_map(|line| {
        let (method, path) = line.strip_prefix("| `")?.split_once('`')?.0.split_once(' ')?;
        (method != "GET").then(|| [method.to_owned(), path.to_owned()])
    });
    let routes: Vec<_> = routes.collect();
    ensure!(routes.len() > 15, "too few routes: {routes:?}");
    Ok(routes)
}

/// Changing routes that rightly leave no act, and why.
pub(super) const WITHOUT: [(&str, &str); 0] = [];

pub(super) enum Body {
    None,
    Json(Value),
    Form(&'static str),
    WithFile,
}

/// Of every changing route the act that it leaves, and what is sent to it once. A route that is neither here nor in
/// [`WITHOUT`] fails the test.
pub(super) fn uses() -> BTreeMap<&'static str, (&'static str, Body)> {
    use Body::{Form, Json, None, WithFile};
    let password = "correct horse battery staple";
    BTreeMap::from([
        ("POST /api/v1/session", ("signed_in", Json(json!({ "name": "ada", "password": password })))),
        ("DELETE /api/v1/session", ("signed_out", None)),
        ("POST /api/v1/trusts", ("trust_added", Json(json!({ "name": "One" })))),
        ("POST /api/v1/trusts/{trust}/kit", ("kit_made", None)),
        ("POST /api/v1/trusts/{trust}/keys", ("keys_asked", None)),
        ("POST /api/v1/trusts/{trust}/revoke", ("trust_revoked", None)),
        ("POST /api/v1/trusts/{trust}/remove", ("trust_removed", Json(json!({ "name": "Oldbridge" })))),
        ("POST /trusts/{trust}/kit", ("kit_made", Form(""))),
        ("POST /trusts/{trust}/keys", ("keys_asked", Form(""))),
        ("POST /trusts/{trust}/revoke", ("trust_revoked", Form(""))),
        ("POST /trusts/{trust}/remove", ("trust_removed", Form("name=Oldbridge"))),
        ("POST /api/v1/projects", ("project_made", Json(json!({ "name": "Lungs" })))),
        (
            "PUT /api/v1/projects/{project}",
            (
                "project_edited",
                Json(json!({ "edition": 1, "name": "Lungs", "description": "", "members": ["ada"] })),
            ),
        ),
        ("DELETE /api/v1/projects/{project}", ("project_deleted", None)),
        ("POST /api/v1/projects/{project}/stage", ("project_staged", Json(json!({ "trusts": ["{trust}"] })))),
        ("POST /api/v1/projects/{project}/unstage", ("project_unstaged", Json(json!({})))),
        (
            "POST /api/v1/projects/{project}/trusts/{trust}/decision",
            ("project_decided", Json(json!({ "query": "{query}", "decision": "approve" }))),
        ),
        ("POST /api/v1/queries/{query}/cancel", ("query_cancelled", Json(json!({})))),
        ("POST /api/v1/queries", ("query_asked", Json(json!({ "name": "All", "sql": EVERYONE })))),
        ("POST /api/v1/queries/{query}/freeze", ("freeze_ordered", Json(json!({})))),
        ("PUT /api/v1/hub/banner", ("banner_shown", Json(json!({ "text": "Hello", "href": "" })))),
        ("PUT /api/v1/hub/maintenance", ("maintenance_ended", Json(json!({ "on": false, "words": "" })))),
        ("POST /sign-in", ("signed_in", Form("account=ada&password=correct+horse+battery+staple&next=/"))),
        ("POST /sign-out", ("signed_out", Form(""))),
        ("POST /trusts", ("trust_added", Form("name=Two"))),
        ("POST /queries", ("query_asked", Form("name=All&sql=SELECT+person_id+FROM+omop.person&project="))),
        ("POST /queries/{query}/freeze", ("freeze_ordered", Form(""))),
        ("POST /projects", ("project_made", Form("name=Hearts&description="))),
        (
            "POST /projects/{project}",
            ("project_edited", Form("edition=1&name=Hearts&description=&members=ada")),
        ),
        ("POST /projects/{project}/delete", ("project_deleted", Form("name=For+this+route"))),
        (
            "POST /api/v1/people",
            ("person_invited", Json(json!({ "name": "b", "email": "b@a.example", "role": "viewer" }))),
        ),
        (
            "PUT /api/v1/people/{person}",
            ("person_edited", Json(json!({ "name": "Another B", "email": "b@c.example", "role": "viewer" }))),
        ),
        ("PUT /api/v1/people/{person}/trust", ("trust_admin_made", Json(json!({ "trust": "{trust}" })))),
        ("POST /people/{person}/trust", ("trust_admin_made", Form("trust={trust}"))),
        ("DELETE /api/v1/people/{person}", ("invitation_withdrawn", None)),
        ("POST /api/v1/people/{person}/disable", ("person_disabled", None)),
        ("POST /api/v1/people/{person}/enable", ("person_enabled", None)),
        ("POST /api/v1/people/{person}/reset", ("password_reset", None)),
        ("POST /api/v1/people/{person}/invite", ("person_invited", None)),
        ("POST /api/v1/second-factor", ("second_factor_enrolled", Json(json!({ "code": "{code}" })))),
        ("POST /api/v1/second-factor/code", ("signed_in", Json(json!({ "code": "{code}" })))),
        (
            "POST /api/v1/second-factor/recovery-codes",
            ("recovery_codes_made", Json(json!({ "code": "{code}" }))),
        ),
        ("POST /api/v1/people/{person}/second-factor/reset", ("second_factor_reset", None)),
        ("POST /api/v1/people/{person}/unbind", ("identity_unbound", None)),
        ("POST /people/{person}/unbind", ("identity_unbound", Form(""))),
        ("POST /second-factor", ("second_factor_enrolled", Form("code={code}&now=&next="))),
        ("POST /second-factor/code", ("signed_in", Form("code={code}&next="))),
        ("POST /second-factor/recovery-codes", ("recovery_codes_made", Form("code={code}"))),
        ("POST /people/{person}/second-factor/reset", ("second_factor_reset", Form(""))),
        ("DELETE /api/v1/sessions", ("sessions_ended", None)),
        ("DELETE /api/v1/sessions/{session}", ("sessions_ended", None)),
        ("POST /api/v1/people/{person}/sign-out", ("sessions_ended", None)),
        ("POST /account/sessions/end", ("sessions_ended", Form(""))),
        ("POST /account/sessions/{session}/end", ("sessions_ended", Form(""))),
        ("POST /people/{person}/sign-out", ("sessions_ended", Form(""))),
        ("POST /api/v1/tokens", ("token_made", Json(json!({ "name": "x", "scopes": ["read"] })))),
        ("DELETE /api/v1/tokens/{id}", ("token_revoked", None)),
        ("POST /account/tokens", ("token_made", Form("name=x&days=7&read=on"))),
        ("POST /account/tokens/{id}/revoke", ("token_revoked", Form(""))),
        ("PUT /api/v1/password", ("password_changed", Json(json!({ "old": password, "new": NEW })))),
        ("POST /api/v1/password/forgot", ("reset_asked", Json(json!({ "email": "a@site.example" })))),
        (
            "POST /api/v1/access-requests",
            ("access_asked", Json(json!({ "name": "x", "email": "x@y.example", "reason": "Lungs" }))),
        ),
        (
            "POST /api/v1/access-requests/{request}/invite",
            ("person_invited", Json(json!({ "role": "viewer" }))),
        ),
        (
            "POST /api/v1/access-requests/{request}/dismiss",
            ("access_dismissed", Json(json!({ "why": "no" }))),
        ),
        ("POST /api/v1/mail/test", ("mail_tested", Json(json!({ "email": "a@site.example" })))),
        ("POST /api/v1/mail/{mail}/send", ("mail_sent_again", None)),
        ("DELETE /api/v1/mail/{mail}", ("mail_forgotten", None)),
        ("POST /people", ("person_invited", Form("name=c&email=c@a.example&role=viewer"))),
        ("POST /people/mail/test", ("mail_tested", Form("email=a@site.example"))),
        ("POST /people/mail/{mail}/send", ("mail_sent_again", Form(""))),
        ("POST /people/mail/{mail}/forget", ("mail_forgotten", Form(""))),
        ("POST /people/requests/{request}/invite", ("person_invited", Form("name=Asked&role=viewer"))),
        ("POST /people/requests/{request}/dismiss", ("access_dismissed", Form("why=no"))),
        ("POST /people/{person}", ("person_edited", Form("name=Another+C&email=&role=viewer"))),
        ("POST /people/{person}/disable", ("person_disabled", Form(""))),
        ("POST /people/{person}/enable", ("person_enabled", Form(""))),
        ("POST /people/{person}/reset", ("password_reset", Form(""))),
        ("POST /people/{person}/invite", ("person_invited", Form(""))),
        ("POST /people/{person}/withdraw", ("invitation_withdrawn", Form(""))),
        ("POST /forgot", ("reset_asked", Form("email=a@site.example"))),
        (
            "POST /account/password",
            (
                "password_changed",
                Form(
                    "old=correct+horse+battery+staple&password=nine+grey+herons+inland&again=nine+grey+herons+inland",
                ),
            ),
        ),
        ("POST /request-access", ("access_asked", Form("name=z&email=z@y.example&reason=Lungs"))),
        (
            "POST /link/{token}",
            ("invitation_accepted", Form("password=nine+grey+herons+inland&again=nine+grey+herons+inland")),
        ),
        ("POST /projects/{project}/stage", ("project_staged", Form("trusts={trust}"))),
        ("POST /projects/{project}/unstage", ("project_unstaged", Form("trusts={trust}"))),
        (
            "POST /projects/{project}/trusts/{trust}/decision",
            ("project_decided", Form("query={query}&decision=decline&reason=no")),
        ),
        ("POST /queries/{query}/cancel", ("query_cancelled", Form(""))),
        (
            "POST /api/v1/projects/{project}/models",
            ("model_made", Json(json!({ "name": "Nodules", "job_type": "flower-standard" }))),
        ),
        (
            "PUT /api/v1/models/{model}",
            ("model_edited", Json(json!({ "edition": 1, "name": "Nodules", "job_type": "flower-standard" }))),
        ),
        ("DELETE /api/v1/models/{model}", ("model_deleted", None)),
        (
            "POST /projects/{project}/models",
            ("model_made", Form("name=Nodules&description=&job_type=flower-standard")),
        ),
        (
            "POST /models/{model}",
            ("model_edited", Form("edition=1&name=Nodules&description=&job_type=flower-standard")),
        ),
        ("POST /models/{model}/delete", ("model_deleted", Form(""))),
        (
            "POST /api/v1/models/{model}/files",
            ("file_opened", Json(json!({ "name": "models.py", "bytes": 3 }))),
        ),
        ("POST /api/v1/models/{model}/files/{file}/link", ("upload_resumed", None)),
        ("DELETE /api/v1/models/{model}/files/{file}", ("file_deleted", None)),
        ("POST /models/{model}/files/{file}/delete", ("file_deleted", Form(""))),
        ("PUT /uploads/{token}", ("file_brought", Json(json!({})))),
        ("POST /uploads/models/{model}", ("file_brought", WithFile)),
        ("POST /uploads/sticks", ("bundle_refused", WithFile)),
        ("POST /trusts/{trust}/bundle", ("bundle_made", Form(""))),
        ("POST /hub/banner", ("banner_taken_down", Form("text=&href="))),
        ("POST /hub/maintenance", ("maintenance_begun", Form("mode=on&words=soon"))),
    ])
}

const NEW: &str = "nine grey herons inland";
