//! What is tried. The steps of a story share a machine and go on where the last one left it, since a
//! start takes minutes on an emulated processor.

mod cgroups;
mod memory;
mod power;

use crate::error::Result;
use crate::gateway::Identity;
use crate::guest::Guest;

/// Steps on one machine, in this order.
pub struct Story {
    /// Its name.
    pub name: &'static str,
    /// Names and steps.
    pub steps: &'static [(&'static str, Step)],
}

/// A step; it returns what is worth telling.
pub type Step = fn(&mut Lab) -> Result<String>;

/// What the steps of a story share.
pub struct Lab {
    /// The machine.
    pub guest: Guest,
    /// The gateway's identity since it was ready for the first time.
    pub identity: Option<Identity>,
    /// The last number of the gateway's counter.
    pub counter: u64,
}

macro_rules! story {
    ($name:literal: $($module:ident::$step:ident),+) => {
        Story {
            name: $name,
            steps: &[$((concat!(stringify!($module), "::", stringify!($step)), $module::$step)),+],
        }
    };
}

/// Everything.
pub const STORIES: &[Story] = &[
    story!("power":
        power::cut_while_k3s_starts_for_the_first_time,
        power::cut_while_the_chart_is_deployed_for_the_first_time,
        cgroups::a_host_namespace_is_left_alone,
        power::cut_during_writes,
        power::cut_when_idle,
        power::reboot
    ),
    story!("private":
        cgroups::a_private_namespace_is_evacuated,
        cgroups::pods_live_below_the_container,
        memory::a_limit_on_the_container_binds_pods
    ),
    story!("torn": power::cut_with_a_flushed_database),
];
