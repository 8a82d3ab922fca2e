//! The pages that hub and appliance serve: templates, their typed contexts, charts and static files.
//!
//! What must stay true:
//! - a template is reachable only through its [`Page`] context, and every context carries samples of all its
//!   states, which the tests render;
//! - a page works without JavaScript, holds no inline script or style, and names no foreign origin, so that
//!   [`CONTENT_SECURITY_POLICY`] holds;
//! - an answer that is not a number is shown in words, never as a zero.
//!
//! Deliberately absent: routing, sessions, time (a [`pages::Moment`] comes with its words) and every other crate
//! of ours.
//!
//! The pages rely on these routes of the hub, and on no others:
//!
//! | route | what the pages expect |
//! |---|---|
//! | `GET /` | where the brand leads, for hub and appliance |
//! | `/assets/{file}` | [`asset`], for hub and appliance |
//! | `POST /sign-in` | fields `account`, `password`, `next` |
//! | `GET /sign-in/oidc` | the parameter `next`; where there is an identity provider |
//! | `POST /sign-out` | no fields |
//! | `GET /trusts`, `POST /trusts` | field `name` |
//! | `GET /queries`, `POST /queries` | parameter `project`; fields `name`, `sql`, `project` |
//! | `GET /queries/new` | the form |
//! | `GET /projects`, `POST /projects`, `GET /projects/new` | fields `name`, `description`; the form |
//! | `POST /projects/{project}/stage`, `…/unstage` | fields `trusts`, once for each |
//! | `POST /projects/{project}/trusts/{trust}/decision` | fields `query`, `decision` (`approve` or `decline`), `reason` |
//! | `GET /projects/{project}/queries`, `POST /queries/{query}/cancel` | a project's questions; no fields |
//! | `GET /sticks` | Sticks, at the hub and at a Trust |
//! | `GET /decisions` | My Trust, or what admins of the hub decide about |
//! | `GET /people`, `POST /people` | fields `name`, `role` |
//! | `POST /people/change` | fields `name`, `change` |
//! | `GET /trusts/{trust}` | one Trust; `POST` to `kit`, `keys`, `revoke`, `remove` below it, the last with field `name` |
//! | `GET /audit` | parameters `who`, `act`, `project`, `trust`, `from`, `until`, `before`, `check` |
//! | `GET /audit/export` | the same without the last two, and `format` (`csv` or `jsonl`) |
//! | `GET /hub` | the hub's own page |
//! | `POST /hub/banner` | fields `text`, `href` |
//! | `POST /hub/maintenance` | fields `mode` (`on` or `off`), `words` |
//! | `GET /people`, `POST /people` | parameters `search`, `state`, `after`; fields `name`, `email`, `role` |
//! | `GET`, `POST /people/{id}` | fields `name`, `email`, `role`; beneath it `disable`, `enable`, `reset`, `sign-out`, `second-factor/reset`, `unbind`, `invite`, `withdraw` without fields |
//! | `GET /people/mail`, `POST /people/mail/test` | field `email`; beneath each mail `send`, `forget` without fields |
//! | `GET /people/requests` | beneath each request `invite` with `name`, `role`; `dismiss` with `why` |
//! | `GET`, `POST /request-access` | fields `name`, `email`, `reason` |
//! | `GET`, `POST /forgot` | field `email` |
//! | `GET`, `POST /account/password` | fields `old`, `password`, `again` |
//! | `GET /account/sessions` | beneath it `end`, and `end` beneath each session, without fields |
//! | `GET`, `POST /account/tokens` | fields `name`, `days` and, of each ticked scope, its name; beneath each token `revoke` without fields |
//! | `GET`, `POST /second-factor` | parameter `next`; fields `code`, `now`, `next`; beneath it `code` with `code`, `next`; `recovery-codes` with `code` |
//! | `POST /link/{token}` | fields `name`, `email`, `password`, `again` |

mod asset;
pub mod chart;
mod page;
pub mod pages;
mod qr;
mod words;

pub use asset::{Asset, CONTENT_SECURITY_POLICY, asset};
pub use page::{Page, RenderError, render};
pub use words::{plural, thousands};
