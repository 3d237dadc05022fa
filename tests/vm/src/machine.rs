//! A machine: a process with one disk, and a shell in it.

use crate::accelerator::Accelerator;
use crate::agent::Agent;
use crate::disk::Disk;
use crate::error::{Attempt, Error, Result};
use crate::{qemu, uml};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// What the machine's kernel and systemd say, below the repository's root.
pub const CONSOLE: &str = ".cache/vm/console.log";

/// How often this side looks for what it can't wait for.
const POLL: Duration = Duration::from_millis(50);
/// Longest time from power on to a running agent.
const BOOT: Duration = Duration::from_mins(10);

/// What a machine is made of.
#[derive(Clone)]
pub struct Hardware {
    /// Directory with kernels, initrd and console log.
    pub files: PathBuf,
    /// The disk.
    pub disk: Disk,
    /// Further drives, read only.
    pub drives: Vec<PathBuf>,
    /// What runs the machine's code.
    pub accelerator: Accelerator,
}

impl Hardware {
    /// Switches the machine on and waits for its agent.
    pub fn switch_on(&self) -> Result<Machine> {
        let (port, stream) = UnixStream::pair().attempting(|| "can't make the agent's port")?;
        let console = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.files.join("console.log"))
            .attempting(|| "can't open the console log")?;
        let command = match self.accelerator {
            Accelerator::UserMode => uml::command(self)?,
            Accelerator::Kvm | Accelerator::Emulation => qemu::command(self),
        };
        let process = Power::on(command, port, console)?;
        let mut machine = Machine { process, agent: Agent::new(stream) };
        machine.agent.wait_hello(BOOT)?;
        Ok(machine)
    }
}

/// A machine that is on. Dropping it takes the power away.
pub struct Machine {
    process: Power,
    agent: Agent,
}

impl Machine {
    /// The machine's shell.
    pub fn agent(&mut self) -> &mut Agent {
        &mut self.agent
    }

    /// Takes the power away.
    pub fn cut_power(&mut self) -> Result<()> {
        self.process.cut()
    }

    /// Restarts from within, and waits until the agent is back.
    pub fn reboot(&mut self) -> Result<()> {
        self.agent.send("systemctl --no-block reboot")?;
        self.agent.wait_hello(BOOT)
    }

    /// Shuts down from within.
    pub fn power_off(mut self) -> Result<()> {
        self.agent.send("systemctl --no-block poweroff")?;
        let deadline = Instant::now() + BOOT;
        while !self.process.off()? {
            if Instant::now() > deadline {
                return Err(Error::Machine("does not shut down".to_owned()));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

/// The machine's process, and those that it has made.
struct Power(Child);

impl Power {
    /// Starts the process: the port is its standard input, the console the rest.
    fn on(mut command: Command, port: UnixStream, console: std::fs::File) -> Result<Self> {
        let errors = console.try_clone().attempting(|| "can't share the console log")?;
        command.stdin(OwnedFd::from(port)).stdout(console).stderr(errors);
        let process =
            command.spawn().attempting(|| format!("can't start {}", command.get_program().display()))?;
        Ok(Self(process))
    }

    fn off(&mut self) -> Result<bool> {
        self.0.try_wait().map(|end| end.is_some()).attempting(|| "can't look at the machine")
    }

    /// A program of a user-mode machine is a process of its own here.
    fn cut(&mut self) -> Result<()> {
        if !self.off()? {
            match kill_process_group(Pid::from_child(&self.0), Signal::KILL) {
                // It has not made its group yet.
                Ok(()) | Err(Errno::SRCH) => {}
                Err(e) => return Err(e.into()).attempting(|| "can't kill the machine's group"),
            }
        }
        self.0.kill().and_then(|()| self.0.wait()).map(drop).attempting(|| "can't kill the machine")
    }
}

impl Drop for Power {
    fn drop(&mut self) {
        // It may be off already, and nobody is left to be told otherwise.
        let _ = self.cut();
    }
}
