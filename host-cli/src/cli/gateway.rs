//! The commands of `openshell gateway`.

use super::Output;
use super::parse::{key_value, span};
use crate::settings::{Cpus, Gpu, Memory};
use clap::{Args, Subcommand, ValueEnum};
use std::net::IpAddr;
use std::path::PathBuf;

/// What to do with a gateway.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start it, or go on with what is there; returns when it is ready.
    Start(Start),
    /// Stop it; everything is kept, and it stays stopped until the next start.
    Stop(Stop),
    /// Say how it is; the exit code says it too.
    Status(StatusArgs),
    /// List the gateways that Docker has.
    List(ListArgs),
    /// Remove it: container, network, volume with all data, client certificates. Images are kept.
    Destroy(Destroy),
    /// Show its log.
    Logs(Logs),
    /// The certificates that clients connect with.
    #[command(subcommand)]
    Certs(CertsCommand),
}

/// Arguments of `start`. What is not given stays as the existing gateway has it.
#[derive(Clone, Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Start {
    /// Cluster image [default: the existing gateway's, else the one of this release].
    #[arg(long, env = "OPENSHELL_CLUSTER_IMAGE", hide_env_values = true, value_name = "REF")]
    pub image: Option<String>,
    /// Port on the host [default: the existing gateway's, else 8080].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Address on the host that the port is bound to [default: the existing gateway's, else 127.0.0.1].
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<IpAddr>,
    /// Serve without TLS; `--plaintext=false` goes back to TLS.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub plaintext: Option<bool>,
    /// Accept clients without a certificate; `--disable-gateway-auth=false` takes it back.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub disable_gateway_auth: Option<bool>,
    /// Name or address by which clients reach the gateway from elsewhere.
    #[arg(long, value_name = "HOST")]
    pub gateway_host: Option<String>,
    /// GPUs for sandboxes: all of NVIDIA's, by CDI or else by the runtime "nvidia"; `--gpu=legacy` by that
    /// runtime, `--gpu=nvidia.com/gpu=0,…` these CDI devices, `--gpu=off` none.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "auto", value_name = "WHICH")]
    pub gpu: Option<Gpu>,
    /// Memory that all of the gateway may use, such as 6g; 0 takes the limit back.
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<Memory>,
    /// Processors that all of the gateway may use, such as 1.5; 0 takes the limit back.
    #[arg(long, value_name = "NUMBER")]
    pub cpus: Option<Cpus>,
    /// User of the registry that the images come from [default with a token: __token__].
    #[arg(long, env = "OPENSHELL_REGISTRY_USERNAME", hide_env_values = true, value_name = "USER")]
    pub registry_username: Option<String>,
    /// Password or token for that registry; better in the variable, which nobody else sees.
    #[arg(long, env = "OPENSHELL_REGISTRY_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub registry_token: Option<String>,
    /// Setting for PID 1 of the gateway; an empty value takes it back. Repeatable.
    #[arg(long = "env", value_name = "KEY=VALUE", value_parser = key_value)]
    pub env: Vec<(String, String)>,
    /// Return as soon as the container runs.
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait for ready, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub timeout: u64,
    /// Remove the container, the network and the volume with all data first, and make them anew with the same
    /// settings.
    #[arg(long)]
    pub recreate: bool,
    /// Don't ask before data is removed.
    #[arg(short, long, requires = "recreate")]
    pub yes: bool,
    /// Print what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `stop`.
#[derive(Clone, Debug, Args)]
pub struct Stop {
    /// Seconds after which Docker kills what still runs [default: the container's own, 30 or what PID 1 was given and a margin].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i32).range(0..=3600))]
    pub timeout: Option<i32>,
}

/// Arguments of `status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// Go on and print each change, until the gateway goes away.
    #[arg(short, long)]
    pub watch: bool,
}

/// Arguments of `list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// Arguments of `destroy`.
#[derive(Clone, Debug, Args)]
pub struct Destroy {
    /// Keep the volume: the next start goes on with its data.
    #[arg(long)]
    pub keep_data: bool,
    /// Don't ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// Arguments of `logs`.
#[derive(Clone, Debug, Args)]
pub struct Logs {
    /// Go on with new lines as they come.
    #[arg(short, long)]
    pub follow: bool,
    /// Only the last N lines.
    #[arg(short = 'n', long, value_name = "N", alias = "lines")]
    pub tail: Option<u32>,
    /// Only lines of the last time span, such as 90s, 10m, 2h, 1d.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub since: Option<u64>,
    /// Only what this part of the gateway wrote; `--tail` counts the lines of all parts of the container.
    #[arg(short, long, value_enum)]
    pub component: Option<Component>,
}

/// A part of a gateway that writes a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Component {
    /// PID 1 of the container.
    Init,
    /// Kubernetes.
    K3s,
    /// The gateway server, in its pod.
    Gateway,
}

/// What to do with client certificates.
#[derive(Debug, Subcommand)]
pub enum CertsCommand {
    /// Fetch them from the running gateway: to where clients look for them, or elsewhere.
    Export {
        /// Directory for `ca.crt`, `tls.crt` and `tls.key`; `-` writes a tar of them to standard output.
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
}
