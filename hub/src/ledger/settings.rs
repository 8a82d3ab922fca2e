//! What an administrator sets while the hub runs: the banner, and maintenance.

use flip_protocol::UnixMillis;
use flip_storage::rusqlite::{self, OptionalExtension as _, Transaction};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Ledger, LedgerError, from_json, to_json};
use crate::audit::{By, Deed};
use crate::shapes::Moment;

/// A word to everybody at the head of every page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Banner {
    /// Plain text.
    #[schema(example = "New data from Northgate since Monday")]
    pub text: String,
    /// An `https:` address where more is said.
    #[schema(example = "https://news.example.org/northgate")]
    pub href: Option<String>,
}

/// No new work is taken and none is handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Maintenance {
    /// What people are told.
    #[schema(example = "back at noon")]
    pub words: String,
    /// Since when.
    #[schema(value_type = Moment)]
    pub since: UnixMillis,
    /// Who turned it on.
    #[schema(example = "ada")]
    pub by: String,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The banner, where there is one.
    pub banner: Option<Banner>,
    /// Maintenance, while it lasts.
    pub maintenance: Option<Maintenance>,
}

/// Orders that have not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Open {
    /// At the hub.
    pub queued: u64,
    /// At an appliance.
    pub at_trusts: u64,
}

const BANNER: &str = "banner";
/// Also read where orders are handed out.
const MAINTENANCE: &str = "maintenance";

impl Ledger {
    /// The settings.
    pub async fn settings(&self) -> Result<Settings, LedgerError> {
        self.call("settings", settings).await
    }

    /// The settings, for the command line.
    pub fn settings_now(&self) -> Result<Settings, LedgerError> {
        self.run("settings", settings)
    }

    /// Puts the banner up, or takes it down.
    pub async fn set_banner(&self, by: By, banner: Option<Banner>) -> Result<(), LedgerError> {
        self.call("set banner", move |tx| {
            set(tx, &by, BANNER, banner.as_ref())?;
            by.note(
                tx,
                &match banner {
                    Some(Banner { text, href }) => Deed::BannerShown { text, href },
                    None => Deed::BannerTakenDown {},
                },
            )
        })
        .await
    }

    /// Begins maintenance, or ends it. What is on already keeps its beginning.
    pub async fn set_maintenance(&self, by: By, words: Option<String>) -> Result<(), LedgerError> {
        self.call("set maintenance", move |tx| set_maintenance(tx, &by, words)).await
    }

    /// The same, for the command line.
    pub fn set_maintenance_now(&self, by: By, words: Option<String>) -> Result<(), LedgerError> {
        self.run("set maintenance", move |tx| set_maintenance(tx, &by, words))
    }

    /// How many orders have not ended.
    pub async fn open_orders(&self) -> Result<Open, LedgerError> {
        self.call("open orders", open_orders).await
    }

    /// The same, for the command line.
    pub fn open_orders_now(&self) -> Result<Open, LedgerError> {
        self.run("open orders", open_orders)
    }
}

fn settings(tx: &Transaction<'_>) -> rusqlite::Result<Settings> {
    Ok(Settings { banner: setting(tx, BANNER)?, maintenance: setting(tx, MAINTENANCE)? })
}

fn set_maintenance(tx: &Transaction<'_>, by: &By, words: Option<String>) -> rusqlite::Result<()> {
    let since = setting::<Maintenance>(tx, MAINTENANCE)?.map_or(by.at, |on| on.since);
    let maintenance = words.clone().map(|words| Maintenance { words, since, by: by.who.to_string() });
    set(tx, by, MAINTENANCE, maintenance.as_ref())?;
    by.note(tx, &words.map_or(Deed::MaintenanceEnded {}, |words| Deed::MaintenanceBegun { words }))
}

fn open_orders(tx: &Transaction<'_>) -> rusqlite::Result<Open> {
    tx.query_row(
        "SELECT count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state <> 'queued')
         FROM work_order WHERE state IN ('queued', 'delivered', 'running')",
        [],
        |row| Ok(Open { queued: row.get(0)?, at_trusts: row.get(1)? }),
    )
}

fn setting<T: DeserializeOwned>(tx: &Transaction<'_>, name: &str) -> rusqlite::Result<Option<T>> {
    let value: Option<String> = tx
        .prepare_cached("SELECT value FROM setting WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    value.map(|value| from_json(0, &value)).transpose()
}

fn set<T: Serialize>(tx: &Transaction<'_>, by: &By, name: &str, value: Option<&T>) -> rusqlite::Result<()> {
    match value {
        Some(value) => tx.execute(
            "INSERT INTO setting (name, value, changed_ms, changed_by) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET value = ?2, changed_ms = ?3, changed_by = ?4",
            (name, to_json(value)?, by.at.0, by.who.to_string()),
        ),
        None => tx.execute("DELETE FROM setting WHERE name = ?1", [name]),
    }
    .map(drop)
}
