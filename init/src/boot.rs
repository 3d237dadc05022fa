//! The story of a start, read from top to bottom.
//!
//! `volume → config → ports → (cgroup ∥ mounts ∥ kernel ∥ leftovers ∥ images ∥ registries ∥ identity ∥
//! (route ∥ iptables) → (seal ∥ dns)) → k3s → api → namespace → (ssh secret ∥ pki ∥ manifests ∥ nodes) →
//! chart → gateway → steady`

use crate::board::Board;
use crate::chart;
use crate::defect::{Alarm, Pulse};
use crate::ending::Ending;
use crate::failure::Failure;
use crate::k3s::{command_line::CommandLine, liveness, supervise::K3s};
use crate::node::iptables::Iptables;
use crate::node::route::Uplink;
use crate::node::{
    Prepared, cgroup, devices, dns, identity, images, leftovers, limits, machine_id, modules, mounts, ports,
    preflight, privilege, proxy, registries, route, seal, snapshotter,
};
use crate::nodes::Nodes;
use crate::pki::ClientBundle;
use crate::reconcile::Reconciler;
use crate::secrets::Secrets;
use crate::settings::{self, Loaded};
use crate::socket::Desk;
use crate::stage::Stage;
use crate::volume::Volume;
use crate::{fault, kube, log, say, socket, steady};
use openshell_contract::condition::Kind;
use openshell_contract::exit;
use openshell_contract::names::cluster;
use openshell_contract::reason::Reason;
use openshell_contract::settings::{Layer, Settings};
use openshell_contract::status::{Node, Phase};
use openshell_pid1::{Broker, Request};
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};

/// What the signals ask for, shared with the thread that takes them.
#[derive(Default)]
struct Requests {
    stop: Notify,
    hurry: Arc<AtomicBool>,
    dump: Notify,
}

/// Everything a start works with.
struct Init {
    board: Board,
    broker: Broker,
    k3s: K3s,
    environment: Layer,
    bundle: watch::Sender<Option<ClientBundle>>,
    desk: Desk,
    ending: Ending,
    alarm: Alarm,
    pulse: Pulse,
}

/// `boot`: be process 1, until somebody asks to stop.
pub fn main() -> ExitCode {
    let requests = Arc::new(Requests::default());
    let told = requests.clone();
    let broker = openshell_pid1::start(move |request| match request {
        Request::Stop => told.stop.notify_one(),
        Request::Hurry => told.hurry.store(true, Ordering::Relaxed),
        Request::Dump => told.dump.notify_one(),
    });
    let environment = settings::environment();
    let broker = match broker {
        Ok(broker) => broker,
        Err(e) => return refuse(exit::OS, &format!("the system refuses signal handlers: {e}")),
    };
    if std::process::id() != 1 {
        return refuse(
            exit::USAGE,
            "boot has to be process 1 of the container: run it with --init=false and without --pid=host; \
             every other subcommand works anywhere",
        );
    }
    if let Err(e) = openshell_pid1::detach() {
        return refuse(exit::OS, &format!("can't let go of what was handed down: {e}"));
    }
    let log = match log::start(settings::log_format(&environment)) {
        Ok(log) => log,
        Err(e) => return refuse(exit::OS, &format!("can't start the log: {e}")),
    };
    let alarm = Alarm::on_panic();
    // Keys are in memory: no core dump of it is ever written (`prctl(2)`, PR_SET_DUMPABLE). Children are
    // not affected: the flag is set again by `execve(2)`.
    if let Err(e) = nix::sys::prctl::set_dumpable(false) {
        warn!("a core dump of process 1 would hold keys: {e}");
    }
    if let Err(e) = broker.protect_from_oom() {
        info!("when memory is short the kernel may choose process 1 as any other ({e})");
    }
    if let Err(e) = socket::make_run_dir() {
        return refuse(exit::OS, &format!("can't make {}: {e}", openshell_contract::names::path::RUN));
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return refuse(exit::OS, &format!("can't start the async runtime: {e}")),
    };
    info!(version = env!("CARGO_PKG_VERSION"), "openshell-init is process 1");
    let k3s = K3s::new();
    let ending = Ending::new(broker.clone(), k3s.clone(), requests.hurry.clone());
    let pulse = Pulse::default();
    let (hung, last_lines) = (ending.clone(), log.clone());
    if let Err(e) = pulse.watch(move || hung.after_a_hang(&last_lines)) {
        return refuse(exit::OS, &format!("can't start the watchdog: {e}"));
    }
    let init = Init {
        board: Board::new(),
        broker,
        k3s,
        environment,
        bundle: watch::Sender::new(None),
        desk: Desk::default(),
        ending: ending.clone(),
        alarm: alarm.clone(),
        pulse,
    };
    // Held to the end: no other container may take the volume while this one is stopping.
    let mut volume = None;
    let lived = catch_unwind(AssertUnwindSafe(|| runtime.block_on(init.live(&requests, &mut volume))));
    // A panic of the main loop itself has been logged; what is left is to stop in order.
    let defect = lived.unwrap_or_else(|_| {
        ending.run();
        alarm.first()
    });
    if let Some(Err(failure)) = volume.map(|volume| volume.end(defect.as_deref())) {
        warn!("{failure}");
    }
    info!("stopped");
    log.finish();
    ExitCode::from(if defect.is_none() { exit::OK } else { exit::INTERNAL })
}

