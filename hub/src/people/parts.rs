//! What handlers read of a request. What cannot be read is a problem document, or a page of it.

use axum::Json;
use axum::extract::rejection::{FormRejection, JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::{ApiProblem, Code};

/// A JSON body.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiProblem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(no_json(&rejection)),
        }
    }
}

fn no_json(rejection: &JsonRejection) -> ApiProblem {
    let (code, title) = match rejection.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            (Code::NotJson, "Send JSON, with Content-Type: application/json.")
        }
        StatusCode::BAD_REQUEST => (Code::BadJson, "The request's body is not JSON."),
        _ => (Code::BadBody, "The request's body is not what is expected here."),
    };
    ApiProblem::new(code, title).detail(rejection.body_text())
}

/// The console's form.
pub struct Form<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiProblem> {
        match axum::extract::Form::<T>::from_request(request, state).await {
            Ok(axum::extract::Form(form)) => Ok(Self(form)),
            Err(rejection) => Err(no_form(&rejection)),
        }
    }
}

fn no_form(rejection: &FormRejection) -> ApiProblem {
    let (code, title) = match rejection.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (Code::NotAForm, "This page takes a form."),
        _ => (Code::BadForm, "The form is not as it was handed out; load the page again."),
    };
    ApiProblem::new(code, title).detail(rejection.body_text())
}

/// The parameters of the address.
pub struct Parameters<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiProblem> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(read)| Self(read)).map_err(|rejection: QueryRejection| {
            let title = "A parameter of the address is not right.";
            ApiProblem::new(Code::BadParameter, title).detail(rejection.body_text())
        })
    }
}

/// What the path names. What is no id names nothing.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiProblem> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(read)| Self(read)).map_err(|_| ApiProblem::not_found())
    }
}
