//! Each call of each run fails once, in each way.

use super::handshake::{Bundle, accept_each_other, text};
use super::scenes::{self, Act, Given, NAMES, ORIGINAL_SSH, Scene, pass, process};
use crate::kube::fake::{Fake, Fault, secret};
use crate::pki::Request;
use crate::secrets::Secrets;
use std::io::Write;
use std::time::Duration;

/// Passes until all must be well: one for the fault, one for what it left.
const PASSES: usize = 4;

/// To die in a call is to die before it is done or after.
const DEATHS: [Fault; 2] = [Fault::Silence, Fault::Cut];

/// A run up to the moment when it happens.
struct Run {
    fake: Fake,
    secrets: Secrets,
    /// The SSH secret that must not change.
    ssh: Option<String>,
    /// A client from before.
    client: Option<Bundle>,
}

impl Run {
    async fn begin(scene: &Scene) -> Self {
        let fake = Fake::default();
        scene.given.put(&fake);
        let secrets = process(&fake);
        if scene.settled {
            pass(&secrets).await.unwrap();
        }
        if scene.overlapping {
            secrets.pki(Some(Request::Ca)).await.unwrap();
        }
        let has = |name| fake.get(&secret(name)).is_some();
        let known = has(NAMES[4]).then(|| text(&fake, NAMES[4], "secret"));
        let ssh = known.or_else(|| (scene.given == Given::Sandbox).then(|| ORIGINAL_SSH.to_owned()));
        let client = NAMES[1..4].iter().all(|name| has(name)).then(|| Bundle::read(&fake));
        let client = client.filter(|_| scene.settled || scene.given == Given::Original);
        match scene.act {
            Act::Deleted(name) => fake.remove(&secret(name)),
            Act::Damaged => {
                let mut damaged = fake.get(&secret(NAMES[4])).unwrap();
                damaged["data"]["secret"] = "eA==".into();
                fake.put(&secret(NAMES[4]), damaged);
            }
            _ => {}
        }
        let secrets = if scene.act == Act::Start { process(&fake) } else { secrets };
        Self { fake, secrets, ssh, client }
    }

    async fn act(&self, scene: &Scene) -> bool {
        match scene.act {
            Act::Rotate(request) => self.secrets.pki(Some(request)).await.is_ok(),
            Act::RotateSsh => self.secrets.rotate_ssh(true).await.is_ok(),
            _ => pass(&self.secrets).await.is_ok(),
        }
    }

    /// Passes until one goes through, after the process died if it `dies`; then judges the end.
    async fn end(mut self, scene: &Scene, dies: bool, what: &str) {
        self.client_is_never_cut_off(scene, what).await;
        if dies {
            self.secrets = process(&self.fake);
        }
        let mut passed = false;
        for _ in 0..PASSES {
            passed = pass(&self.secrets).await.is_ok();
            if passed {
                break;
            }
        }
        assert!(passed, "{what}: it never came to an end");
        self.fake.arm(&[]);
        pass(&process(&self.fake)).await.unwrap();
        let writes = self.fake.calls().into_iter().filter(|call| !call.starts_with("GET"));
        assert_eq!(writes.collect::<Vec<_>>(), Vec::<String>::new(), "{what}: a new start finds work to do");
        assert!(accept_each_other(&self.fake, &Bundle::read(&self.fake)).await, "{what}: no handshake");
        // What is deleted or damaged, and then the process dies that knew it, is lost unless there is a copy.
        let is_lost = dies && matches!(scene.act, Act::Deleted(_) | Act::Damaged);
        if let Some(ssh) = self.ssh.as_ref().filter(|_| scene.act != Act::RotateSsh && !is_lost) {
            assert_eq!(&text(&self.fake, NAMES[4], "secret"), ssh, "{what}: the SSH secret changed");
        }
        if !is_lost && !matches!(scene.given, Given::Original | Given::Hooks) {
            assert!(self.fake.get(&secret(NAMES[0])).is_some(), "{what}: there is no CA key");
        }
        assert!(self.fake.lost_no_update(), "{what}: what somebody else wrote is gone");
        self.client_is_never_cut_off(scene, what).await;
    }

    /// A client from before gets through whenever the gateway's Secrets are there.
    async fn client_is_never_cut_off(&self, scene: &Scene, what: &str) {
        let Some(client) = &self.client else { return };
        let is_there = NAMES[1..4].iter().all(|name| self.fake.get(&secret(name)).is_some());
        // Leaves of a new CA are for clients that were given its certificate, which was before.
        let is_told = !scene.overlapping || client.ca.matches("BEGIN").count() == 2;
        if is_there && is_told {
            assert!(accept_each_other(&self.fake, client).await, "{what}: a client from before is cut off");
        }
    }
}

#[test]
fn every_call_may_fail_in_every_way_and_all_ends_well() {
    let scenes = scenes::all();
    let (calls, runs) = std::thread::scope(|scope| {
        let all: Vec<_> = scenes.iter().map(|scene| scope.spawn(|| exhaust(scene))).collect();
        all.into_iter().map(|scene| scene.join().unwrap()).fold((0, 0), |(a, b), (c, d)| (a + c, b + d))
    });
    let line = format!("exhaustive: {calls} calls of {} runs, {runs} faults, 0 bad ends\n", scenes.len());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(calls > 100 && runs == calls * (Fault::ALL.len() + DEATHS.len()));
}

#[test]
fn a_read_that_fails_leads_to_no_write() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let fake = Fake::default();
        pass(&process(&fake)).await.unwrap();
        fake.arm(&[]);
        pass(&process(&fake)).await.unwrap();
        let calls = fake.calls().len();
        for (number, fault) in (0..calls).flat_map(|n| Fault::ALL.into_iter().map(move |f| (n, f))) {
            fake.arm(&[(number, fault)]);
            let process = process(&fake);
            let passed =
                tokio::time::timeout(Duration::from_secs(15), pass(&process)).await.expect("a pass hangs");
            assert_eq!(passed.is_ok(), fault == Fault::Raced, "call {number} with {fault:?}");
            assert!(fake.calls().iter().all(|call| call.starts_with("GET")), "{:?}", fake.calls());
        }
        // Only this says that there is none.
        fake.remove(&secret(NAMES[4]));
        pass(&process(&fake)).await.unwrap();
        assert!(fake.get(&secret(NAMES[4])).is_some());
    });
}

/// Fails each call of `scene` in each way. Returns how many calls there are, and how many runs there were.
fn exhaust(scene: &Scene) -> (usize, usize) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let calls = runtime.block_on(async {
        let run = Run::begin(scene).await;
        run.fake.arm(&[]);
        assert!(run.act(scene).await, "{scene:?} without a fault");
        let calls = run.fake.calls();
        run.end(scene, false, &format!("{scene:?} without a fault")).await;
        calls
    });
    let mut runs = 0;
    for (number, call) in calls.iter().enumerate() {
        let lives = Fault::ALL.map(|fault| (fault, false)).into_iter();
        for (fault, dies) in lives.chain(DEATHS.map(|fault| (fault, true))) {
            let what = format!("{scene:?}, call {number} ({call}) with {fault:?}, dies: {dies}");
            runtime.block_on(async {
                let run = Run::begin(scene).await;
                run.fake.arm(&[(number, fault)]);
                // What fails is told; what it left is judged.
                let _ = run.act(scene).await;
                run.end(scene, dies, &what).await;
            });
            runs += 1;
        }
    }
    (calls.len(), runs)
}
