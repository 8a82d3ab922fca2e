//! The one way from a context to HTML.
//!
//! What must stay true: an undefined name is an error, not an empty string; everything a context holds is escaped,
//! save the SVG that [`crate::chart`] and [`crate::qr`] made.

use std::{fmt, sync::LazyLock};

use minijinja::{
    AutoEscape, Environment, UndefinedBehavior,
    syntax::SyntaxConfig,
    value::{Serde, Value},
};
use serde::Serialize;

use crate::{asset, chart, pages, qr, words};

/// A page's context: the only key to its template.
pub trait Page: Serialize {
    /// The template's file name under `templates/`.
    const TEMPLATE: &'static str;

    /// Contexts that together show every state of the page.
    fn samples() -> Vec<Self>
    where
        Self: Sized;
}

/// The page as an HTML document.
pub fn render<P: Page>(page: &P) -> Result<String, RenderError> {
    ENVIRONMENT
        .get_template(P::TEMPLATE)
        .and_then(|template| template.render(Value::from(Serde(page))))
        .map_err(|source| RenderError { template: P::TEMPLATE, source })
}

/// A template asked for something that its context does not have: a fault of this crate.
#[derive(Debug)]
pub struct RenderError {
    template: &'static str,
    source: minijinja::Error,
}

impl fmt::Display for RenderError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the page template {} could not be rendered", self.template)
    }
}

impl std::error::Error for RenderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Every template there is, by file name.
const TEMPLATES: &[(&str, &str)] = &[
    ("account_parts.html", include_str!("../templates/account_parts.html")),
    ("audit.html", include_str!("../templates/audit.html")),
    ("api_guide.html", include_str!("../templates/api_guide.html")),
    ("ask_access.html", include_str!("../templates/ask_access.html")),
    ("base.html", include_str!("../templates/base.html")),
    ("sticks.html", include_str!("../templates/sticks.html")),
    ("decisions.html", include_str!("../templates/decisions.html")),
    ("give_code.html", include_str!("../templates/give_code.html")),
    ("go_on.html", include_str!("../templates/go_on.html")),
    ("signed_out.html", include_str!("../templates/signed_out.html")),
    ("hub.html", include_str!("../templates/hub.html")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("forgot.html", include_str!("../templates/forgot.html")),
    ("link.html", include_str!("../templates/link.html")),
    ("link_done.html", include_str!("../templates/link_done.html")),
    ("mail.html", include_str!("../templates/mail.html")),
    ("own_factor.html", include_str!("../templates/own_factor.html")),
    ("own_password.html", include_str!("../templates/own_password.html")),
    ("people.html", include_str!("../templates/people.html")),
    ("people_parts.html", include_str!("../templates/people_parts.html")),
    ("person.html", include_str!("../templates/person.html")),
    ("problem.html", include_str!("../templates/problem.html")),
    ("project.html", include_str!("../templates/project.html")),
    ("project_history.html", include_str!("../templates/project_history.html")),
    ("file_parts.html", include_str!("../templates/file_parts.html")),
    ("model.html", include_str!("../templates/model.html")),
    ("model_new.html", include_str!("../templates/model_new.html")),
    ("model_parts.html", include_str!("../templates/model_parts.html")),
    ("models.html", include_str!("../templates/models.html")),
    ("project_new.html", include_str!("../templates/project_new.html")),
    ("project_parts.html", include_str!("../templates/project_parts.html")),
    ("projects.html", include_str!("../templates/projects.html")),
    ("recovery_codes.html", include_str!("../templates/recovery_codes.html")),
    ("requests.html", include_str!("../templates/requests.html")),
    ("queries.html", include_str!("../templates/queries.html")),
    ("query.html", include_str!("../templates/query.html")),
    ("query_new.html", include_str!("../templates/query_new.html")),
    ("seat_parts.html", include_str!("../templates/seat_parts.html")),
    ("sessions.html", include_str!("../templates/sessions.html")),
    ("set_up_factor.html", include_str!("../templates/set_up_factor.html")),
    ("sign_in.html", include_str!("../templates/sign_in.html")),
    ("site.html", include_str!("../templates/site.html")),
    ("site_disclosure.html", include_str!("../templates/site_disclosure.html")),
    ("site_attack.html", include_str!("../templates/site_attack.html")),
    ("site_audit.html", include_str!("../templates/site_audit.html")),
    ("site_data.html", include_str!("../templates/site_data.html")),
    ("site_frozen.html", include_str!("../templates/site_frozen.html")),
    ("site_door.html", include_str!("../templates/site_door.html")),
    ("site_entered.html", include_str!("../templates/site_entered.html")),
    ("site_logs.html", include_str!("../templates/site_logs.html")),
    ("site_order.html", include_str!("../templates/site_order.html")),
    ("site_orders.html", include_str!("../templates/site_orders.html")),
    ("site_parts.html", include_str!("../templates/site_parts.html")),
    ("site_policy.html", include_str!("../templates/site_policy.html")),
    ("site_projects.html", include_str!("../templates/site_projects.html")),
    ("tokens.html", include_str!("../templates/tokens.html")),
    ("trust.html", include_str!("../templates/trust.html")),
    ("trust_added.html", include_str!("../templates/trust_added.html")),
    ("trusts.html", include_str!("../templates/trusts.html")),
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters are valid"));
    environment.add_filter("thousands", words::thousands);
    environment.add_filter("plural", words::plural);
    environment.add_filter("absolute", words::absolute);
    environment.add_filter("skew", words::skew);
    environment.add_filter("duration", words::duration);
    environment.add_filter("bytes", words::bytes);
    environment.add_filter("browser", words::browser);
    environment.add_filter("lines", |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>());
    environment.add_filter("spot", |sql: &str, place: Serde<pages::Place>| {
        words::spot(sql, place.0).map_or(Value::from(()), |spot| Value::from(Serde(spot)))
    });
    environment.add_filter(
        "headline",
        |answers: Serde<Vec<pages::TrustAnswer>>, persons: Option<u64>, margin: Option<u64>| {
            pages::headline_parts(&answers, persons, margin)
        },
    );
    environment.add_filter("three_digits", words::three_digits);
    environment.add_filter("combined", |tally: Serde<pages::Tally>| Value::from(Serde(tally.combined())));
    environment.add_filter("bars", |chart: Serde<chart::Chart>| Value::from_safe_string(chart::bars(&chart)));
    environment.add_filter("columns", |line: Serde<chart::NumberLine>| {
        Value::from_safe_string(chart::columns(&line))
    });
    environment
        .add_filter("ranges", |chart: Serde<chart::Ranges>| Value::from_safe_string(chart::ranges(&chart)));
    environment
        .add_filter("shares", |chart: Serde<chart::Shares>| Value::from_safe_string(chart::shares(&chart)));
    environment
        .add_filter("topology", |of: Serde<chart::Topology>| Value::from_safe_string(chart::topology(&of)));
    environment.add_filter("qr", |text: &str| Value::from_safe_string(qr::svg(text)));
    environment.add_filter("labelled_directly", |chart: Serde<chart::Chart>| chart.labelled_directly());
    environment.add_function("asset_href", asset::href);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source).expect("the embedded templates parse: a test renders each");
    }
    environment
});
