//! Every code of a problem that people and their programs meet: the one list.
//!
//! What must stay true: a code means one thing and comes with one status; what was released stays. The gate's codes
//! ([`flip_gate::Code`]) come beside them, where a question is not let in. Deliberately absent: what appliances meet at
//! the sites listener (docs/PROTOCOL.md).

use axum::http::StatusCode;

macro_rules! codes {
    ($($name:ident $code:ident $status:ident $why:literal)*) => {
        /// A code of a problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $why] $name,)*
        }

        impl Code {
            /// In the order of the docs.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What programs look at.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($code),)* }
            }

            /// The status that it comes with.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// Why, in words.
            pub fn why(self) -> &'static str {
                match self { $(Self::$name => $why,)* }
            }
        }
    };
}

#[rustfmt::skip]
codes! {
    BadJson             bad_json               BAD_REQUEST            "the body is not JSON"
    BadForm             bad_form               BAD_REQUEST            "a form of the console is not as it was handed out"
    BadParameter        bad_parameter          BAD_REQUEST            "a parameter of the address, such as `wait_s`, is not right"
    BadRange            bad_range              BAD_REQUEST            "`Content-Range` is not understood, or does not fit the upload or the body"
    BadKey              bad_key                BAD_REQUEST            "an `Idempotency-Key` is 1 to 100 visible ASCII characters without spaces"
    CutShort            cut_short              BAD_REQUEST            "the request's body broke off"
    SignIn              sign_in                UNAUTHORIZED           "no token, or it has ended"
    BadToken            bad_token              UNAUTHORIZED           "an API token that is mistyped, revoked, over, or whose owner was kept out"
    OutOfScope          out_of_scope           FORBIDDEN              "none of your token's scopes opens this, or no scope does"
    WrongNameOrPassword wrong_name_or_password FORBIDDEN              "as it says"
    SecondFactorNeeded  second_factor_needed   FORBIDDEN              "the password was right, and the second factor has to come first"
    CrossSite           cross_site             FORBIDDEN              "a browser's cookie came with a request from another site"
    Forbidden           forbidden              FORBIDDEN              "your role, or your place in the project, does not let you"
    OwnAdmin            own_admin              FORBIDDEN              "that Trust has an admin of its own, who alone decides for it"
    NotYourTrust        not_your_trust         FORBIDDEN              "you decide for another Trust"
    NotFound            not_found              NOT_FOUND              "nothing here, or nothing that you may know of"
    BadMethod           bad_method             METHOD_NOT_ALLOWED     "not with this method; `Allow` names those that there are"
    TooSlow             too_slow               REQUEST_TIMEOUT        "the request took longer than a minute to arrive or to be answered"
    ProjectDeleted      project_deleted        CONFLICT               "the project was deleted; nothing in it changes any more"
    NameTaken           name_taken             CONFLICT               "somebody, or another Trust, has that name"
    EmailTaken          email_taken            CONFLICT               "somebody has that address"
    HasCome             has_come               CONFLICT               "they have come already, and are not invited any more"
    Invited             invited                CONFLICT               "they have not come yet: invite them again, or take the invitation back"
    Disabled            disabled               CONFLICT               "they are disabled; enable them first"
    Oneself             oneself                CONFLICT               "not to oneself"
    LastAdmin           last_admin             CONFLICT               "they are the only admin who can sign in"
    SignedIn            signed_in              CONFLICT               "you are signed in already"
    NoSecondFactor      no_second_factor       CONFLICT               "there is no second factor"
    NotBound            not_bound              CONFLICT               "the identity provider vouches for nobody as them"
    HasSecondFactor     has_second_factor      CONFLICT               "you have a second factor; show it to set up another"
    FactorUnreadable    factor_unreadable      CONFLICT               "the hub cannot read your second factor; a recovery code still works"
    TooManyTokens       too_many_tokens        CONFLICT               "you have 20 API tokens that work"
    Handled             handled                CONFLICT               "somebody has dealt with the request already"
    NoMail              no_mail                CONFLICT               "this hub sends no mail"
    NoKeys              no_keys                CONFLICT               "the Trust has no keys that could be replaced"
    NoBundle            no_bundle              CONFLICT               "no bundle could be made or taken in; the text says why"
    NoAddress           no_address             CONFLICT               "a Trust cannot be added: the hub does not know its own address ([OPERATING](OPERATING.md))"
    NoTrusts            no_trusts              CONFLICT               "no Trust is enrolled yet"
    NothingToCancel     nothing_to_cancel      CONFLICT               "every Trust's share of the query has come to its end"
    NothingToFreeze     nothing_to_freeze      CONFLICT               "no Trust that you decide for has approved the project with this query"
    ProjectClosed       project_closed         CONFLICT               "the project is staged or approved: nothing is asked in it, and its name and description stay"
    StaleEdition        stale_edition          CONFLICT               "it was changed after you looked at it; the text says how it is now, and which edition to send to put yours in its place"
    ProjectNotApproved  project_not_approved   CONFLICT               "models are made once the first Trust has approved the project"
    TooManyModels       too_many_models        CONFLICT               "the project has 100 models"
    TooManyFiles        too_many_files         CONFLICT               "the model has 100 files"
    QuotaOfModel        quota_of_model         CONFLICT               "the files of the model would have more than 20 GiB together"
    WrongOffset         wrong_offset           CONFLICT               "other bytes of the upload are next; the text says which"
    UploadBusy          upload_busy            CONFLICT               "another request brings the file"
    UploadComplete      upload_complete        CONFLICT               "all bytes of the upload are here"
    FileNotClean        file_not_clean         CONFLICT               "only a file that was found clean can be fetched"
    NoQuery             no_query               CONFLICT               "nothing was asked in the project yet"
    NotUsable           not_usable             CONFLICT               "the project cannot be staged at a Trust that you named; the text says why, for each"
    AlreadyStaged       already_staged         CONFLICT               "the project is staged there already"
    NotStaged           not_staged             CONFLICT               "the project is not staged there, or not any more"
    AlreadyDecided      already_decided        CONFLICT               "that Trust has decided; the text says what, and who"
    OtherQuery          other_query            CONFLICT               "the project was staged anew with another query since you looked"
    LinkOver            link_over              GONE                   "the link's time is over, or its file is gone, or you may not use it any more"
    FileTooLarge        file_too_large         PAYLOAD_TOO_LARGE      "a file has at most 5 GiB"
    MoreThanSaid        more_than_said         PAYLOAD_TOO_LARGE      "more bytes came than the request said"
    NoSuchRange         no_such_range          RANGE_NOT_SATISFIABLE  "the file has no such bytes"
    UnderWay            under_way              CONFLICT               "a request with this `Idempotency-Key` is under way; send it again in a moment"
    ShownOnce           shown_once             CONFLICT               "a request with this `Idempotency-Key` was carried out, and what it answered is shown once; the text says what was done"
    AnswerLost          answer_lost            CONFLICT               "a request with this `Idempotency-Key` was carried out, and the hub went down before its answer was kept; the text says what was done"
    TooLarge            too_large              PAYLOAD_TOO_LARGE      "the request is over 256 KiB"
    NotJson             not_json               UNSUPPORTED_MEDIA_TYPE "send `Content-Type: application/json`"
    NotAForm            not_a_form             UNSUPPORTED_MEDIA_TYPE "the console's pages take forms"
    BadBody             bad_body               UNPROCESSABLE_ENTITY   "JSON, and not what is expected here; a field that is not known is named"
    KeyReused           key_reused             UNPROCESSABLE_ENTITY   "the `Idempotency-Key` was another request's of yours within the last day"
    BadName             bad_name               UNPROCESSABLE_ENTITY   "the name is empty, over 120 characters, or has characters that do not show"
    BadEmail            bad_email              UNPROCESSABLE_ENTITY   "not an e-mail address"
    BadRole             bad_role               UNPROCESSABLE_ENTITY   "no such role"
    NoTrust             no_trust               UNPROCESSABLE_ENTITY   "who is an admin of a Trust is one of some Trust"
    BadReason           bad_reason             UNPROCESSABLE_ENTITY   "no reason where one is needed, or one that is too long"
    BadMember           bad_member             UNPROCESSABLE_ENTITY   "a member's name is not usable"
    NoSuchPerson        no_such_person         UNPROCESSABLE_ENTITY   "a project's member is to be somebody without an account"
    TooManyMembers      too_many_members       UNPROCESSABLE_ENTITY   "over 100 members"
    BadDescription      bad_description        UNPROCESSABLE_ENTITY   "over 250 characters, or with characters that do not show"
    BadPassword         bad_password           UNPROCESSABLE_ENTITY   "the detail says what is wrong with it"
    WrongPassword       wrong_password         UNPROCESSABLE_ENTITY   "the old password is wrong"
    WrongCode           wrong_code             UNPROCESSABLE_ENTITY   "the code of the second factor is wrong"
    CodeNeeded          code_needed            UNPROCESSABLE_ENTITY   "you have a second factor: send a `code` of it too"
    CodeUsed            code_used              UNPROCESSABLE_ENTITY   "the code was used already; each is good once"
    BadScope            bad_scope              UNPROCESSABLE_ENTITY   "no such scope, or none"
    BadDays             bad_days               UNPROCESSABLE_ENTITY   "not 1 to 365 days"
    BadNotice           bad_notice             UNPROCESSABLE_ENTITY   "the banner's or maintenance's words or link are not usable"
    BadFilter           bad_filter             UNPROCESSABLE_ENTITY   "what is looked for in the audit is not right"
    BadState            bad_state              UNPROCESSABLE_ENTITY   "people have no such state"
    BadMode             bad_mode               UNPROCESSABLE_ENTITY   "a switch of the console was neither on nor off"
    NameDiffers         name_differs           UNPROCESSABLE_ENTITY   "type the name of the Trust or project that is to be gone"
    NoneChosen          none_chosen            UNPROCESSABLE_ENTITY   "no Trust is named"
    BadJobType          bad_job_type           UNPROCESSABLE_ENTITY   "there is no such job type; the text names those that there are"
    BadFileName         bad_file_name          UNPROCESSABLE_ENTITY   "a file's name has letters, digits, dots, hyphens and underscores, and an ending that is let in"
    BadSha256           bad_sha256             UNPROCESSABLE_ENTITY   "a SHA-256 is 64 hexadecimal digits"
    EmptyFile           empty_file             UNPROCESSABLE_ENTITY   "the file has no bytes"
    NoSuchTrust         no_such_trust          UNPROCESSABLE_ENTITY   "no Trust has that id"
    TooMany             too_many               TOO_MANY_REQUESTS      "too many strangers ask; `Retry-After` says when to try again"
    TooManyStreams      too_many_streams       TOO_MANY_REQUESTS      "eight streams of events of yours are open, or 500 of all people; close one, or come again"
    TooManyTries        too_many_tries         TOO_MANY_REQUESTS      "too many wrong passwords or codes; wait as long as `Retry-After` says"
    NoAuditHead         no_audit_head          INTERNAL_SERVER_ERROR  "the audit's head that was written aside cannot be read"
    TooManySignIns      too_many_sign_ins      SERVICE_UNAVAILABLE    "64 people wait to sign in already; try again in a moment"
    Maintenance         maintenance            SERVICE_UNAVAILABLE    "the hub takes no new work for now; the text says what its administrator wrote"
    ArtefactsAway       artefacts_away         SERVICE_UNAVAILABLE    "the hub cannot read or write files now"
    HubFull             hub_full               INSUFFICIENT_STORAGE   "the hub has no room for the file"
    TryAgain            try_again              SERVICE_UNAVAILABLE    "the hub is too busy; `Retry-After` says when"
}

impl Code {
    /// Seconds after which to try again, where that can help.
    pub fn retry_after_s(self) -> Option<u32> {
        match self.status() {
            StatusCode::TOO_MANY_REQUESTS if self == Self::TooManyStreams => Some(15),
            StatusCode::TOO_MANY_REQUESTS => Some(600),
            StatusCode::SERVICE_UNAVAILABLE if self == Self::Maintenance => Some(60),
            StatusCode::SERVICE_UNAVAILABLE => Some(2),
            StatusCode::CONFLICT if self == Self::UnderWay => Some(1),
            _ => None,
        }
    }
}

/// The status that a code of the gate comes with.
pub fn status_of_gate(code: flip_gate::Code) -> StatusCode {
    if code == flip_gate::Code::TooLong {
        StatusCode::PAYLOAD_TOO_LARGE
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_means_one_thing() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        names.extend(flip_gate::Code::ALL.map(flip_gate::Code::name));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "{names:?}");
    }
}
