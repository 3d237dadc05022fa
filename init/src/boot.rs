//! The story of a start, read from top to bottom.
//!
//! `volume → config → ports → (cgroup ∥ mounts ∥ kernel ∥ leftovers ∥ images ∥ registries ∥ identity ∥
//! (route ∥ iptables) → (seal ∥ dns)) → k3s → api → namespace → (ssh-secret ∥ pki ∥ manifests ∥ nodes) →
//! chart → gateway → steady`

mod prepare;
mod process;

use crate::board::Board;
use crate::chart;
use crate::defect::{Alarm, Pulse};
use crate::ending::Ending;
use crate::failure::Failure;
use crate::k3s::command_line::CommandLine;
use crate::k3s::liveness;
use crate::k3s::supervise::{K3s, Start};
use crate::looks::Looks;
use crate::node::{privilege, proxy, unpacked};
use crate::nodes::Nodes;
use crate::pki::ClientBundle;
use crate::reconcile::Reconciler;
use crate::replace::Replacement;
use crate::secrets::Secrets;
use crate::socket::Desk;
use crate::stage::Stage;
use crate::volume::{Current, Volume, room, written};
use crate::warnings::About;
use crate::{fault, kube, socket, steady};
use openshell_contract::condition::Kind;
use openshell_contract::names::cluster;
use openshell_contract::reason::Reason;
use openshell_contract::settings::Layer;
use openshell_contract::status::{Node, Phase};
use openshell_pid1::Broker;
use prepare::Readied;
use process::Requests;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify, watch};
use tracing::{error, info, warn};

pub use process::main;

/// How often a full disk is looked at again.
const LOOK_FOR_ROOM: Duration = Duration::from_secs(15);

/// Everything a start works with.
struct Init {
    board: Board,
    broker: Broker,
    k3s: K3s,
    environment: Layer,
    bundle: watch::Sender<Option<ClientBundle>>,
    desk: Arc<Desk>,
    ending: Ending,
    current: Current,
    alarm: Alarm,
    pulse: Pulse,
    replacement: Replacement,
}

/// Why it does not go on.
enum End {
    /// All is stopped, as it was asked for.
    Stopped,
    /// All is stopped, and another start may do what this one could not.
    Again,
    /// All is stopped, for a defect.
    Defect(String),
    /// All goes on, and another program is to take the place of this one.
    Replaced,
}

impl Init {
    /// Starts and keeps the gateway, or keeps what was `inherited`, and in the end stops it.
    async fn live(self, requests: &Requests, volume: &mut Option<Volume>, inherited: Option<Start>) -> End {
        if let Err(failure) = socket::serve(self.board.clone(), self.bundle.subscribe(), self.desk.clone()) {
            error!("{failure}");
        }
        // Beside everything, the stop included.
        let pulse = self.pulse.clone();
        tokio::spawn(async move { pulse.beat().await });
        let end = tokio::select! {
            () = requests.stop.notified() => End::Stopped,
            what = self.alarm.raised() => End::Defect(what),
            () = self.replacement.wanted() => return End::Replaced,
            () = self.room_again() => End::Again,
            never = self.start(volume, inherited) => match never {},
            never = self.dump_on(&requests.dump) => match never {},
        };
        if let End::Defect(what) = &end {
            self.board.problem(Stage::K3s, &Failure::new(Reason::Internal, what.as_str()));
        }
        self.stop().await;
        end
    }

    /// Runs the start. If it can't go on, the reason is on the board, and nothing more is tried, since
    /// neither a new process nor a new container would find anything else.
    async fn start(&self, volume: &mut Option<Volume>, inherited: Option<Start>) -> Infallible {
        let failure = match self.boot(volume, inherited).await {
            Ok(never) => match never {},
            Err(failure) => failure,
        };
        self.board.enter(Phase::Failed);
        warn!("staying up to tell: {failure}");
        std::future::pending().await
    }

    /// Waits until what the start, or k3s in the end, has failed for is gone: a full disk. Nothing else that they fail
    /// for is seen to pass.
    async fn room_again(&self) {
        loop {
            self.pulse.rest(LOOK_FOR_ROOM).await;
            let status = self.board.status();
            let full = || status.problems.iter().any(|problem| problem.reason == Reason::DiskFull);
            if status.phase == Phase::Failed && full() && room::is_there() {
                warn!("there is room on the disk again: this ends, so that Docker starts it anew");
                return;
            }
        }
    }

    async fn boot(
        &self,
        volume: &mut Option<Volume>,
        inherited: Option<Start>,
    ) -> Result<Infallible, Failure> {
        fault::point("start");
        let board = &self.board;
        let opened = board
            .run(Stage::Volume, async {
                privilege::check()?;
                Volume::open(self.current.clone())
            })
            .await?;
        let volume = volume.insert(opened);
        board.warn(About::FilesRestored, volume.mended());
        let settings = board.run(Stage::Config, async { self.config() }).await?;
        if settings.gpu {
            board.expect(Kind::Gpu);
        }

        let last = volume.last_node();
        let Readied { name, uplink, path, k3s_args } = match &inherited {
            None => self.node(&settings, last).await?,
            Some(_) => self.node_in_use(&settings, last).await?,
        };
        let image = format!("{}+{}", env!("CARGO_PKG_VERSION"), crate::hex::hex(&chart::chart_digest()?));
        let (kind, run) = volume.begin(&image, &uplink.address.to_string(), &name)?;
        board.warn(About::Crashes, volume.warning(&run));
        board.update(|status| {
            status.boot = Some(kind);
            status.crashes = run.crashes;
            status.node = Some(Node { name, address: uplink.address.to_string() });
        });

        let start = if let Some(inherited) = inherited {
            inherited
        } else {
            if written::is_due(Some(kind)) {
                unpacked::begin()?;
            }
            let mut command = CommandLine::server(&settings, &run, k3s_args);
            command.environment = proxy::exceptions(&self.environment, uplink.address);
            command.environment.extend(path.map(|path| ("PATH".to_owned(), path)));
            Start { command: Arc::new(command), run: None }
        };
        board.run(Stage::K3s, self.k3s.start(board, &self.broker, start)).await?;
        // There is one start in a process, so it is not set yet.
        let _ = self.desk.replacement.set(self.replacement.clone());
        fault::point("main");
        let client = board.run(Stage::Api, kube::wait_ready(board)).await?;

        let reconciler = Arc::new(Reconciler {
            secrets: Secrets::new(client.clone(), cluster::NAMESPACE, &settings),
            nodes: Nodes::new(client.clone(), run.node, run.names),
            client,
            manifests: Mutex::default(),
            board: board.clone(),
            broker: self.broker.clone(),
            settings,
            uplink,
            bundle: self.bundle.clone(),
            changed: Notify::new(),
            looks: Looks::new(),
            pulse: self.pulse.clone(),
        });
        let _ = self.desk.reconciler.set(reconciler.clone());
        tokio::select! {
            never = steady::run(&reconciler) => Ok(never),
            never = liveness::watch(&reconciler, &self.k3s) => Ok(never),
        }
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
        self.k3s.told().await;
    }
}
