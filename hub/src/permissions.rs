//! Who may do what: the one table. [`decide`] reads it; `people::may` asks it for every request.
//!
//! What must stay true: who may not know of a thing hears that there is nothing; a cell that cannot come up lets
//! nobody in. Deliberately absent: how it is found out who somebody is and which project a request is about.

use crate::person::Role;

/// What the table says of one act and one kind of person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// May.
    May,
    /// May see that it is there, and may not do it: 403.
    Forbidden,
    /// Is not to know of it: 404, as if it were not there.
    Hidden,
    /// Has to sign in first: 401.
    SignIn,
    /// Has to give their second factor first, or set one up: 403, `second_factor_needed`.
    SecondFactor,
    /// Cannot come up: the act is not one in a project.
    Never,
}

const YES: Cell = Cell::May;
const NO: Cell = Cell::Forbidden;
const GONE: Cell = Cell::Hidden;
const SIGN: Cell = Cell::SignIn;
const NONE: Cell = Cell::Never;

/// What a signed-in person is to a project. Of a deleted project everybody is a stranger but admins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Its owner, whatever their role became since.
    Owner,
    /// Admin of a Trust that it is staged at, and not its owner: nobody decides about a project of their own.
    Decider,
    /// Listed in it.
    Member,
    /// None of these. Also where an act is in no project.
    Stranger,
}

/// The table's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// An admin, whatever the project.
    Admin,
    /// The project's owner.
    Owner,
    /// A researcher who is a member of it.
    MemberResearcher,
    /// A viewer, or a Trust's admin, who is a member of it.
    MemberViewer,
    /// A Trust's admin, of a project that is staged at their Trust.
    Decider,
    /// Any other researcher.
    Researcher,
    /// Any other viewer.
    Viewer,
    /// Any other Trust's admin.
    TrustAdmin,
    /// Who is not signed in.
    Nobody,
    /// Who has given their password, and whose second factor is awaited. Of them [`BEFORE_SECOND_FACTOR`] speaks.
    Half,
}

/// The columns that an act has cells for.
const COLUMNS: usize = Column::ALL.len() - 1;

impl Column {
    /// In the table's order.
    pub const ALL: [Self; 10] = [
        Self::Admin,
        Self::Owner,
        Self::MemberResearcher,
        Self::MemberViewer,
        Self::Decider,
        Self::Researcher,
        Self::Viewer,
        Self::TrustAdmin,
        Self::Nobody,
        Self::Half,
    ];

    /// The column of a signed-in person.
    pub fn of(role: Role, relation: Relation) -> Self {
        match (role, relation) {
            (Role::Admin, _) => Self::Admin,
            (Role::Researcher | Role::Viewer | Role::TrustAdmin, Relation::Owner) => Self::Owner,
            (Role::TrustAdmin, Relation::Decider) => Self::Decider,
            (Role::Researcher, Relation::Member) => Self::MemberResearcher,
            (Role::Viewer | Role::TrustAdmin, Relation::Member) => Self::MemberViewer,
            // Who is no Trust's admin decides for none.
            (Role::Researcher, Relation::Decider | Relation::Stranger) => Self::Researcher,
            (Role::Viewer, Relation::Decider | Relation::Stranger) => Self::Viewer,
            (Role::TrustAdmin, Relation::Stranger) => Self::TrustAdmin,
        }
    }
}

/// All that somebody may do who has given their password, and not their second factor yet.
pub const BEFORE_SECOND_FACTOR: [Act; 3] = [Act::Enter, Act::KeepSession, Act::SecondFactor];

/// What a token opens, as far as its owner may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Looking at Trusts, projects, queries, answers and decisions.
    Read,
    /// Asking and cancelling.
    Ask,
    /// Making, changing, staging and deciding about projects.
    Projects,
    /// Running the hub: Trusts, maintenance, mail; looking at people and the audit.
    Hub,
}

