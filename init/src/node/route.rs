//! The uplink: the interface of the default route and its address.

mod changes;
mod table;

use crate::board::Board;
use crate::failure::{Context, Failure};
use crate::stage::Stage;
use changes::Changes;
use openshell_contract::reason::Reason;
use std::fs;
use std::net::Ipv4Addr;

/// Routes, as the kernel tells of them.
const TABLE: &str = "/proc/net/route";

/// How the container reaches the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// Interface of the default route.
    pub interface: String,
    /// Its first IPv4 address.
    pub address: Ipv4Addr,
    /// The next hop.
    pub gateway: Ipv4Addr,
}

/// Waits for the default route. How long that may take is the stage's affair; what there is instead is told
/// meanwhile.
pub async fn wait(board: &Board) -> Result<Uplink, Failure> {
    let changes = listen()?;
    loop {
        if let Some(uplink) = look()? {
            return Ok(uplink);
        }
        board.detail(Stage::Route, format!("no default route; {}", seen()?));
        changes.next().await.failing(Reason::NoDefaultRoute, || "can't wait for a route")?;
    }
}

/// Returns when the uplink is another one than `now`, with what it is then. A moment without any is none.
pub async fn moved(now: &Uplink) -> Result<Uplink, Failure> {
    let changes = listen()?;
    loop {
        match look()? {
            Some(uplink) if uplink != *now => return Ok(uplink),
            _ => changes.next().await.failing(Reason::NoDefaultRoute, || "can't watch the routes")?,
        }
    }
}

/// Before the first look, so that no change is missed.
fn listen() -> Result<Changes, Failure> {
    Changes::new().failing(Reason::NoDefaultRoute, || "can't listen for changes of routes and addresses")
}

/// The uplink, if there is one.
pub fn look() -> Result<Option<Uplink>, Failure> {
    let Some((interface, gateway)) = table::default_route(&routes()?) else { return Ok(None) };
    let address = addresses()?.into_iter().find(|(name, _)| *name == interface);
    Ok(address.map(|(interface, address)| Uplink { interface, address, gateway }))
}

fn routes() -> Result<String, Failure> {
    fs::read_to_string(TABLE).failing(Reason::NoDefaultRoute, || format!("can't read {TABLE}"))
}

fn addresses() -> Result<Vec<(String, Ipv4Addr)>, Failure> {
    let all =
        nix::ifaddrs::getifaddrs().failing(Reason::NoDefaultRoute, || "can't list the network interfaces")?;
    Ok(all.filter_map(|i| Some((i.interface_name, i.address?.as_sockaddr_in()?.ip()))).collect())
}

/// Routes and addresses, for people.
fn seen() -> Result<String, Failure> {
    let addresses = addresses()?.into_iter().map(|(name, address)| format!("{address} on {name}"));
    let listed = |all: Vec<String>| if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    Ok(format!("routes: {}; addresses: {}", listed(table::describe(&routes()?)), listed(addresses.collect())))
}
