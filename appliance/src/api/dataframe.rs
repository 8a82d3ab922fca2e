//! `GET /v1/dataframe`: the frozen question's rows, as a file.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;

use super::export::{Begun, Job};
use super::{Api, ApiProblem, Reader};
use crate::engine::{Export, Format};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    format: Written,
    compression: Option<Compression>,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    #[default]
    Arrow,
    Parquet,
    Csv,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Compression {
    Snappy,
    Zstd,
}

pub(super) async fn get(
    State(api): State<Arc<Api>>,
    reader: Reader,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ApiProblem> {
    let Query(asked) = asked.map_err(|rejection| ApiProblem::bad_parameter(rejection.body_text()))?;
    let (format, kind, name) = match (asked.format, asked.compression) {
        (Written::Arrow, None) => (Format::Arrow, "application/vnd.apache.arrow.stream", "arrow"),
        (Written::Csv, None) => (Format::Csv, "text/csv; charset=utf-8", "csv"),
        (Written::Parquet, Some(Compression::Zstd)) => {
            (Format::ParquetZstd, "application/vnd.apache.parquet", "parquet, zstd")
        }
        (Written::Parquet, Some(Compression::Snappy) | None) => {
            (Format::ParquetSnappy, "application/vnd.apache.parquet", "parquet, snappy")
        }
        (Written::Arrow | Written::Csv, Some(_)) => {
            return Err(ApiProblem::bad_parameter("compression is for format=parquet alone"));
        }
    };
    let plan = flip_gate::admit(&reader.facts.sql)
        .map_err(|refusal| ApiProblem::question_refused(refusal.message))?;
    let generation = api.generations.named(&reader.facts.extract.generation)?;
    let turn = api.turn().await?;
    let read = api.begin(&reader, &format!("dataframe, {name}"))?;
    let job = Job {
        api: Arc::clone(&api),
        token: reader.token,
        read,
        export: Export { plan, format },
        generation,
        turn,
    };
    let Begun(pieces) = job.begin().await?;
    let mut response = Response::new(Body::from_stream(pieces));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}
