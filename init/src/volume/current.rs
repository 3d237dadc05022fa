//! The run that is under way, known to whoever may have to end it.

use super::Run;
use crate::failure::Failure;
use std::sync::{Arc, Mutex, PoisonError};

/// The run, once it has begun; cheap to clone.
#[derive(Clone, Default)]
pub struct Current {
    run: Arc<Mutex<Option<Run>>>,
}

impl Current {
    pub(super) fn begin(&self, run: Run) {
        *self.run.lock().unwrap_or_else(PoisonError::into_inner) = Some(run);
    }

    /// Remembers in the volume that the run ended by a clean stop, or by a `defect`, if it had begun.
    pub fn end(&self, defect: Option<&str>) -> Result<(), Failure> {
        // Not held while it is written: the volume may hang.
        let run = self.run.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(run) = run else { return Ok(()) };
        defect.map_or_else(|| run.ended_cleanly(), |cause| run.ended_by(cause)).write()
    }
}
