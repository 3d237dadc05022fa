//! The command line.

mod gateway;
mod parse;
#[cfg(test)]
mod tests;

pub use gateway::{CertsCommand, Command, Component, Destroy, ListArgs, Logs, Start, StatusArgs, Stop};

use crate::exit;
use crate::name::GatewayName;
use crate::ui::LogFormat;
use clap::{Args, Parser, Subcommand, ValueEnum};
use openshell_contract::names::host;
use std::path::PathBuf;

/// Image of a new gateway when neither `--image` nor `OPENSHELL_CLUSTER_IMAGE` names one.
pub const DEFAULT_IMAGE: &str = "ghcr.io/nvidia/openshell/cluster:dev";

/// Manage OpenShell gateways: which container exists, on this machine or behind `DOCKER_HOST`.
#[derive(Debug, Parser)]
#[command(name = "openshell", version, after_help = exit::help(), propagate_version = true)]
pub struct Cli {
    /// Which gateway.
    #[arg(short, long, global = true, alias = "name", env = "OPENSHELL_GATEWAY", hide_env_values = true, value_name = "NAME",
        default_value = host::DEFAULT_NAME)]
    pub gateway: GatewayName,
    /// Form of what goes to standard error; data is always on standard output.
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t)]
    pub log_format: LogFormat,
    /// Tell only warnings and errors.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// What about.
    #[command(subcommand)]
    pub topic: Topic,
}

/// What a command is about.
#[derive(Debug, Subcommand)]
pub enum Topic {
    /// A gateway: one container that runs a Kubernetes node, the gateway server and its sandboxes.
    #[command(subcommand, visible_alias = "gw", after_help = exit::help())]
    Gateway(Command),
    /// Look for what would keep a gateway from running.
    #[command(subcommand, visible_alias = "dr")]
    Doctor(Doctor),
    /// Print the completions of a shell, to be put where it looks for them.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a directory.
    Man {
        /// The directory; it is made if it isn't there.
        dir: PathBuf,
    },
    /// Print the release.
    Version {
        /// Form of the answer.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
}

/// What to look for.
#[derive(Debug, Subcommand)]
pub enum Doctor {
    /// Check Docker, the machine, the port and the names that a gateway needs.
    Check(Check),
    /// Collect what describes a gateway into a tar, without secrets.
    Bundle {
        /// The file; `-` is standard output.
        #[arg(default_value = "openshell-bundle.tar")]
        file: PathBuf,
    },
}

/// Arguments of `doctor check`.
#[derive(Clone, Debug, Args)]
pub struct Check {
    /// Port to look at [default: the existing gateway's, else 8080].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// Form of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON document on one line.
    Json,
}
