//! What can be noted in the hub's audit: who did it, what they did, and on what.
//!
//! What must stay true: a deed holds ids, names, states and protected counts, never a secret or a value of a record;
//! [`crate::ledger`] notes it in the transaction that does it. Deliberately absent: hashes
//! ([`flip_storage::audit`]), and storing.

pub mod filter;
pub mod head;
pub mod written;

use std::fmt;

use flip_protocol::heads::{Carrier, SignedHead};
use flip_protocol::ident::ProjectId;
use flip_protocol::{MessageId, PartyId, UnixMillis};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ledger::once::Once;
use crate::model::{FileId, JobType, ModelId};
use crate::person::{PersonId, Role};

/// Who does something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub who: Who,
    /// When.
    pub at: UnixMillis,
    /// The key of their request, where it is to be carried out once.
    pub once: Option<Once>,
}

/// An API token as the audit names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Its id, which opens nothing.
    pub id: Uuid,
    /// What its owner calls it.
    pub name: String,
}

/// Who does something at the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Somebody who is signed in.
    Person {
        /// Their id.
        id: PersonId,
        /// Their sign-in name at that moment.
        name: String,
        /// The API token that they came with; `None` where they were signed in.
        token: Option<Token>,
    },
    /// Whoever runs the program's commands on the hub's machine.
    CommandLine,
    /// A Trust's appliance.
    Trust {
        /// The Trust.
        id: PartyId,
        /// Its name.
        name: String,
    },
    /// The hub of itself.
    Hub,
}

impl By {
    /// The command line.
    pub fn command_line(at: UnixMillis) -> Self {
        Self { who: Who::CommandLine, at, once: None }
    }

    /// The hub of itself.
    pub fn hub(at: UnixMillis) -> Self {
        Self { who: Who::Hub, at, once: None }
    }

    /// Their id, where it is somebody who is signed in.
    pub fn id(&self) -> Option<PersonId> {
        match &self.who {
            Who::Person { id, .. } => Some(*id),
            Who::CommandLine | Who::Trust { .. } | Who::Hub => None,
        }
    }

    /// A Trust's appliance.
    pub fn trust(id: PartyId, name: &str, at: UnixMillis) -> Self {
        Self { who: Who::Trust { id, name: name.to_owned() }, at, once: None }
    }

    /// A person.
    pub fn person(id: PersonId, name: &str, at: UnixMillis) -> Self {
        Self { who: Who::Person { id, name: name.to_owned(), token: None }, at, once: None }
    }

    /// The same person, with an API token of theirs.
    #[must_use]
    pub fn with_token(mut self, with: Option<Token>) -> Self {
        if let Who::Person { token, .. } = &mut self.who {
            *token = with;
        }
        self
    }
}

impl Who {
    /// Every kind, by its name in the facts of an act.
    pub const KINDS: [&str; 4] = ["person", "command_line", "trust", "hub"];

    fn facts(&self) -> Value {
        match self {
            Self::Person { id, name, token: None } => json!({ "kind": "person", "id": id, "name": name }),
            Self::Person { id, name, token } => {
                json!({ "kind": "person", "id": id, "name": name, "token": token })
            }
            Self::CommandLine => json!({ "kind": "command_line" }),
            Self::Trust { id, name } => json!({ "kind": "trust", "id": id, "name": name }),
            Self::Hub => json!({ "kind": "hub" }),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { name, .. } | Self::Trust { name, .. } => formatter.write_str(name),
            Self::CommandLine => formatter.write_str("the command line"),
            Self::Hub => formatter.write_str("the hub"),
        }
    }
}

macro_rules! deeds {
    ($($name:ident $act:ident $words:literal { $($fact:ident: $kind:ty),* $(,)? })*) => {
        /// Something that was done.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(missing_docs, reason = "a fact is named as in the audit, which docs/AUDIT.md lists")]
        pub enum Deed {
            $(#[doc = $words] $name { $($fact: $kind),* },)*
        }

        impl Deed {
            /// Every act: its name, what it is in words, and the names of its facts.
            pub const ALL: &[(&str, &str, &[&str])] = &[$((stringify!($act), $words, &[$(stringify!($fact)),*]),)*];

            /// The act's name, as the audit has it.
            pub fn act(&self) -> &'static str {
                match self { $(Self::$name { .. } => stringify!($act),)* }
            }

            /// The act's facts, with who did it.
            pub fn facts(&self, who: &Who) -> Value {
                match self {
                    $(Self::$name { $($fact),* } => {
                        json!({ "by": who.facts(), $(stringify!($fact): $fact),* })
                    })*
                }
            }
        }
    };
}

