//! The site daemon: receive signed work, run it beside the data, release only what passed.
//!
//! What must stay true: the appliance connects outward only; what it sends is a [`disclosure::Release`] and nothing
//! else about patients; an order is durable before it is acknowledged, and its result until the hub has it.

pub mod api;
pub mod attack;
pub mod bounds;
pub mod cli;
pub mod clock;
mod cohort;
mod concerns;
pub mod config;
pub mod data;
mod deliveries;
pub mod desk;
pub mod disclosure;
pub mod engine;
pub mod enrol;
pub mod exchange;
pub mod frozen;
pub mod identity;
mod inbox;
pub mod link;
mod local;
mod logs;
mod outbox;
mod place;
pub mod pull;
pub mod refusals;
mod run;
mod site;
pub mod sticks;
pub mod tokens;
mod unfinished;
mod uplink;
mod verification;
mod witness;
