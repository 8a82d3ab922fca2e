//! The engine with real processes and a small generation. No test asserts on time.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod blurred;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod judge;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod locked_in;
#[cfg(test)]
mod lost;
#[cfg(test)]
mod statistics;
