//! The coordinator: people, questions, Trusts, work orders, combined results.
//!
//! What must stay true: nothing a person can reach is on the sites listener and the reverse; an answer is never a
//! bare zero; an order is sealed and signed once and stored before anyone is told of it.

pub mod acme;
pub mod api_token;
pub mod audit;
pub mod authority;
pub mod backup;
pub mod bounds;
pub mod bundles;
pub mod checkup;
pub mod cli;
pub mod clock;
pub mod combine;
pub mod config;
pub mod csv;
pub mod email;
pub mod enrolment;
pub mod exchange;
pub mod files;
pub mod hub;
mod ident;
pub mod key_file;
pub mod ledger;
pub mod links;
pub mod listener;
pub mod mail;
pub mod metrics;
pub mod model;
pub mod oidc;
pub mod order;
pub mod passwords;
pub mod people;
pub mod permissions;
pub mod person;
pub mod presence;
pub mod problem;
pub mod project;
pub mod proxies;
pub mod renewal;
pub mod scan;
pub mod search;
pub mod second_factor;
pub mod serve;
pub mod shapes;
pub mod sites;
pub mod sorting;
pub mod strength;
pub mod throttle;
pub mod tls;
pub mod uri;
pub mod wording;
