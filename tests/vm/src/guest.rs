//! The machine of a scenario: a disk of its own, and a shell.

use crate::error::{Error, Result};
use crate::machine::{Hardware, Machine};
use std::time::{Duration, Instant};

/// Longest time for one command. Emulated code is ten times slower, and the machine may be busy.
const COMMAND: Duration = Duration::from_mins(10);
/// Longest time for a condition, such as a gateway that becomes ready.
pub const PATIENCE: Duration = Duration::from_mins(30);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(500);

/// A machine that can be switched off and on again.
pub struct Guest {
    hardware: Hardware,
    machine: Machine,
}

impl Guest {
    /// Switches the machine on.
    pub fn new(hardware: Hardware) -> Result<Self> {
        let machine = hardware.switch_on()?;
        Ok(Self { hardware, machine })
    }

    /// Runs a Bash script. Returns its output, both streams, and its exit code.
    pub fn run(&mut self, script: &str) -> Result<(String, i32)> {
        self.machine.agent().run(script, COMMAND)
    }

    /// Runs a Bash script that has to succeed. Returns its output, both streams.
    pub fn sh(&mut self, script: &str) -> Result<String> {
        match self.run(script)? {
            (output, 0) => Ok(output),
            (output, code) => Err(Error::Script { script: script.to_owned(), output, code }),
        }
    }

    /// Waits until `look` finds something; else it tells what it saw.
    pub fn wait<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&mut Self) -> Result<std::result::Result<T, String>>,
    ) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match look(self)? {
                Ok(found) => return Ok(found),
                Err(last) if Instant::now() > deadline => {
                    return Err(Error::Never { what: what.to_owned(), after: PATIENCE, last });
                }
                Err(_) => std::thread::sleep(POLL),
            }
        }
    }

    /// Waits until a script succeeds.
    pub fn wait_sh(&mut self, what: &str, script: &str) -> Result<String> {
        self.wait(what, |guest| {
            let (output, code) = guest.run(script)?;
            Ok(if code == 0 { Ok(output) } else { Err(format!("exit code {code}: {output}")) })
        })
    }

    /// Takes the power away and switches it on again: what was not flushed to the disk is lost.
    pub fn cut_power(&mut self) -> Result<()> {
        self.machine.cut_power()?;
        self.machine = self.hardware.switch_on()?;
        Ok(())
    }

    /// Restarts the machine in good order.
    pub fn reboot(&mut self) -> Result<()> {
        self.machine.reboot()
    }
}
