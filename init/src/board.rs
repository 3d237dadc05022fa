//! The board: where the stages write how they do, and everybody reads it.
//!
//! One lock, one document. At each change it is serialized once, written to its file and handed to
//! those who watch.

use crate::clock::now_ms;
use crate::conditions;
use crate::failure::Failure;
use crate::fault;
use crate::files;
use crate::stage::Stage;
use crate::warnings::{About, Warnings};
use openshell_contract::condition::Kind;
use openshell_contract::names::path;
use openshell_contract::status::{Phase, Problem, StageState, StageStatus, Status, VERSION};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tracing::{error, info, warn};

/// How long a stage may take without a word.
const WAIT: Duration = Duration::from_secs(5);

/// The board; cheap to clone.
#[derive(Clone)]
pub struct Board {
    inner: Arc<Inner>,
}

struct Inner {
    start: Instant,
    status: Mutex<Status>,
    warnings: Mutex<Warnings>,
    document: watch::Sender<Arc<str>>,
}

impl Board {
    /// A board with every stage waiting.
    pub fn new() -> Self {
        let now = now_ms();
        let stages = Stage::ALL.iter().map(|stage| StageStatus {
            name: stage.name().to_owned(),
            state: StageState::Waiting,
            started_after_ms: None,
            took_ms: None,
            detail: String::new(),
        });
        let status = Status {
            v: VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since_ms: now,
            started_ms: now,
            stages: stages.collect(),
            conditions: conditions::all(now),
            ..Status::default()
        };
        let inner = Inner {
            start: Instant::now(),
            status: Mutex::new(status),
            warnings: Mutex::default(),
            document: watch::Sender::new("".into()),
        };
        let board = Self { inner: Arc::new(inner) };
        board.update(|_| {});
        board
    }

