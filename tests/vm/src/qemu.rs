//! QEMU: a machine with virtual devices, on the processor or on an emulated one.

use crate::accelerator::Accelerator;
use crate::machine::Hardware;
use std::path::Path;
use std::process::Command;

/// Mitigations of processor bugs are nothing that is tested here.
const KERNEL: &str = "root=/dev/vda rw console=ttyS0 quiet mitigations=off";
/// Five-level page tables only cost time on an emulated processor. Its time-stamp counters are those of
/// the host and agree, but the kernel's test finds them apart, and then each look at the clock is a system
/// call and an access to an emulated timer. A start takes ten times as long as on hardware: file data held
/// back for five minutes instead of 30 s is lost by a power cut as it would be there.
const EMULATED: &str = "no5lvl tsc=reliable clocksource=tsc sysctl.vm.dirty_expire_centisecs=30000";

/// The machine's process. Its standard input is to be the agent's port.
pub fn command(hardware: &Hardware) -> Command {
    let mut qemu = bare(&hardware.files, hardware.accelerator);
    let kernel = match hardware.accelerator {
        Accelerator::Emulation => format!("{KERNEL} {EMULATED}"),
        _ => KERNEL.to_owned(),
    };
    // A write is on the disk when the machine has flushed it: qcow2's own tables are kept in memory
    // until then, as by a disk with a volatile cache. Killing the process loses the rest.
    let format = if hardware.disk.base.is_some() { "qcow2" } else { "raw" };
    let disk = format!("file={},if=virtio,format={format},cache=writeback", hardware.disk.file.display());
    qemu.args(["-m", "4096", "-append", &kernel]).args(["-drive", &disk]);
    for drive in &hardware.drives {
        let drive = format!("file={},if=virtio,format=raw,readonly=on", drive.display());
        qemu.args(["-drive", &drive]);
    }
    let console = hardware.files.join("console.log");
    qemu.args(["-chardev", &format!("file,id=console,append=on,path={}", console.display())]);
    qemu.args(["-serial", "chardev:console", "-chardev", "socket,id=agent,fd=0"]);
    qemu.args(["-device", "virtio-serial", "-device", "virtserialport,chardev=agent,name=agent"]);
    qemu
}

/// Processors and kernel; no memory size and no devices.
pub fn bare(files: &Path, accelerator: Accelerator) -> Command {
    // A session of its own, and with it a process group. It ends with this process, however that ends.
    let mut qemu = Command::new("setsid");
    let name = if accelerator == Accelerator::Kvm { "kvm" } else { "tcg,thread=multi" };
    qemu.args(["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64"]);
    qemu.args(["-accel", name, "-cpu", "max", "-smp", "2"])
        .args(["-display", "none", "-monitor", "none", "-nic", "none"])
        .args([Path::new("-kernel"), &files.join("vmlinuz")])
        .args([Path::new("-initrd"), &files.join("initrd")]);
    qemu
}