impl Scope {
    /// In the table's order.
    pub const ALL: [Self; 4] = [Self::Read, Self::Ask, Self::Projects, Self::Hub];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Ask => "ask",
            Self::Projects => "projects",
            Self::Hub => "hub",
        }
    }

    /// What it opens, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Read => "look at Trusts, projects, queries and answers",
            Self::Ask => "put questions, and cancel them",
            Self::Projects => "make, change, stage and decide about projects and models",
            Self::Hub => "run the hub; look at people, mail and the audit",
        }
    }

    /// The acts that it opens. What is one's own account, and what changes people, is in none.
    pub fn acts(self) -> &'static [Act] {
        match self {
            Self::Read => &[
                Act::SeeLists,
                Act::SeeTrusts,
                Act::SeeProject,
                Act::SeeAnswers,
                Act::SeeDecisions,
                Act::SeeModels,
                Act::FetchFiles,
            ],
            Self::Ask => &[Act::Ask],
            Self::Projects => &[
                Act::MakeProject,
                Act::EditProject,
                Act::DeleteProject,
                Act::StageProject,
                Act::UnstageProject,
                Act::Decide,
                Act::Freeze,
                Act::ChangeModels,
            ],
            Self::Hub => &[
                Act::AddTrust,
                Act::ManageTrusts,
                Act::CarrySticks,
                Act::RunHub,
                Act::SeePeople,
                Act::SeeMail,
                Act::ManageMail,
                Act::SeeAudit,
            ],
        }
    }
}

/// The scopes of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes([bool; Scope::ALL.len()]);

/// The text names no scope.
#[derive(Debug, thiserror::Error)]
#[error("a scope is read, ask, projects or hub")]
pub struct NoScope;

impl Scopes {
    /// Whether they open an act.
    pub fn open(self, act: Act) -> bool {
        self.iter().any(|scope| scope.acts().contains(&act))
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    /// Those that there are.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0[*scope as usize])
    }
}

impl std::str::FromStr for Scopes {
    type Err = NoScope;

    fn from_str(text: &str) -> Result<Self, NoScope> {
        let mut scopes = Self::default();
        for name in text.split_whitespace() {
            let scope = Scope::ALL.into_iter().find(|scope| scope.name() == name).ok_or(NoScope)?;
            scopes.0[scope as usize] = true;
        }
        Ok(scopes)
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.iter().map(Scope::name).collect::<Vec<_>>().join(" "))
    }
}

/// What the table says.
pub fn decide(act: Act, column: Column) -> Cell {
    match act.row().get(column as usize) {
        Some(cell) => *cell,
        None if BEFORE_SECOND_FACTOR.contains(&act) => Cell::May,
        None => Cell::SecondFactor,
    }
}

/// An act as a type, so that a proof of one is no proof of another.
pub trait Is: Send + Sync + 'static {
    /// The act.
    const ACT: Act;
}

macro_rules! acts {
    ($($name:ident $words:literal [$($cell:ident),* $(,)?])*) => {
        /// What can be done at the hub.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Act {
            $(#[doc = $words] $name,)*
        }

        impl Act {
            /// In the table's order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name, as in the route table.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it is, in words.
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }

            fn row(self) -> [Cell; COLUMNS] {
                match self { $(Self::$name => [$($cell),*],)* }
            }
        }

        /// Each act as a type.
        pub mod acts {
            $(#[doc = $words] pub struct $name;
              impl super::Is for $name { const ACT: super::Act = super::Act::$name; })*
        }
    };
}

