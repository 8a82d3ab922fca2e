//! Frozen cohorts, their exports and the local API, with real ingests, real workers and a real socket.

#[cfg(test)]
mod api;
#[cfg(test)]
mod cohorts;
#[cfg(test)]
mod export;
#[cfg(test)]
mod full;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod support;
