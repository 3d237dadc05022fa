use super::*;
use crate::settings::Gpu;
use clap::CommandFactory;

fn start(args: &[&str]) -> Result<(GatewayName, Start), clap::Error> {
    let cli = Cli::try_parse_from(["openshell", "gateway", "start"].iter().chain(args))?;
    match cli.topic {
        Topic::Gateway(Command::Start(start)) => Ok((cli.gateway, start)),
        _ => unreachable!(),
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
    let (_, gpu) = start(&["--gpu", "--registry-username", "me", "--registry-token", "t"]).unwrap();
    assert_eq!((gpu.gpu, gpu.registry_token.as_deref()), (Some(Gpu::Auto), Some("t")));
    assert_eq!(start(&["--gpu=off"]).unwrap().1.gpu, Some(Gpu::Off));
    assert_eq!(start(&["--plaintext=false"]).unwrap().1.plaintext, Some(false));
    assert_eq!(start(&["-g", "b"]).unwrap().0.as_str(), "b");
}

#[test]
fn nonsense_is_refused() {
    for bad in [
        ["--port", "0"],
        ["--env", "x"],
        ["--env", "1A=b"],
        ["--name", "-x"],
        ["--bind", "host"],
        ["--memory", "lots"],
        ["--cpus", "0.1"],
        ["--gpu=0", "--no-wait"],
    ] {
        assert!(start(&bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_tail_is_the_number_of_lines_by_either_name() {
    for flag in ["--tail", "--lines", "-n"] {
        let cli = Cli::try_parse_from(["openshell", "gateway", "logs", flag, "5", "-f"]).unwrap();
        let Topic::Gateway(Command::Logs(logs)) = cli.topic else { unreachable!() };
        assert_eq!((logs.tail, logs.follow), (Some(5), true));
    }
}

/// Every page of help, as people read it.
#[test]
fn help() {
    fn pages(command: &mut clap::Command, out: &mut Vec<String>) {
        let name = command.get_bin_name().unwrap_or("openshell").to_owned();
        let text = command.render_long_help().to_string();
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        out.push(format!("$ {name} --help\n{}\n", lines.join("\n")));
        for sub in command.get_subcommands_mut().filter(|c| c.get_name() != "help") {
            pages(sub, out);
        }
    }
    let mut command = Cli::command();
    command.build();
    let mut out = Vec::new();
    pages(&mut command, &mut out);
    insta::assert_snapshot!(out.join("\n"));
}
