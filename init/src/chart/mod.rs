//! The chart: what it is given, whether it has to be deployed, and deploying it.

mod deploy;
mod overrides;
mod release;
mod values;

pub use deploy::{chart_digest, ensure};
pub use overrides::{image, overridden};
pub use values::{Inputs, values};
