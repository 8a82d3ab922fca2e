//! The check of every request: who asks, about what, and what the table of [`crate::permissions`] says.
//!
//! What must stay true: a [`May`] is made here alone, and only where the table lets the person; a route is made by a
//! [`Table`] alone, which takes no handler that does not begin with the proof of the route's own act.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::handler::Handler;
use axum::http::Method;
use axum::http::request::Parts;
use axum::routing::{MethodFilter, on};
use flip_protocol::ident::ProjectId;

use super::notices;
use super::session::Person;
use super::visitor::Visitor;
use crate::audit::By;
use crate::hub::Hub;
use crate::ledger::projects::{About, Place};
use crate::model::ModelId;
use crate::permissions::{Act, Cell, Column, Is, Relation, acts, decide};
use crate::problem::ApiProblem;

/// That somebody may do an act, in the project that the request is about where the act is one in a project.
pub struct May<A: Is> {
    person: Option<Person>,
    place: Option<Place>,
    visitor: Visitor,
    act: PhantomData<A>,
}

/// A person who would do an act in a project that only the request's body names.
pub struct Wish<A: Is> {
    person: Person,
    visitor: Visitor,
    act: PhantomData<A>,
}

impl<A: Is> May<A> {
    /// Who it is. Not for what may be done without signing in.
    pub fn person(&self) -> &Person {
        self.person.as_ref().expect("whoever is not signed in may enter alone")
    }

    /// Where the request is from.
    pub fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// The person as who does something now, for the audit. Not for what may be done without signing in.
    pub fn by(&self) -> By {
        self.person().by()
    }

    /// The project. Not for acts that are in none.
    pub fn project(&self) -> ProjectId {
        self.place.expect("the route of an act in a project names it").project
    }

    /// Of an act that changes something in the project: that it was not deleted, which admins alone can meet.
    pub fn undeleted(&self) -> Result<(), ApiProblem> {
        if self.place.is_some_and(|place| place.deleted) {
            return Err(ApiProblem::deleted());
        }
        Ok(())
    }

    /// Whether the same person may do another act in the same project: for buttons.
    pub fn also(&self, act: Act) -> bool {
        let deleted = self.place.is_some_and(|place| place.deleted);
        !deleted && cell(act, self.person(), self.place.as_ref()) == Cell::May
    }
}

impl<A: Is> Wish<A> {
    /// Who it is.
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// The proof, where they may in that project.
    pub async fn of(self, hub: &Hub, project: ProjectId) -> Result<May<A>, ApiProblem> {
        let place = place(hub, &self.person, About::Project(project)).await?;
        check::<A>(self.person, Some(place), self.visitor)
    }
}

/// Whether a person may do an act that is in no project.
pub fn may(person: &Person, act: Act) -> bool {
    cell(act, person, None) == Cell::May
}

/// Whether a person sees the answers of a place: for what an address names beside the project of its act.
pub fn sees_answers(person: &Person, place: Option<&Place>) -> bool {
    place.is_some() && cell(Act::SeeAnswers, person, place) == Cell::May
}

fn cell(act: Act, person: &Person, place: Option<&Place>) -> Cell {
    let relation = place.map_or(Relation::Stranger, |place| place.relation);
    let column = if person.awaits.is_some() { Column::Half } else { Column::of(person.role, relation) };
    match person.scopes {
        Some(scopes) if !scopes.open(act) => Cell::Forbidden,
        Some(_) | None => decide(act, column),
    }
}

/// The person, where nothing has to come before that act. Nothing else is said to who is not signed in wholly.
async fn signed_in(parts: &mut Parts, hub: &Arc<Hub>, act: Act) -> Result<Person, ApiProblem> {
    let person = <Person as FromRequestParts<Arc<Hub>>>::from_request_parts(parts, hub).await?;
    match person.awaits {
        Some(awaits) if cell(act, &person, None) == Cell::SecondFactor => {
            Err(ApiProblem::second_factor(awaits.name()))
        }
        Some(_) | None if person.scopes.is_some_and(|scopes| !scopes.open(act)) => {
            Err(ApiProblem::out_of_scope(act.words()))
        }
        Some(_) | None => Ok(person),
    }
}

async fn place(hub: &Hub, person: &Person, about: About) -> Result<Place, ApiProblem> {
    hub.ledger.place(person.id, about).await?.ok_or_else(ApiProblem::not_found)
}

fn check<A: Is>(person: Person, place: Option<Place>, visitor: Visitor) -> Result<May<A>, ApiProblem> {
    match cell(A::ACT, &person, place.as_ref()) {
        Cell::May => Ok(May { person: Some(person), place, visitor, act: PhantomData }),
        Cell::Forbidden => Err(ApiProblem::forbidden(A::ACT.words())),
        Cell::Hidden | Cell::SignIn | Cell::SecondFactor | Cell::Never => Err(ApiProblem::not_found()),
    }
}