// Names of facts mean the same in every act: `person`, `project`, `trust`, `query` and `order` are ids, by which the
// audit is filtered; `…_name` is how the thing was called at that moment.
deeds! {
    HubMade            hub_made            "the hub was made" { hub: PartyId }
    HubStarted         hub_started         "the hub began to serve" { version: String }
    HubStopped         hub_stopped         "the hub was stopped" {}

    BannerShown        banner_shown        "put a banner up" { text: String, href: Option<String> }
    BannerTakenDown    banner_taken_down   "took the banner down" {}
    MaintenanceBegun   maintenance_begun   "began maintenance" { words: String }
    MaintenanceEnded   maintenance_ended   "ended maintenance" {}

    BackupMade         backup_made         "made a backup" { folder: String }
    HubRestored        hub_restored        "restored the hub from a backup" { backup_ms: UnixMillis, acts: u64 }

    AuditExported      audit_exported      "downloaded the audit" { format: String, filter: String }

    PasswordGiven      password_given      "gave their password, and their second factor is awaited" { session_until: UnixMillis }
    ProviderVouched    provider_vouched    "came from the identity provider, which vouches for them" { issuer: String, session_until: UnixMillis }
    SignedIn           signed_in           "signed in" { session_until: UnixMillis, second_factor: String }
    SignedOut          signed_out          "signed out" {}
    SessionsEnded      sessions_ended      "ended sessions" { person: PersonId, person_name: String, sessions: usize }

    PersonAdded        person_added        "added a person" { person: PersonId, person_name: String, role: Role }
    RoleChanged        role_changed        "gave a person a role" { person: PersonId, person_name: String, role: Role, before: Role }
    TrustAdminMade     trust_admin_made    "made a person a Trust's admin" { person: PersonId, person_name: String, trust: PartyId, trust_name: String }
    PersonDisabled     person_disabled     "kept a person out" { person: PersonId, person_name: String }
    PersonEnabled      person_enabled      "let a person in again" { person: PersonId, person_name: String }
    PersonEdited       person_edited       "gave a person another name or address" { person: PersonId, person_name: String, before: String, address_changed: bool }
    PasswordChanged    password_changed    "gave a person a password" { person: PersonId, person_name: String }
    PasswordReset      password_reset      "voided a person's password, and made them a link to choose another" { person: PersonId, person_name: String, link_until: UnixMillis }
    ResetLinkMade      reset_link_made     "made a link for who asked for a new password" { person: PersonId, person_name: String, link_until: UnixMillis }
    ResetAsked         reset_asked         "noted that somebody asked for a new password" {}
    SecondFactorEnrolled second_factor_enrolled "set up a second factor, and signed in with it" { person: PersonId, person_name: String }
    SecondFactorReset  second_factor_reset "took a person's second factor away" { person: PersonId, person_name: String }
    RecoveryCodesMade  recovery_codes_made "had other recovery codes made" { person: PersonId, person_name: String }
    IdentityBound      identity_bound      "was bound to who they are at the identity provider" { person: PersonId, person_name: String, issuer: String, subject: String }
    IdentityUnbound    identity_unbound    "unbound a person from who they are at the identity provider" { person: PersonId, person_name: String }
    IdentityRefused    identity_refused    "refused somebody whom the identity provider vouches for" { person: PersonId, person_name: String, issuer: String, subject: String, why: String }
    TokenMade          token_made          "made an API token" { person: PersonId, person_name: String, token: Uuid, token_name: String, scopes: String, token_until: UnixMillis }
    TokenRevoked       token_revoked       "made an API token void" { person: PersonId, person_name: String, token: Uuid, token_name: String }
    SetUpOpened        set_up_opened       "opened the set-up to its first visitor" { link_until: UnixMillis }

    PersonInvited      person_invited      "invited a person" { person: PersonId, person_name: String, role: Role, link_until: UnixMillis }
    InvitationWithdrawn invitation_withdrawn "took an invitation back" { person: PersonId, person_name: String }
    InvitationAccepted invitation_accepted "came in" { person: PersonId, person_name: String, role: Role }
    AccessAsked        access_asked        "took a request for access" { request: Uuid }
    AccessDismissed    access_dismissed    "dismissed a request for access" { request: Uuid, why: String }

    MailTested         mail_tested         "had a test of the mail sent" { mail: Uuid }
    MailSentAgain      mail_sent_again     "had a mail sent again" { mail: Uuid }
    MailForgotten      mail_forgotten      "had a mail forgotten" { mail: Uuid }

    ProjectMade        project_made        "made a project" { project: ProjectId, project_name: String }
    ProjectEdited      project_edited      "edited a project" { project: ProjectId, project_name: String, members: Vec<PersonId> }
    ProjectDeleted     project_deleted     "deleted a project" { project: ProjectId, project_name: String }

    ModelMade          model_made          "made a model" { project: ProjectId, model: ModelId, model_name: String, job_type: JobType }
    ModelEdited        model_edited        "edited a model" { project: ProjectId, model: ModelId, model_name: String, job_type: JobType }
    ModelDeleted       model_deleted       "deleted a model" { project: ProjectId, model: ModelId, model_name: String }
    FileOpened         file_opened         "began to bring a file" { project: ProjectId, model: ModelId, file: FileId, file_name: String, bytes: u64 }
    UploadResumed      upload_resumed      "went on bringing a file, by another link" { project: ProjectId, model: ModelId, file: FileId, file_name: String }
    UploadAbandoned    upload_abandoned    "gave up an upload that nobody went on with" { project: ProjectId, model: ModelId, file: FileId, file_name: String }
    FileBrought        file_brought        "brought a file to its last byte" { project: ProjectId, model: ModelId, file: FileId, file_name: String, bytes: u64 }
    FileScanned        file_scanned        "scanned a file" { project: ProjectId, model: ModelId, file: FileId, file_name: String, state: String, why: String, sha256: Option<String> }
    FileFetched        file_fetched        "made a link to fetch a file by" { project: ProjectId, model: ModelId, file: FileId, file_name: String }
    FileDeleted        file_deleted        "deleted a file" { project: ProjectId, model: ModelId, file: FileId, file_name: String }

    ProjectStaged      project_staged      "staged a project at Trusts" { project: ProjectId, query: Uuid, trusts: Vec<PartyId> }
    ProjectUnstaged    project_unstaged    "took a project out of Trusts, or of all that had not approved" { project: ProjectId, trusts: Vec<PartyId> }
    ProjectDecided     project_decided     "decided about a project for a Trust" { project: ProjectId, trust: PartyId, query: Uuid, verdict: String, capacity: String, reason: String }

    QueryAsked         query_asked         "asked a query" { project: ProjectId, query: Uuid, query_name: String, trusts: usize }
    QueryCancelled     query_cancelled     "cancelled a query" { project: ProjectId, query: Uuid, query_name: String, trusts: usize }
    DropOrdered        drop_ordered        "had frozen cohorts dropped" { project: ProjectId, query: Uuid, trust: PartyId }
    AnswersDownloaded  answers_downloaded  "downloaded a query's answers" { project: ProjectId, query: Uuid, query_name: String }
    FreezeOrdered      freeze_ordered      "ordered the freeze of a cohort" { project: ProjectId, query: Uuid, query_name: String, trusts: usize }
    OrderEnded         order_ended         "ended an order" { project: ProjectId, query: Uuid, order: MessageId, kind: String, trust: PartyId, state: String, persons: Option<u64> }

    TrustAdded         trust_added         "added a Trust" { trust: PartyId, trust_name: String, kit_until: UnixMillis }
    KitMade            kit_made            "made a Trust another kit" { trust: PartyId, trust_name: String, kit_until: UnixMillis }
    TrustEnrolled      trust_enrolled      "enrolled" { trust: PartyId, certificate_sha256: String, certificate_until: UnixMillis }
    KeysAsked          keys_asked          "asked a Trust for new keys" { trust: PartyId, trust_name: String }
    KeysReplaced       keys_replaced       "replaced its keys" { trust: PartyId, key: String, certificate_sha256: String, certificate_until: UnixMillis }
    TrustRevoked       trust_revoked       "made a Trust's keys void" { trust: PartyId, trust_name: String }
    TrustRemoved       trust_removed       "removed a Trust" { trust: PartyId, trust_name: String }
    TrustHeadKept      trust_head_kept     "kept the head of a Trust's audit log" { trust: PartyId, head: SignedHead, carrier: Carrier, late: bool }
    HeadContradicted   head_contradicted   "a head contradicts an audit" { trust: PartyId, whose: String, why: String, head: SignedHead }
    BundleMade         bundle_made         "made a bundle for a Trust" { trust: PartyId, bundle: MessageId, number: u64, orders: u32, bytes: u64 }
    BundleTaken        bundle_taken        "took in a Trust's bundle" { trust: PartyId, bundle: MessageId, number: u64, results: u32, bytes: u64 }
    BundleRefused      bundle_refused      "refused a bundle" { trust: Option<PartyId>, bundle: Option<MessageId>, reason: String }
    CertificateRenewed certificate_renewed "renewed its certificate" { trust: PartyId, certificate_sha256: String, certificate_until: UnixMillis }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_says_who_did_it_and_on_what() {
        let ben = PersonId::from_bytes([2; 16]);
        let deed = Deed::RoleChanged {
            person: ben,
            person_name: "ben".to_owned(),
            role: Role::Viewer,
            before: Role::Admin,
        };
        assert_eq!(deed.act(), "role_changed");
        let ada = By::person(PersonId::from_bytes([1; 16]), "ada", UnixMillis(5));
        let expected = json!({
            "by": { "kind": "person", "id": "01010101-0101-0101-0101-010101010101", "name": "ada" },
            "person": "02020202-0202-0202-0202-020202020202",
            "person_name": "ben",
            "role": "viewer",
            "before": "admin",
        });
        assert_eq!(deed.facts(&ada.who), expected);
        let token = Token { id: Uuid::from_bytes([3; 16]), name: "nightly".to_owned() };
        let by = deed.facts(&ada.with_token(Some(token)).who)["by"]["token"].clone();
        assert_eq!(by, json!({ "id": "03030303-0303-0303-0303-030303030303", "name": "nightly" }));
    }

    #[test]
    fn every_act_has_a_name_of_its_own_and_none_takes_the_place_of_who_did_it() {
        let mut names: Vec<&str> = Deed::ALL.iter().map(|(act, ..)| *act).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Deed::ALL.len());
        assert!(Deed::ALL.iter().all(|(_, _, facts)| !facts.contains(&"by")));
    }
}
