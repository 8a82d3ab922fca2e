//! `flip-appliance token`: who may read a frozen cohort over the local API.

use std::path::Path;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::bounds;
use crate::clock;
use crate::data::Generations;
use crate::frozen::{FrozenError, Store};
use crate::place::Place;
use crate::tokens::{Token, Tokens};

use super::write_down;

#[derive(Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token that reads one frozen cohort; it is shown once, here
    New {
        /// Such as f-3fa9c1d20b7e.v1; without a version, the newest
        #[arg(long, value_name = "COHORT")]
        frozen: String,
        /// Hours that it is good for
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=bounds::TOKEN_HOURS_MAX))]
        hours: u64,
        /// What it is for, as the list and the audit log will say
        #[arg(long, default_value = "")]
        label: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List tokens: for what, until when, and whether they were revoked
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token: reads under way end too
    Revoke {
        /// Its id, as listed
        id: String,
    },
}

/// Carries out `flip-appliance token`.
pub(super) fn token(data: &Path, command: &TokenCommand) -> anyhow::Result<()> {
    let place = Place::new(data);
    let tokens = Tokens::new(&place.tokens());
    let now = clock::now();
    match command {
        TokenCommand::New { frozen, hours, label, json } => {
            let generations = Generations::open(&place.generations())?;
            let store = Store::open(&place.frozen(), &generations)?;
            let name = store.named(frozen)?;
            let facts = store.facts(&name)?;
            if facts.dropped.is_some() {
                return Err(FrozenError::Dropped { name }.into());
            }
            let (token, secret) = tokens.make(&facts, *hours, label, now)?;
            let made = json!({
                "token": token.id, "label": token.label, "cohort": name.to_string(), "expires_ms": token.expires,
            });
            write_down(&place, "token_made", made, &format!("{} was made and shown to nobody", token.id))?;
            if *json {
                let mut value = to_json(&token, true);
                value["token"] = json!(secret);
                value["socket"] = json!(place.api_socket());
                say!("{}", serde_json::to_string_pretty(&value)?);
            } else {
                say!("FLIP_API_SOCKET={}", place.api_socket().display());
                say!("FLIP_API_TOKEN={secret}");
                eprintln!(
                    "It reads {name} until {}, and is shown nowhere again. Revoke it: flip-appliance token revoke {}",
                    clock::readable(token.expires),
                    token.id
                );
            }
            Ok(())
        }
        TokenCommand::List { json } => list(&tokens, *json),
        TokenCommand::Revoke { id } => {
            let token = tokens.revoke(id, now)?;
            let (facts, done) =
                (json!({ "token": token.id, "label": token.label }), format!("{} is revoked", token.id));
            write_down(&place, "token_revoked", facts, &done)?;
            say!("{done}.");
            Ok(())
        }
    }
}

fn list(tokens: &Tokens, as_json: bool) -> anyhow::Result<()> {
    let now = clock::now();
    let listed = tokens.list(now)?;
    if as_json {
        let all: Vec<Value> = listed.iter().map(|token| to_json(token, token.opens(now))).collect();
        say!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    if listed.is_empty() {
        say!("No tokens. Make one: flip-appliance token new --frozen COHORT");
        return Ok(());
    }
    say!("id                cohort              until                state    label");
    for token in listed {
        let until = clock::readable(token.expires);
        say!(
            "{}  {:18}  {until}  {:7}  {}",
            token.id,
            token.cohort.to_string(),
            token.state(now),
            token.label
        );
    }
    Ok(())
}

fn to_json(token: &Token, opens: bool) -> Value {
    json!({
        "id": token.id,
        "label": token.label,
        "cohort": token.cohort.to_string(),
        "made_ms": token.made,
        "expires_ms": token.expires,
        "revoked_ms": token.revoked,
        "opens": opens,
    })
}