fn refuse(code: u8, text: &str) -> ExitCode {
    say(&mut std::io::stderr(), &format!("openshell-init: {text}\n"), code)
}

impl Init {
    /// Starts, keeps, and in the end stops the gateway. Returns the defect that ended it, if one did.
    async fn live(self, requests: &Requests, volume: &mut Option<Volume>) -> Option<String> {
        if let Err(failure) = socket::serve(self.board.clone(), self.bundle.subscribe(), self.desk.clone()) {
            error!("{failure}");
        }
        // Beside everything, the stop included.
        let pulse = self.pulse.clone();
        tokio::spawn(async move { pulse.beat().await });
        let defect = tokio::select! {
            () = requests.stop.notified() => None,
            what = self.alarm.raised() => Some(what),
            never = self.start(volume) => match never {},
            never = self.dump_on(&requests.dump) => match never {},
        };
        if let Some(what) = &defect {
            self.board.problem(Stage::K3s, &Failure::new(Reason::Internal, what.as_str()));
        }
        self.stop().await;
        defect
    }

    /// Runs the start. If it can't go on, the reason is on the board, and nothing more is tried, since
    /// neither a new process nor a new container would find anything else.
    async fn start(&self, volume: &mut Option<Volume>) -> Infallible {
        let failure = match self.boot(volume).await {
            Ok(never) => match never {},
            Err(failure) => failure,
        };
        self.board.enter(Phase::Failed);
        warn!("staying up to tell: {failure}");
        std::future::pending().await
    }

    async fn boot(&self, volume: &mut Option<Volume>) -> Result<Infallible, Failure> {
        fault::point("start");
        let board = &self.board;
        let opened = board
            .run(Stage::Volume, async {
                privilege::check()?;
                Volume::open()
            })
            .await?;
        let volume = volume.insert(opened);
        let settings = board.run(Stage::Config, async { self.config() }).await?;

        // First: on the host's own network, everything else that prepares one would be done to the host.
        board.run(Stage::Ports, async { ports::check() }).await?;
        // Everything that needs no API, side by side.
        let (groups, (), kernel, (), (), (), node, (uplink, iptables)) = tokio::try_join!(
            board.run(Stage::Cgroup, async { Ok(self.told(Stage::Cgroup, cgroup::prepare()?)) }),
            board.run(Stage::Mounts, async {
                mounts::make_writable()?;
                mounts::make_shared()
            }),
            board.run(Stage::Kernel, async { self.kernel() }),
            board.run(Stage::Leftovers, async {
                leftovers::remove().map(|n| board.detail(Stage::Leftovers, format!("{n} removed")))
            }),
            board.run(Stage::Images, self.images()),
            board.run(Stage::Registries, async {
                registries::write(&settings.registry).map(|detail| board.detail(Stage::Registries, detail))
            }),
            board.run(Stage::Identity, async {
                identity::keep_password()?;
                machine_id::keep()?;
                identity::name(&settings, volume.last_node())
                    .inspect(|name| board.detail(Stage::Identity, name.as_str()))
            }),
            self.network(&settings),
        )?;
        let image = format!("{}+{}", env!("CARGO_PKG_VERSION"), crate::hex::hex(&chart::chart_digest()?));
        let (kind, run) = volume.begin(&image, &uplink.address.to_string(), &node)?;
        if let Some(warning) = volume.warning(&run) {
            board.warn(warning);
        }
        board.update(|status| {
            status.boot = Some(kind);
            status.crashes = run.crashes;
            status.node = Some(Node { name: node.clone(), address: uplink.address.to_string() });
        });

        let mut command =
            CommandLine::server(&settings, &run, [groups, kernel, iptables.k3s_args()].concat());
        command.environment = proxy::exceptions(&self.environment, uplink.address);
        command.environment.extend(iptables.path().map(|path| ("PATH", path)));
        board.run(Stage::K3s, async { self.k3s.start(board, &self.broker, command) }).await?;
        fault::point("main");
        let client = board.run(Stage::Api, kube::wait_ready(board)).await?;

        let reconciler = Arc::new(Reconciler {
            secrets: Secrets::new(client.clone(), cluster::NAMESPACE, &settings),
            nodes: Nodes::new(client.clone(), run.node, run.names),
            client,
            board: board.clone(),
            broker: self.broker.clone(),
            settings,
            uplink,
            bundle: self.bundle.clone(),
            changed: Notify::new(),
        });
        // There is one start in a process, so it is not set yet.
        let _ = self.desk.set(reconciler.clone());
        let client = reconciler.client.clone();
        tokio::select! {
            never = steady::run(&reconciler) => Ok(never),
            never = liveness::watch(board, &self.broker, &self.k3s, &client) => Ok(never),
        }
    }