#[rustfmt::skip]
acts! {
    //                                                                            admin owner member member staged other other other nobody
    //                                                                                  whatever research viewer at-own research viewer trust-admin
    Enter           "see that it is there; sign in; ask to come in; follow a link" [YES, NONE, NONE, NONE, NONE, YES, YES, YES, YES]
    KeepSession     "see and end one's own session"                                [YES, NONE, NONE, NONE, NONE, YES, YES, YES, SIGN]
    SecondFactor    "give one's second factor, or set one up"                      [YES, NONE, NONE, NONE, NONE, YES, YES, YES, SIGN]
    OwnAccount      "change one's own password and recovery codes"                 [YES, NONE, NONE, NONE, NONE, YES, YES, YES, SIGN]
    SeeLists        "list the projects and queries one may see"                    [YES, NONE, NONE, NONE, NONE, YES, YES, YES, SIGN]
    SeeTrusts       "see the Trusts and how they stand"                            [YES, NONE, NONE, NONE, NONE, YES, YES, YES, SIGN]
    AddTrust        "add a Trust"                                                  [YES, NONE, NONE, NONE, NONE, NO, NO, NO, SIGN]
    ManageTrusts    "give a kit, ask new keys, revoke, remove"                     [YES, NONE, NONE, NONE, NONE, NO, NO, NO, SIGN]
    CarrySticks     "make bundles for sticks, and take them in"                    [YES, NONE, NONE, NONE, NONE, NO, NO, NO, SIGN]
    RunHub          "put up the banner, begin and end maintenance"                 [YES, NONE, NONE, NONE, NONE, GONE, GONE, GONE, SIGN]
    SeePeople       "see the people"                                               [YES, NONE, NONE, NONE, NONE, GONE, GONE, GONE, SIGN]
    ManagePeople    "invite, edit, disable, reset people"                          [YES, NONE, NONE, NONE, NONE, GONE, GONE, GONE, SIGN]
    SeeMail         "see the mails that wait and were sent"                        [YES, NONE, NONE, NONE, NONE, GONE, GONE, GONE, SIGN]
    ManageMail      "have mails sent again, or forget them"                        [YES, NONE, NONE, NONE, NONE, GONE, GONE, GONE, SIGN]
    SeeAudit        "see, check and download the audit"                            [YES, NONE, NONE, NONE, NONE, GONE, GONE, GONE, SIGN]
    SeeDecisions    "see what waits for one's decision, and what was decided"      [YES, NONE, NONE, NONE, NONE, GONE, GONE, YES, SIGN]
    MakeProject     "make a project"                                               [YES, NONE, NONE, NONE, NONE, YES, NO, NO, SIGN]
    SeeProject      "see a project and its members"                                [YES, YES, YES, YES, YES, GONE, GONE, GONE, SIGN]
    EditProject     "change its name, description, members"                        [YES, YES, NO, NO, NO, GONE, GONE, GONE, SIGN]
    DeleteProject   "delete it"                                                    [YES, YES, NO, NO, NO, GONE, GONE, GONE, SIGN]
    StageProject    "stage it at Trusts"                                           [YES, YES, NO, NO, NO, GONE, GONE, GONE, SIGN]
    UnstageProject  "take it out of Trusts that have not approved"                 [YES, NO, NO, NO, NO, GONE, GONE, GONE, SIGN]
    Decide          "approve or decline it for a Trust"                            [YES, NO, NO, NO, YES, GONE, GONE, GONE, SIGN]
    SeeAnswers      "see its queries, answers and freezes"                         [YES, YES, YES, YES, YES, GONE, GONE, GONE, SIGN]
    Ask             "ask in it, and cancel what was asked"                         [YES, YES, YES, NO, NO, GONE, GONE, GONE, SIGN]
    SeeModels       "see its models and their files"                               [YES, YES, YES, YES, YES, GONE, GONE, GONE, SIGN]
    ChangeModels    "make, edit and delete its models, bring and delete files"     [YES, YES, YES, NO, NO, GONE, GONE, GONE, SIGN]
    FetchFiles      "fetch the clean files of its models"                          [YES, YES, YES, NO, YES, GONE, GONE, GONE, SIGN]
    Freeze          "freeze an approved cohort again"                              [YES, NO, NO, NO, YES, GONE, GONE, GONE, SIGN]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_changes_people_or_what_is_its_owners_alone() {
        let all: Scopes = "read ask projects hub".parse().unwrap();
        for act in Act::ALL.iter().copied() {
            let closed =
                [Act::Enter, Act::KeepSession, Act::SecondFactor, Act::OwnAccount, Act::ManagePeople];
            assert_eq!(all.open(act), !closed.contains(&act), "{act:?}");
            let scopes = Scope::ALL.into_iter().filter(|scope| scope.acts().contains(&act)).count();
            assert!(scopes <= 1, "{act:?} is in {scopes} scopes");
        }
        assert_eq!(all.to_string(), "read ask projects hub");
        let one: Scopes = " hub ".parse().unwrap();
        assert!(!one.open(Act::Ask) && one.open(Act::SeeAudit) && "reed".parse::<Scopes>().is_err());
        assert!("".parse::<Scopes>().unwrap().is_empty());
    }

    #[test]
    fn nobody_does_more_than_sign_in_and_a_stranger_knows_of_no_project() {
        for act in Act::ALL.iter().copied() {
            let nobody = decide(act, Column::Nobody);
            assert_eq!(nobody == Cell::May, act == Act::Enter, "{act:?}");
            assert_eq!(decide(act, Column::Admin), Cell::May, "{act:?}");
            if decide(act, Column::Owner) != Cell::Never {
                for column in [Column::Researcher, Column::Viewer, Column::TrustAdmin] {
                    assert_eq!(decide(act, column), Cell::Hidden, "{act:?} {column:?}");
                }
            }
        }
    }
}
