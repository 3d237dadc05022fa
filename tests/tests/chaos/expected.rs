//! What has to be the same after each round.

use crate::footprint::Footprint;
use crate::{container, files, say};
use openshell_e2e::snapshot::{Counters, Snapshot, try_counters};
use openshell_e2e::{Client, Gateway, sandbox};
use std::cell::{Cell, RefCell};

/// k3s is started again five times without five minutes of health in between: a run of kills that nobody means
/// to be survived is cut short by starting the container again.
const RESTARTS: u32 = 3;

/// What a gateway was.
pub(crate) struct Expected {
    client: Client,
    sandbox: String,
    snapshot: Snapshot,
    footprint: Footprint,
    kept: Counters,
}

impl Expected {
    /// What it is now.
    ///
    /// # Panics
    /// It is not well.
    pub(crate) fn of(gateway: &Gateway) -> Self {
        sandbox::create(gateway);
        sandbox::shake_hands(gateway);
        Self {
            client: Client::new(gateway),
            sandbox: sandbox::uid(gateway),
            snapshot: Snapshot::take(gateway),
            footprint: Footprint::of(gateway),
            kept: try_counters(gateway, true).expect("the gateway counts"),
        }
    }

    /// Waits until all is well, and compares.
    ///
    /// # Panics
    /// Something is not as it was.
    pub(crate) fn comes_back(&mut self, gateway: &Gateway) {
        gateway.wait("process 1 has looked at everything", || {
            gateway.exec(&["openshell-init", "look"]).code == 0
        });
        let counted = Cell::new(None);
        gateway.wait("the gateway counts on", || {
            counted.set(try_counters(gateway, true));
            counted.get().is_some()
        });
        let counted = counted.get().expect("it counts");
        assert!(counted.counter > self.kept.counter, "{:?} {counted:?}", self.kept);
        self.kept = counted;
        gateway.wait("clients of before are served", || {
            gateway.grpc_health_with(self.client.dir(), true).code == 0
        });
        if sandbox::is_evicted(gateway) {
            say("  kubelet has evicted the sandbox, which somebody creates anew");
            sandbox::remove(gateway);
            sandbox::create(gateway);
            self.sandbox = sandbox::uid(gateway);
        }
        sandbox::shake_hands(gateway);
        assert_eq!(sandbox::uid(gateway), self.sandbox, "the sandbox was created anew");
    }

    /// Whether it is the one that it was, with nothing more about it.
    ///
    /// # Panics
    /// It is not.
    pub(crate) fn is_itself(&self, gateway: &Gateway) {
        let now = Snapshot::take(gateway);
        let ssh = |s: &Snapshot| s.secrets["openshell-ssh-handshake"].0.clone();
        assert_eq!(ssh(&now), ssh(&self.snapshot), "another SSH secret");
        assert_eq!((&now.ca, &now.fingerprint), (&self.snapshot.ca, &self.snapshot.fingerprint));
        assert!(!files::is_there(gateway, "fault"), "a fault that was asked for didn't strike");
        // Pods that end take a while to be gone.
        let grown = RefCell::new(String::new());
        gateway.wait("nothing is left behind", || {
            let now = Footprint::of(gateway).grown(&self.footprint);
            if let Some(what) = now.as_ref().filter(|what| **what != *grown.borrow()) {
                say(&format!("  {what}"));
                grown.replace(what.clone());
            }
            now.is_none()
        });
        if gateway.status().is_some_and(|status| status.k3s.restarts >= RESTARTS) {
            say("  the container is restarted, before k3s has ended too often");
            container::restart(gateway);
            gateway.wait_ready();
        }
    }
}
