//! The chart: what it is given, whether it has to be deployed, and deploying it.

mod deploy;
mod live;
mod marks;
mod overrides;
mod plugin;
mod release;
mod takeover;
mod values;

pub use deploy::{Deployed, chart_digest, ensure};
pub use marks::{prove, refuse};
pub use overrides::{image, overridden};
pub use plugin::retire as retire_plugin;
pub use takeover::take_over;
pub use values::{Inputs, values};
