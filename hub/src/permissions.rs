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
    /// Listed in it.
    Member,
    /// Neither. Also where an act is in no project.
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
    /// A viewer who is a member of it.
    MemberViewer,
    /// Any other researcher.
    Researcher,
    /// Any other viewer.
    Viewer,
    /// Who is not signed in.
    Nobody,
}

impl Column {
    /// In the table's order.
    pub const ALL: [Self; 7] = [
        Self::Admin,
        Self::Owner,
        Self::MemberResearcher,
        Self::MemberViewer,
        Self::Researcher,
        Self::Viewer,
        Self::Nobody,
    ];

    /// The column of a signed-in person.
    pub fn of(role: Role, relation: Relation) -> Self {
        match (role, relation) {
            (Role::Admin, _) => Self::Admin,
            (Role::Researcher | Role::Viewer, Relation::Owner) => Self::Owner,
            (Role::Researcher, Relation::Member) => Self::MemberResearcher,
            (Role::Viewer, Relation::Member) => Self::MemberViewer,
            (Role::Researcher, Relation::Stranger) => Self::Researcher,
            (Role::Viewer, Relation::Stranger) => Self::Viewer,
        }
    }
}

/// What the table says.
pub fn decide(act: Act, column: Column) -> Cell {
    act.row()[column as usize]
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

            fn row(self) -> [Cell; Column::ALL.len()] {
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
    //                                                       admin owner member member other other nobody
    //                                                             whatever research viewer research viewer
    Enter         "see that it is there; sign in; ask to come in" [YES, NONE, NONE, NONE, YES,  YES,  YES]
    KeepSession   "see and end one's own session"                 [YES, NONE, NONE, NONE, YES,  YES,  SIGN]
    OwnPassword   "change one's own password"                     [YES, NONE, NONE, NONE, YES,  YES,  SIGN]
    SeeLists      "list the projects and queries one may see"     [YES, NONE, NONE, NONE, YES,  YES,  SIGN]
    SeeTrusts     "see the Trusts and how they stand"             [YES, NONE, NONE, NONE, YES,  YES,  SIGN]
    AddTrust      "add a Trust"                                   [YES, NONE, NONE, NONE, NO,   NO,   SIGN]
    ManageTrusts  "give a kit, ask new keys, revoke, remove"      [YES, NONE, NONE, NONE, NO,   NO,   SIGN]
    RunHub        "put up the banner, begin and end maintenance" [YES, NONE, NONE, NONE, GONE, GONE, SIGN]
    SeePeople     "see the people"                                [YES, NONE, NONE, NONE, GONE, GONE, SIGN]
    SeeAudit      "see, check and download the audit"             [YES, NONE, NONE, NONE, GONE, GONE, SIGN]
    ManagePeople  "invite, edit, disable, reset people"           [YES, NONE, NONE, NONE, GONE, GONE, SIGN]
    SeeMail       "see the mails that wait and were sent"         [YES, NONE, NONE, NONE, GONE, GONE, SIGN]
    ManageMail    "have mails sent again, or forget them"         [YES, NONE, NONE, NONE, GONE, GONE, SIGN]
    MakeProject   "make a project"                                [YES, NONE, NONE, NONE, YES,  NO,   SIGN]
    SeeProject    "see a project and its members"                 [YES, YES,  YES,  YES,  GONE, GONE, SIGN]
    EditProject   "change its name, description, members"         [YES, YES,  NO,   NO,   GONE, GONE, SIGN]
    DeleteProject "delete it"                                     [YES, YES,  NO,   NO,   GONE, GONE, SIGN]
    SeeAnswers    "see its queries, answers and freezes"          [YES, YES,  YES,  YES,  GONE, GONE, SIGN]
    Ask           "ask in it"                                     [YES, YES,  YES,  NO,   GONE, GONE, SIGN]
    Freeze        "freeze a query's cohort"                       [YES, YES,  NO,   NO,   GONE, GONE, SIGN]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_does_more_than_sign_in_and_a_stranger_knows_of_no_project() {
        for act in Act::ALL.iter().copied() {
            let nobody = decide(act, Column::Nobody);
            assert_eq!(nobody == Cell::May, act == Act::Enter, "{act:?}");
            assert_eq!(decide(act, Column::Admin), Cell::May, "{act:?}");
            if decide(act, Column::Owner) != Cell::Never {
                for column in [Column::Researcher, Column::Viewer] {
                    assert_eq!(decide(act, column), Cell::Hidden, "{act:?} {column:?}");
                }
            }
        }
    }
}
