//! Prepares the node and tells what was found.

use super::Init;
use crate::failure::Failure;
use crate::node::iptables::Iptables;
use crate::node::route::Uplink;
use crate::node::{
    self, Prepared, cgroup, devices, dns, identity, images, leftovers, machine_id, mounts, ports, registries,
    route, seal, snapshotter, torn, unpacked,
};
use crate::settings::{self, Loaded};
use crate::stage::Stage;
use crate::warnings::About;
use openshell_contract::condition::Kind;
use openshell_contract::reason::Reason;
use openshell_contract::settings::Settings;

/// A node that is ready for k3s.
pub struct Readied {
    /// Its name.
    pub name: String,
    /// How it reaches the world.
    pub uplink: Uplink,
    /// `PATH` for k3s, if it needs another one.
    pub path: Option<String>,
    /// What k3s has to be told.
    pub k3s_args: Vec<String>,
}

/// What a node in use has of these, it has from the process 1 before; done once more they would disturb it.
const DONE_BEFORE: [Stage; 7] = [
    Stage::Ports,
    Stage::Cgroup,
    Stage::Mounts,
    Stage::Kernel,
    Stage::Leftovers,
    Stage::Iptables,
    Stage::Seal,
];

impl Init {
    /// Everything that needs no API, side by side.
    pub(super) async fn node(
        &self,
        settings: &Settings,
        last_node: Option<&str>,
    ) -> Result<Readied, Failure> {
        let board = &self.board;
        // First: on the host's own network, everything else that prepares one would be done to the host.
        board.run(Stage::Ports, async { ports::check() }).await?;
        let (groups, (), kernel, (), (), (), name, (uplink, iptables)) = tokio::try_join!(
            board.run(Stage::Cgroup, async {
                Ok(self.told(Stage::Cgroup, About::Cgroup, cgroup::prepare()?))
            }),
            board.run(Stage::Mounts, async {
                mounts::make_writable()?;
                mounts::make_shared()
            }),
            board.run(Stage::Kernel, async { self.kernel() }),
            board.run(Stage::Leftovers, async {
                let (stale, torn) = (leftovers::remove()?, torn::remove()?);
                let images =
                    if unpacked::remove()? { ", images that a power cut left half unpacked" } else { "" };
                let detail = format!("{stale} removed, {torn} empty keys or certificates{images}");
                board.detail(Stage::Leftovers, detail);
                Ok(())
            }),
            board.run(Stage::Images, self.images()),
            board.run(Stage::Registries, async { self.registries(settings) }),
            board.run(Stage::Identity, async { self.identity(settings, last_node) }),
            self.network(settings),
        )?;
        let k3s_args = [groups, kernel, iptables.k3s_args()].concat();
        Ok(Readied { name, uplink, path: iptables.path(), k3s_args })
    }

    /// What a new process 1 needs itself on a node whose k3s runs.
    pub(super) async fn node_in_use(
        &self,
        settings: &Settings,
        last_node: Option<&str>,
    ) -> Result<Readied, Failure> {
        let board = &self.board;
        for stage in DONE_BEFORE {
            board.detail(stage, "done by the process 1 before");
            board.run(stage, async { Ok(()) }).await?;
        }
        let ((), (), name, uplink) = tokio::try_join!(
            board.run(Stage::Images, self.images()),
            board.run(Stage::Registries, async { self.registries(settings) }),
            board.run(Stage::Identity, async { self.identity(settings, last_node) }),
            async {
                let uplink = self.uplink().await?;
                self.dns(settings, &uplink).await.map(|()| uplink)
            },
        )?;
        Ok(Readied { name, uplink, path: None, k3s_args: Vec::new() })
    }

    /// The settings, as they were asked for.
    pub(super) fn config(&self) -> Result<Settings, Failure> {
        let Loaded { settings, unknown } = settings::load(&self.environment)?;
        let no_setting = |name| format!("the environment has {name}, which is no setting of this release");
        self.board.warn(About::Settings, unknown.into_iter().map(no_setting));
        self.ending.set_budget(settings.stop_timeout);
        Ok(settings)
    }

    /// Everything about the host's kernel, and what k3s has to be told of it.
    fn kernel(&self) -> Result<Vec<String>, Failure> {
        let machine = node::machine();
        self.board.warn(About::Machine, machine.warnings.clone());
        let told = Prepared { warnings: Vec::new(), ..machine };
        Ok(self.told(Stage::Kernel, About::Kernel, devices::prepare()?.and(told).and(snapshotter::probe()?)))
    }

    /// Puts what was found on the board. Returns what k3s has to be told.
    fn told(&self, stage: Stage, about: About, prepared: Prepared) -> Vec<String> {
        if !prepared.detail.is_empty() {
            self.board.detail(stage, prepared.detail);
        }
        self.board.warn(about, prepared.warnings);
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

    fn registries(&self, settings: &Settings) -> Result<(), Failure> {
        registries::write(settings).map(|detail| self.board.detail(Stage::Registries, detail))
    }

    fn identity(&self, settings: &Settings, last_node: Option<&str>) -> Result<String, Failure> {
        identity::keep_password()?;
        machine_id::keep()?;
        let name = identity::name(settings, last_node)?;
        self.board.detail(Stage::Identity, name.as_str());
        Ok(name)
    }

    async fn network(&self, settings: &Settings) -> Result<(Uplink, Iptables), Failure> {
        let board = &self.board;
        let (uplink, iptables) = tokio::try_join!(
            self.uplink(),
            board.run(Stage::Iptables, async {
                let iptables = Iptables::choose(&self.broker, settings.iptables_legacy).await?;
                board.detail(Stage::Iptables, iptables.detail.clone());
                board.warn(About::Iptables, iptables.warning.clone());
                Ok(iptables)
            }),
        )?;
        let sealed = board.run(Stage::Seal, async {
            // Without it everything works, but for the first seconds of a restart.
            if let Err(failure) = seal::close(&self.broker, &iptables, &uplink.interface).await {
                board.warn(About::Seal, [failure.message]);
            }
            Ok(())
        });
        tokio::try_join!(sealed, self.dns(settings, &uplink))?;
        Ok((uplink, iptables))
    }

    async fn uplink(&self) -> Result<Uplink, Failure> {
        let board = &self.board;
        board
            .run(Stage::Route, async {
                let uplink = route::wait(board).await?;
                board.detail(Stage::Route, format!("{} on {}", uplink.address, uplink.interface));
                Ok(uplink)
            })
            .await
    }

    async fn dns(&self, settings: &Settings, uplink: &Uplink) -> Result<(), Failure> {
        let board = &self.board;
        board
            .run(Stage::Dns, async {
                let upstreams = dns::start(board, uplink.address, &settings.upstream_dns).await?;
                let upstreams: Vec<_> = upstreams.iter().map(ToString::to_string).collect();
                board.detail(Stage::Dns, format!("relay to {}", upstreams.join(", ")));
                tokio::spawn(dns::keep_checking(board.clone(), settings.registry.host.clone()));
                Ok(())
            })
            .await
    }
}