impl<A: Is> FromRequestParts<Arc<Hub>> for May<A> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, ApiProblem> {
        let visitor = Visitor::of(parts);
        if decide(A::ACT, Column::Nobody) == Cell::May {
            return Ok(Self { person: None, place: None, visitor, act: PhantomData });
        }
        let person = signed_in(parts, hub, A::ACT).await?;
        notices::note_waiting(hub, &person).await;
        let mut found: Option<Place> = None;
        for about in about(parts, hub).await? {
            let place = place(hub, &person, about).await?;
            // A query of another project than the path's is none of it.
            if found.is_some_and(|found| found.project != place.project) {
                return Err(ApiProblem::not_found());
            }
            found = Some(place);
        }
        check(person, found, visitor)
    }
}

impl<A: Is> FromRequestParts<Arc<Hub>> for Wish<A> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, ApiProblem> {
        Ok(Self {
            person: signed_in(parts, hub, A::ACT).await?,
            visitor: Visitor::of(parts),
            act: PhantomData,
        })
    }
}

/// What the path names: `{project}`, `{query}` or both.
async fn about(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Vec<About>, ApiProblem> {
    let names = match RawPathParams::from_request_parts(parts, hub).await {
        Ok(names) => names,
        Err(RawPathParamsRejection::MissingPathParams(_)) => return Ok(Vec::new()),
        // A name that is no text names nothing.
        Err(_) => return Err(ApiProblem::not_found()),
    };
    let mut about = Vec::new();
    for (name, value) in &names {
        let id = || value.parse().map_err(|_| ApiProblem::not_found());
        match name {
            "project" => about.push(About::Project(ProjectId(id()?))),
            "query" => about.push(About::Query(id()?)),
            "model" => about.push(About::Model(ModelId::from_bytes(id()?.into_bytes()))),
            _ => {}
        }
    }
    Ok(about)
}

/// What a handler of an act begins with.
pub trait ProofOf<A: Is> {}
impl<A: Is> ProofOf<A> for May<A> {}
impl<A: InTheBody> ProofOf<A> for Wish<A> {}

/// An act whose project the request's body may name, so that its handler begins with a [`Wish`]: the proof follows once
/// the body is read.
pub trait InTheBody: Is {}
impl InTheBody for acts::Ask {}

/// A handler's arguments that begin with the proof of an act.
pub trait BeginsWithProof<A: Is> {}
impl<M, P: ProofOf<A>, A: Is> BeginsWithProof<A> for (M, P) {}
impl<M, P: ProofOf<A>, A: Is, B> BeginsWithProof<A> for (M, P, B) {}
impl<M, P: ProofOf<A>, A: Is, B, C> BeginsWithProof<A> for (M, P, B, C) {}
impl<M, P: ProofOf<A>, A: Is, B, C, D> BeginsWithProof<A> for (M, P, B, C, D) {}

/// The routes and what each needs. There is no other way to a route of the people listener.
#[derive(Default)]
pub struct Table {
    router: Router<Arc<Hub>>,
    routes: Vec<Route>,
}

/// One line of the route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with names in braces.
    pub path: &'static str,
    /// What it does.
    pub act: Act,
}

impl Table {
    /// `GET path` does the act `A`.
    #[must_use]
    pub fn get<A: Is, T: BeginsWithProof<A> + 'static>(
        self,
        path: &'static str,
        handler: impl Handler<T, Arc<Hub>>,
    ) -> Self {
        self.route::<A, T>(Method::GET, MethodFilter::GET, path, handler)
    }

    /// `POST path` does the act `A`.
    #[must_use]
    pub fn post<A: Is, T: BeginsWithProof<A> + 'static>(
        self,
        path: &'static str,
        handler: impl Handler<T, Arc<Hub>>,
    ) -> Self {
        self.route::<A, T>(Method::POST, MethodFilter::POST, path, handler)
    }

    /// `PUT path` does the act `A`.
    #[must_use]
    pub fn put<A: Is, T: BeginsWithProof<A> + 'static>(
        self,
        path: &'static str,
        handler: impl Handler<T, Arc<Hub>>,
    ) -> Self {
        self.route::<A, T>(Method::PUT, MethodFilter::PUT, path, handler)
    }

    /// `DELETE path` does the act `A`.
    #[must_use]
    pub fn delete<A: Is, T: BeginsWithProof<A> + 'static>(
        self,
        path: &'static str,
        handler: impl Handler<T, Arc<Hub>>,
    ) -> Self {
        self.route::<A, T>(Method::DELETE, MethodFilter::DELETE, path, handler)
    }

    fn route<A: Is, T: 'static>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        handler: impl Handler<T, Arc<Hub>>,
    ) -> Self {
        self.routes.push(Route { method, path, act: A::ACT });
        Self { router: self.router.route(path, on(filter, handler)), ..self }
    }

    /// The lines of the table.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// What serves them.
    pub fn into_router(self) -> Router<Arc<Hub>> {
        self.router
    }
}
