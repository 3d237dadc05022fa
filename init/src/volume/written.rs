//! Writes the volume out before anybody relies on the gateway.
//!
//! k3s makes keys and certificates, and containerd unpacks images, without `fsync(2)`: a power cut within the
//! kernel's half a minute (`/proc/sys/vm/dirty_expire_centisecs`) leaves empty files with good names.

use openshell_contract::names::path;
use openshell_contract::status::BootKind;
use openshell_pid1::bounded;
use std::fs::File;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// How long it may hold up a gateway that is ready otherwise.
const LIMIT: Duration = Duration::from_secs(10);

/// Whether a start of this kind leaves anything to lose. After a clean stop everything was on disk, and the
/// same image on the same address writes nothing new that can't be made again.
pub fn is_due(boot: Option<BootKind>) -> bool {
    boot != Some(BootKind::Resume)
}

/// Writes out the file system that holds the data, by `syncfs(2)`, within [`LIMIT`]. Returns whether that was done.
pub async fn out() -> bool {
    let begin = Instant::now();
    let sync = || {
        bounded::by(Instant::now() + LIMIT, "syncfs", || {
            Ok::<_, std::io::Error>(nix::unistd::syncfs(File::open(path::DATA)?)?)
        })
    };
    match tokio::task::spawn_blocking(sync).await {
        Ok(Some(Ok(()))) => {
            info!("the volume is written out: {} ms", begin.elapsed().as_millis());
            return true;
        }
        Ok(Some(Err(e))) => warn!("the volume can't be written out: {e}"),
        Ok(None) => warn!("the volume is still being written out after {} s", LIMIT.as_secs()),
        Err(e) => warn!("writing out the volume was cut off: {e}"),
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_resume_has_nothing_to_lose() {
        assert!(!is_due(Some(BootKind::Resume)));
        for kind in [BootKind::First, BootKind::AfterCrash, BootKind::ImageChanged, BootKind::AddressChanged]
        {
            assert!(is_due(Some(kind)));
        }
        assert!(is_due(None));
    }
}
