//! Prepares the node and tells what was found.

use super::Init;
use crate::failure::Failure;
use crate::node::iptables::Iptables;
use crate::node::route::Uplink;
use crate::node::{
    self, Prepared, cgroup, devices, dns, identity, images, leftovers, machine_id, mounts, registries, route,
    seal, snapshotter, torn, unpacked,
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
    /// The packet filter that it uses.
    pub iptables: Iptables,
    /// What k3s has to be told.
    pub k3s_args: Vec<String>,
}

impl Init {
    /// Everything that needs no API, side by side.
    pub(super) async fn node(
        &self,
        settings: &Settings,
        last_node: Option<&str>,
    ) -> Result<Readied, Failure> {
        let board = &self.board;
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
            board.run(Stage::Registries, async {
                registries::write(settings).map(|detail| board.detail(Stage::Registries, detail))
            }),
            board.run(Stage::Identity, async {
                identity::keep_password()?;
                machine_id::keep()?;
                identity::name(settings, last_node)
                    .inspect(|name| board.detail(Stage::Identity, name.as_str()))
            }),
            self.network(settings),
        )?;
        let k3s_args = [groups, kernel, iptables.k3s_args()].concat();
        Ok(Readied { name, uplink, iptables, k3s_args })
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
}
