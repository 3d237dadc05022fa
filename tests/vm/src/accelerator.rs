//! Which of QEMU's accelerators works here.

use crate::error::{Attempt, Result};
use crate::qemu::Hardware;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Enough for a kernel on hardware; a guest that hangs in early boot takes all of it.
const LIMIT: Duration = Duration::from_secs(20);

/// `kvm` if a kernel gets as far as its first process with it, else software emulation. That
/// `/dev/kvm` can be opened is not enough: nested virtualisation may lack what a kernel needs.
pub fn probe(hardware: &Hardware) -> Result<&'static str> {
    if std::fs::File::options().read(true).write(true).open("/dev/kvm").is_err() {
        return Ok(EMULATION);
    }
    // The first process ends at once, which the kernel answers with a panic, and QEMU by ending.
    let mut qemu = hardware.bare("kvm");
    qemu.args(["-no-reboot", "-m", "512", "-append", "console=ttyS0 rdinit=/bin/true panic=-1"]);
    let mut process = qemu
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .attempting(|| "can't start qemu-system-x86_64")?;
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(end) = process.try_wait().attempting(|| "can't wait for QEMU")? {
            return Ok(if end.success() { "kvm" } else { EMULATION });
        }
        if Instant::now() > deadline {
            process.kill().and_then(|()| process.wait()).attempting(|| "can't kill QEMU")?;
            return Ok(EMULATION);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

const EMULATION: &str = "tcg,thread=multi";
