//! The machine: a QEMU process with one disk.

use crate::agent::Agent;
use crate::error::{Attempt, Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What the machine's kernel and systemd say, below the directory of the machine's files.
pub const CONSOLE: &str = ".cache/vm/console.log";

/// Five-level page tables and the mitigations of processor bugs only cost time on an emulated processor.
/// Its time-stamp counters are those of the host and agree, but the kernel's test finds them apart, and
/// then each look at the clock is a system call and an access to an emulated timer.
const KERNEL: &str =
    "root=/dev/vda rw console=ttyS0 quiet no5lvl mitigations=off tsc=reliable clocksource=tsc";
/// How often this side looks for what it can't wait for.
const POLL: Duration = Duration::from_millis(50);
/// Longest time from power on to a running agent.
const BOOT: Duration = Duration::from_mins(10);

/// A machine that is on. Dropping it takes the power away.
pub struct Machine {
    process: Power,
    agent: Agent,
}

/// The QEMU process.
struct Power(Child);

impl Power {
    fn off(&mut self) -> Result<bool> {
        self.0.try_wait().map(|end| end.is_some()).attempting(|| "can't look at QEMU")
    }

    fn cut(&mut self) -> Result<()> {
        self.0.kill().and_then(|()| self.0.wait()).map(drop).attempting(|| "can't kill QEMU")
    }
}

impl Drop for Power {
    fn drop(&mut self) {
        // It may be off already, and nobody is left to be told otherwise.
        let _ = self.cut();
    }
}

/// What a machine is made of.
pub struct Hardware {
    /// Directory with kernel, initrd and console log.
    pub files: PathBuf,
    /// The disk, a qcow2 image.
    pub disk: PathBuf,
    /// Further drives, read only.
    pub drives: Vec<PathBuf>,
    /// QEMU's accelerator.
    pub accelerator: &'static str,
}

impl Hardware {
    /// Switches the machine on and waits for its agent.
    pub fn switch_on(&self) -> Result<Machine> {
        let socket = self.files.join("agent.sock");
        // QEMU makes it; one of an earlier machine would be connected to first.
        let _ = std::fs::remove_file(&socket);
        let console = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.files.join("console.log"))
            .attempting(|| "can't open the console log")?;
        let process = self
            .command(&socket)
            .stdin(Stdio::null())
            .stderr(console.try_clone().attempting(|| "can't share the console log")?)
            .stdout(console)
            .spawn()
            .attempting(|| "can't start qemu-system-x86_64")?;
        let mut process = Power(process);
        let deadline = Instant::now() + Duration::from_secs(30);
        while !socket.exists() {
            if Instant::now() > deadline || process.off()? {
                return Err(Error::Machine("can't be switched on".to_owned()));
            }
            std::thread::sleep(POLL);
        }
        let mut agent = Agent::connect(&socket)?;
        agent.wait_hello(BOOT)?;
        Ok(Machine { process, agent })
    }

    fn command(&self, socket: &Path) -> Command {
        let mut qemu = self.bare(self.accelerator);
        // A write is on the disk when the machine has flushed it: qcow2's own tables are kept in memory
        // until then, as by a disk with a volatile cache. Killing the process loses the rest.
        let disk = format!("file={},if=virtio,format=qcow2,cache=writeback", self.disk.display());
        qemu.args(["-m", "4096", "-append", KERNEL]).args(["-drive", &disk]);
        for drive in &self.drives {
            let drive = format!("file={},if=virtio,format=raw,readonly=on", drive.display());
            qemu.args(["-drive", &drive]);
        }
        let port = format!("socket,id=agent,path={},server=on,wait=off", socket.display());
        qemu.args(["-chardev", &port, "-device", "virtio-serial"]);
        qemu.args(["-device", "virtserialport,chardev=agent,name=agent"]);
        qemu
    }

    /// Processors, kernel and console; no memory size and no devices.
    pub fn bare(&self, accelerator: &str) -> Command {
        // It ends with this process, however that ends.
        let mut qemu = Command::new("setpriv");
        qemu.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
        qemu.args(["-accel", accelerator, "-cpu", "max", "-smp", "2"])
            .args(["-display", "none", "-monitor", "none", "-serial", "stdio", "-nic", "none"])
            .args([Path::new("-kernel"), &self.files.join("vmlinuz")])
            .args([Path::new("-initrd"), &self.files.join("initrd")]);
        qemu
    }
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
