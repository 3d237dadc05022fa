//! The command line.

use crate::exit;
use crate::name::GatewayName;
use clap::{Args, Parser, Subcommand, ValueEnum};
use openshell_contract::names::host;
use std::net::IpAddr;

/// Image of a new gateway when neither `--image` nor `OPENSHELL_CLUSTER_IMAGE` names one.
pub const DEFAULT_IMAGE: &str = "ghcr.io/nvidia/openshell/cluster:dev";

/// Manage OpenShell gateways on this machine.
#[derive(Debug, Parser)]
#[command(name = "openshell", version, after_help = exit::HELP, propagate_version = true)]
pub struct Cli {
    /// Which gateway.
    #[arg(short, long, global = true, alias = "name", env = "OPENSHELL_GATEWAY", value_name = "NAME",
        default_value = host::DEFAULT_NAME)]
    pub gateway: GatewayName,
    /// What about.
    #[command(subcommand)]
    pub topic: Topic,
}

/// What a command is about.
#[derive(Debug, Subcommand)]
pub enum Topic {
    /// A gateway: one container that runs a Kubernetes node, the gateway server and its sandboxes.
    #[command(subcommand, visible_alias = "gw", after_help = exit::HELP)]
    Gateway(Command),
}

/// What to do with a gateway.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start it, or go on with what is there; returns when it is ready.
    Start(Start),
    /// Stop it; everything is kept, and it stays stopped until the next start.
    Stop(Stop),
    /// Say how it is; the exit code says it too.
    Status(StatusArgs),
    /// Remove it: container, network, volume with all data, client certificates. Images are kept.
    Destroy(Destroy),
    /// Show its log.
    Logs(Logs),
}

/// Arguments of `start`. What is not given stays as the existing gateway has it.
#[derive(Clone, Debug, Default, Args)]
pub struct Start {
    /// Cluster image [default: the existing gateway's, else the one of this release].
    #[arg(long, env = "OPENSHELL_CLUSTER_IMAGE", value_name = "REF")]
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
    /// Setting for PID 1 of the gateway; an empty value takes it back. Repeatable.
    #[arg(long = "env", value_name = "KEY=VALUE", value_parser = key_value)]
    pub env: Vec<(String, String)>,
    /// Return as soon as the container runs.
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait for ready, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub timeout: u64,
    /// Print what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `stop`.
#[derive(Clone, Debug, Args)]
pub struct Stop {
    /// Seconds after which Docker kills what still runs [default: the container's own, 30].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i32).range(0..=3600))]
    pub timeout: Option<i32>,
}

/// Arguments of `status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Go on and print each change, until the gateway goes away.
    #[arg(long)]
    pub watch: bool,
}

/// Form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document on one line.
    Json,
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
    #[arg(long, value_name = "N", alias = "lines")]
    pub tail: Option<u32>,
    /// Only lines of the last time span, such as 90s, 10m, 2h, 1d.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub since: Option<u64>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it must be KEY=VALUE")?;
    let name_ok = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && key.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if !name_ok {
        return Err("KEY is letters, digits and '_', and does not start with a digit".to_owned());
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// A time span in seconds.
fn span(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("the unit is s, m, h or d".to_owned()),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).ok_or("it must be such as 10m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn start(args: &[&str]) -> Result<(GatewayName, Start), clap::Error> {
        let cli = Cli::try_parse_from(["openshell", "gateway", "start"].iter().chain(args))?;
        match cli.topic {
            Topic::Gateway(Command::Start(start)) => Ok((cli.gateway, start)),
            Topic::Gateway(_) => unreachable!(),
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_keep_the_names_of_old() {
        let (name, args) =
            start(&["--name", "a", "--port", "9000", "--plaintext", "--gateway-host", "h", "--env", "A=b=c"])
                .unwrap();
        assert_eq!(name.as_str(), "a");
        assert_eq!((args.port, args.plaintext, args.disable_gateway_auth), (Some(9000), Some(true), None));
        assert_eq!(args.env, [("A".to_owned(), "b=c".to_owned())]);
        assert_eq!(start(&["--plaintext=false"]).unwrap().1.plaintext, Some(false));
        assert_eq!(start(&["-g", "b"]).unwrap().0.as_str(), "b");
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [["--port", "0"], ["--env", "x"], ["--env", "1A=b"], ["--name", "-x"], ["--bind", "host"]]
        {
            assert!(start(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn spans() {
        assert_eq!(span("90"), Ok(90));
        assert_eq!(span("10m"), Ok(600));
        assert_eq!(span("1d"), Ok(86_400));
        assert!(span("m").is_err());
        assert!(span("1w").is_err());
    }
}