    /// Changes the document and publishes it.
    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        let mut status = self.lock();
        change(&mut status);
        conditions::follow(&mut status, now_ms());
        match serde_json::to_string(&*status) {
            Ok(document) => {
                // The file is a copy for readers without the socket; the socket answers from memory.
                if let Err(e) = files::replace(Path::new(path::STATUS), document.as_bytes(), 0o644) {
                    warn!("can't write {}: {e}", path::STATUS);
                }
                self.inner.document.send_replace(document.into());
            }
            Err(e) => error!("the status document can't be serialized: {e}"),
        }
    }

    /// The document as it is now, and its changes.
    pub fn watch(&self) -> watch::Receiver<Arc<str>> {
        self.inner.document.subscribe()
    }

    /// A copy of the status.
    pub fn status(&self) -> Status {
        self.lock().clone()
    }

    /// Enters `phase`. A failure can only be followed by a stop, and a stop by nothing.
    pub fn enter(&self, phase: Phase) {
        let after = elapsed_ms(self.inner.start);
        self.update(|status| {
            let is_final = match status.phase {
                Phase::Stopping => true,
                Phase::Failed => phase != Phase::Stopping,
                _ => false,
            };
            if status.phase == phase || is_final {
                return;
            }
            status.phase = phase;
            status.since_ms = now_ms();
            if phase == Phase::Ready {
                status.ready_after_ms.get_or_insert(after);
            }
            info!("{}", status.summary());
        });
    }

    /// Remembers that the gateway serves, whatever else is to be repaired.
    pub fn serves(&self) {
        let after = elapsed_ms(self.inner.start);
        if self.lock().ready_after_ms.is_none() {
            self.update(|status| status.ready_after_ms = Some(after));
        }
    }

    /// Says what a stage is about: progress, which also resets its deadline.
    pub fn detail(&self, stage: Stage, detail: impl Into<String>) {
        let detail = detail.into();
        if self.lock().stages[stage as usize].detail != detail {
            self.update(|status| status.stages[stage as usize].detail = detail);
        }
    }

    /// Says whether a condition holds, and what was seen.
    pub fn condition(&self, kind: Kind, seen: Result<String, &Failure>) {
        let new = conditions::seen(kind, Some(seen), now_ms());
        // Looked at several times a second while it is waited for, it seldom changes.
        if conditions::put(&mut self.lock().conditions, new) {
            self.update(|_| {});
        }
    }

    /// Asks for a condition that not every gateway has to meet.
    pub fn expect(&self, kind: Kind) {
        self.update(|status| conditions::add(&mut status.conditions, kind, now_ms()));
    }

    /// Says what should be known `about` something, in place of what was said of it before. Nothing: it is
    /// mended.
    pub fn warn(&self, about: About, texts: impl IntoIterator<Item = impl Into<String>>) {
        let texts: Vec<String> = texts.into_iter().map(Into::into).collect();
        for text in self.warnings(|all| all.tell(about, &texts, Instant::now())) {
            warn!("{text}");
        }
    }

    /// Takes down warnings of what happened long ago.
    pub fn forget(&self) {
        self.warnings(|all| all.forget(Instant::now()));
    }

    /// Changes the warnings and publishes them if they are others.
    fn warnings<T>(&self, change: impl FnOnce(&mut Warnings) -> T) -> T {
        let mut warnings = self.inner.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut warnings);
        let texts = warnings.texts();
        if self.lock().warnings != texts {
            self.update(|status| status.warnings = texts);
        }
        result
    }

    /// Puts up a problem of `stage`, in place of an earlier one of the same stage. What fails
    /// because of a stop is no problem.
    pub fn problem(&self, stage: Stage, failure: &Failure) {
        self.update(|status| {
            if status.phase == Phase::Stopping {
                return;
            }
            let same = |p: &Problem| p.stage == stage.name() && p.reason == failure.reason;
            if let Some(old) = status.problems.iter_mut().find(|p| same(p)) {
                old.message.clone_from(&failure.message);
                return;
            }
            error!(stage = stage.name(), reason = failure.reason.code(), "{}", failure.message);
            status.problems.retain(|p| p.stage != stage.name());
            status.problems.push(Problem {
                stage: stage.name().to_owned(),
                reason: failure.reason,
                message: failure.message.clone(),
                remedy: failure.reason.remedy().to_owned(),
                since_ms: now_ms(),
            });
        });
    }

    /// Takes down the problems of `stage`.
    pub fn solved(&self, stage: Stage) {
        if self.lock().problems.iter().any(|p| p.stage == stage.name()) {
            info!(stage = stage.name(), "solved");
            self.update(|status| status.problems.retain(|p| p.stage != stage.name()));
        }
    }

    /// Runs the work of `stage`: marks its start and its end, and puts up a problem when it fails or
    /// goes without progress for longer than it may. Overdue work goes on: what it waits for may come.
    ///
    /// A stage that was done and is done again keeps the times of the start.
    pub async fn run<T>(
        &self,
        stage: Stage,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let began = Instant::now();
        self.mark(stage, StageState::Running, None);
        fault::edge(stage, "begin");
        let mut work = std::pin::pin!(self.telling(stage, began, work));
        let result = loop {
            let before = self.lock().stages[stage as usize].detail.clone();
            if let Ok(result) = tokio::time::timeout(stage.deadline(), &mut work).await {
                break result;
            }
            let detail = self.lock().stages[stage as usize].detail.clone();
            if detail == before {
                let waited = began.elapsed().as_secs();
                self.problem(
                    stage,
                    &Failure::new(stage.overdue(), format!("still waiting after {waited} s: {detail}")),
                );
            }
        };
        fault::edge(stage, "end");
        match &result {
            Ok(_) => {
                self.mark(stage, StageState::Done, Some(began));
                self.solved(stage);
            }
            Err(failure) => {
                self.mark(stage, StageState::Failed, Some(began));
                self.problem(stage, failure);
            }
        }
        result
    }

    /// Says in the log what long work waits for: after [`WAIT`], and then each time it has taken twice as
    /// long.
    async fn telling<T>(&self, stage: Stage, began: Instant, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut pause = WAIT;
        loop {
            if let Ok(result) = tokio::time::timeout(pause, &mut work).await {
                return result;
            }
            pause = began.elapsed();
            let detail = self.lock().stages[stage as usize].detail.clone();
            info!(stage = stage.name(), "still waiting after {} s: {detail}", pause.as_secs());
        }
    }

    fn mark(&self, stage: Stage, how: StageState, began: Option<Instant>) {
        let started = elapsed_ms(self.inner.start);
        let is_again = self.lock().stages[stage as usize].state == StageState::Done;
        if is_again && how != StageState::Failed {
            return;
        }
        self.update(|status| {
            let entry = &mut status.stages[stage as usize];
            entry.state = how;
            match began {
                None => {
                    entry.started_after_ms = Some(started);
                    entry.took_ms = None;
                }
                Some(began) => {
                    entry.took_ms = Some(elapsed_ms(began));
                    info!(stage = stage.name(), took_ms = entry.took_ms, "{how:?} {}", entry.detail);
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.inner.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
