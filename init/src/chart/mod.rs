//! The chart: what it is given, whether it has to be deployed, and deploying it.

mod deploy;
mod release;
mod values;

pub use deploy::{chart_digest, ensure};
pub use values::{Inputs, values};
