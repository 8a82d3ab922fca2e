//! What users of FLIP Edge live through, played with the real programs on loopback.

mod accessible;
mod asking;
mod audited;
mod bad_input;
mod bundles;
mod cancelling;
mod console;
mod crashes;
mod deliveries;
mod disclosure;
mod ending;
mod enrolment;
mod freezing;
mod garbage;
mod keeping;
mod local;
mod messages;
mod models;
mod people;
mod roles;
mod running;
mod second_factor;
mod stage;
mod staging;
mod strangers;
mod trusts;
