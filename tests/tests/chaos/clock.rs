//! A wrong clock. The machine's own is everybody's, so it is process 1 alone that takes the time wrongly.

use crate::{container, files, pause};
use openshell_e2e::{Gateway, disk};

const DAY: i64 = 24 * 60 * 60;
/// How long it is wrong when nothing is restarted.
const WHILE_MS: u64 = 2_000;

pub(crate) fn set_wrong(gateway: &Gateway, days: i64, restart: bool) {
    if !files::put(gateway, "clock", &(days * DAY).to_string()) {
        return;
    }
    if restart {
        container::restart(gateway);
    }
    // What it does with it, it does now. It may have to refuse.
    let _ = gateway.exec(&["openshell-init", "look"]);
    pause(WHILE_MS);
    disk::remove(gateway, "clock");
}
