//! The table of children under every interleaving that `loom` finds (up to three preemptions): the file
//! itself, on locks of the model and a kernel of three process ids.

#[path = "../src/broker/core.rs"]
#[expect(dead_code, reason = "the model needs a part of it")]
mod table;

mod sync {
    pub use loom::sync::{Condvar, Mutex, MutexGuard};
}

use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
use loom::thread;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
// Also for the table, which names it `crate::Exit`.
use openshell_pid1::Exit;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use table::{Core, Kernel, Refusal, is_exhaustion};

/// Processes that all end at once, each with its code, and the signals that are meant for them.
struct Model {
    /// Each process id, and the code of the zombie that has it; the lowest free one is given next.
    ids: Mutex<Vec<(i32, Option<u8>)>>,
    /// A pending SIGCHLD: one for any number of ends.
    pending: Mutex<bool>,
    raised: Condvar,
    born: AtomicUsize,
}

impl Model {
    fn with_ids(n: i32) -> Self {
        let ids = Mutex::new((1..=n).map(|id| (id, None)).collect());
        Self { ids, pending: Mutex::new(false), raised: Condvar::new(), born: AtomicUsize::new(0) }
    }

    /// A process is born, and has ended before its number is known to anybody.
    fn born_and_ended(&self, code: u8) -> io::Result<Pid> {
        let mut ids = held(&self.ids);
        let free = ids.iter_mut().find(|(_, zombie)| zombie.is_none());
        let (id, zombie) = free.ok_or_else(|| io::Error::from_raw_os_error(nix::libc::EAGAIN))?;
        *zombie = Some(code);
        let pid = Pid::from_raw(*id);
        drop(ids);
        self.born.fetch_add(1, Ordering::Relaxed);
        *held(&self.pending) = true;
        self.raised.notify_one();
        Ok(pid)
    }

    fn wait_for_sigchld(&self) {
        let mut pending = held(&self.pending);
        while !*pending {
            pending = self.raised.wait(pending).expect("no panic with a lock");
        }
        *pending = false;
    }
}

impl Kernel for Model {
    type Command = u8;
    type Child = ();

    fn spawn(&self, code: &mut u8) -> io::Result<(Pid, ())> {
        Ok((self.born_and_ended(*code)?, ()))
    }

    fn wait(&self) -> Option<(Pid, Exit)> {
        let mut ids = held(&self.ids);
        let (id, code) = ids.iter_mut().find_map(|(id, zombie)| Some((*id, zombie.take()?)))?;
        Some((Pid::from_raw(id), Exit::Code(code)))
    }

    fn has(&self, _: Pid) -> bool {
        unreachable!("no model adopts")
    }

    /// USR1 is meant for the process that ends with 1, USR2 for that with 2.
    fn kill(&self, target: Pid, signal: Signal) -> bool {
        let hit =
            held(&self.ids).iter().find_map(|(id, zombie)| (*id == target.as_raw()).then_some(*zombie)?);
        assert_eq!(hit, Some(if signal == Signal::SIGUSR1 { 1 } else { 2 }), "the signal hit somebody else");
        true
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().expect("no panic with a lock")
}

fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Ends that were told, each with the code that its spawner expects.
#[derive(Clone, Default)]
struct Told(std::sync::Arc<AtomicUsize>);

impl Told {
    fn expect(&self, code: u8) -> Box<dyn FnOnce(Exit) + Send> {
        let told = self.0.clone();
        Box::new(move |exit| {
            assert_eq!(exit, Exit::Code(code), "the end of another child");
            told.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Starts a child, signals it, and waits until it is gone.
fn spawn_signal_wait(table: &Core<Model>, code: u8, told: &Told) {
    let Ok((child, ())) = table.spawn(&mut { code }, told.expect(code)) else { panic!("not started") };
    let signal = if code == 1 { Signal::SIGUSR1 } else { Signal::SIGUSR2 };
    table.signal(child, signal, false);
    assert!(table.wait_gone(child, Instant::now() + Duration::from_hours(1)));
    assert!(!table.signal(child, signal, false), "it is gone");
}

/// With few process ids, so that the second child may get the number of the first one at once.
#[test]
fn each_end_is_told_once_to_its_spawner_and_no_signal_goes_astray() {
    check(|| {
        let (core, told) = (Arc::new(Core::new(Model::with_ids(2))), Told::default());
        let spawners: Vec<_> = [1, 2]
            .into_iter()
            .map(|code| {
                let (core, told) = (core.clone(), told.clone());
                thread::spawn(move || spawn_signal_wait(&core, code, &told))
            })
            .collect();
        while told.count() < 2 {
            core.kernel.wait_for_sigchld();
            core.reap();
        }
        for spawner in spawners {
            spawner.join().unwrap();
        }
        assert_eq!((told.count(), core.orphans()), (2, 0));
    });
}

#[test]
fn an_orphan_is_never_taken_for_a_child_nor_a_child_for_an_orphan() {
    check(|| {
        let (core, told) = (Arc::new(Core::new(Model::with_ids(2))), Told::default());
        let orphaning = core.clone();
        let orphan = thread::spawn(move || orphaning.kernel.born_and_ended(9).map(drop).unwrap());
        let (spawning, telling) = (core.clone(), told.clone());
        let spawner = thread::spawn(move || spawn_signal_wait(&spawning, 1, &telling));
        while told.count() + usize::try_from(core.orphans()).unwrap() < 2 {
            core.kernel.wait_for_sigchld();
            core.reap();
        }
        orphan.join().unwrap();
        spawner.join().unwrap();
        assert_eq!((told.count(), core.orphans()), (1, 1));
    });
}

#[test]
fn nothing_is_born_after_the_close() {
    check(|| {
        let core = Arc::new(Core::new(Model::with_ids(1)));
        let closing = core.clone();
        let closer = thread::spawn(move || {
            closing.close();
            closing.kernel.born.load(Ordering::Relaxed)
        });
        let started = core.spawn(&mut 1, Box::new(|_| {}));
        let born_at_close = closer.join().unwrap();
        assert_eq!(core.kernel.born.load(Ordering::Relaxed), born_at_close);
        assert_eq!(born_at_close == 0, matches!(started, Err(Refusal::Closed)));
    });
}

/// The model's waits never run out of time: only the reaping can wake the second start.
#[test]
fn a_reaped_process_wakes_a_start_that_waits_for_a_number() {
    check(|| {
        let (core, told) = (Arc::new(Core::new(Model::with_ids(1))), Told::default());
        let starters: Vec<_> = [1, 2]
            .into_iter()
            .map(|code| {
                let (core, told) = (core.clone(), told.clone());
                thread::spawn(move || match core.spawn(&mut { code }, told.expect(code)) {
                    Ok(_) => true,
                    // The machine stood still for a second.
                    Err(Refusal::Os(e)) if is_exhaustion(&e) => false,
                    Err(Refusal::Os(_) | Refusal::Closed) => panic!("refused"),
                })
            })
            .collect();
        core.kernel.wait_for_sigchld();
        core.reap();
        let started = starters.into_iter().map(|s| s.join().unwrap()).filter(|s| *s).count();
        core.reap();
        assert_eq!(told.count(), started);
    });
}