    fn config(&self) -> Result<Settings, Failure> {
        let Loaded { settings, unknown } = settings::load(&self.environment)?;
        for name in unknown {
            self.board.warn(format!("the environment has {name}, which is no setting of this release"));
        }
        self.ending.set_budget(settings.stop_timeout);
        Ok(settings)
    }

    /// Everything about the host's kernel, and what k3s has to be told of it.
    fn kernel(&self) -> Result<Vec<String>, Failure> {
        let found = [
            devices::prepare()?,
            limits::prepare(),
            modules::look(),
            snapshotter::probe()?,
            preflight::look(),
        ];
        Ok(self.told(Stage::Kernel, found.into_iter().fold(Prepared::default(), Prepared::and)))
    }

    /// Puts what was found on the board. Returns what k3s has to be told.
    fn told(&self, stage: Stage, prepared: Prepared) -> Vec<String> {
        if !prepared.detail.is_empty() {
            self.board.detail(stage, prepared.detail);
        }
        for warning in prepared.warnings {
            self.board.warn(warning);
        }
        prepared.k3s_args
    }

    /// Copying may take seconds after an image change; the rest need not wait for it.
    async fn images(&self) -> Result<(), Failure> {
        let copied = tokio::task::spawn_blocking(images::stage)
            .await
            .map_err(|e| Failure::caused(Reason::StateUnusable, "copying images was cut off", &e))??;
        self.board.detail(Stage::Images, format!("{copied} archives copied"));
        self.board.condition(Kind::Supervisor, images::supervisor().as_ref().map(|()| String::new()));
        Ok(())
    }

    async fn network(&self, settings: &Settings) -> Result<(Uplink, Iptables), Failure> {
        let board = &self.board;
        let (uplink, iptables) = tokio::try_join!(
            board.run(Stage::Route, async {
                let uplink = route::wait(board).await?;
                board.detail(Stage::Route, format!("{} on {}", uplink.address, uplink.interface));
                Ok(uplink)
            }),
            board.run(Stage::Iptables, async {
                let iptables = Iptables::choose(&self.broker, settings.iptables_legacy).await?;
                board.detail(Stage::Iptables, iptables.detail.clone());
                iptables.warning.iter().for_each(|warning| board.warn(warning.clone()));
                Ok(iptables)
            }),
        )?;
        let sealed = board.run(Stage::Seal, async {
            // Without it everything works, but for the first seconds of a restart.
            if let Err(failure) = seal::close(&self.broker, &iptables, &uplink.interface).await {
                board.warn(failure.message);
            }
            Ok(())
        });
        let dns = board.run(Stage::Dns, async {
            let upstreams = dns::start(board, uplink.address, &settings.upstream_dns).await?;
            let upstreams: Vec<_> = upstreams.iter().map(ToString::to_string).collect();
            board.detail(Stage::Dns, format!("relay to {}", upstreams.join(", ")));
            tokio::spawn(dns::keep_checking(board.clone(), settings.registry.host.clone()));
            Ok(())
        });
        tokio::try_join!(sealed, dns)?;
        Ok((uplink, iptables))
    }

    /// QUIT: tell what is going on, and go on.
    async fn dump_on(&self, asked: &Notify) -> Infallible {
        loop {
            asked.notified().await;
            let children = self.broker.children();
            match serde_json::to_string(&self.board.status()) {
                Ok(status) => info!(?children, orphans = self.broker.orphans(), "state: {status}"),
                Err(e) => error!("the status can't be serialized: {e}"),
            }
        }
    }

    async fn stop(&self) {
        self.board.enter(Phase::Stopping);
        let ending = self.ending.clone();
        // On a thread of its own, so that the socket goes on answering.
        if let Err(e) = tokio::task::spawn_blocking(move || ending.run()).await {
            error!("the stop was cut off: {e}");
        }
    }
}
