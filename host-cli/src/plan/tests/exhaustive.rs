//! Every combination of what Docker may have under a gateway's name, and what each plan may not do.

use super::{apply, container, wanted};
use crate::error::Error;
use crate::plan::{
    Action, Container, Network, Observed, Owner, Port, Refusal, Removal, State, Wanted, destroy, recreate,
    start,
};

/// How many combinations there are; a new state of anything has to be counted here.
const SIZE: usize = 123_840;

const STATES: [State; 7] = [
    State::Created,
    State::Running,
    State::Restarting,
    State::Paused,
    State::Exited,
    State::Dead,
    State::Removing,
];

/// None, each state with the same or another image and settings and any network, and somebody else's.
fn containers() -> Vec<Option<Container>> {
    let mut all = vec![None, Some(Container { ours: false, ..container(State::Exited) })];
    for state in STATES {
        for image in ["id", "old"] {
            for settings in ["settings", "old"] {
                for network in [None, Some("n1"), Some("stale")] {
                    all.push(Some(Container {
                        image_id: image.to_owned(),
                        image_ref: if image == "id" { "image" } else { "old" }.to_owned(),
                        settings: settings.to_owned(),
                        network: network.map(str::to_owned),
                        ..container(state)
                    }));
                }
            }
        }
    }
    all
}

fn aside(id: &str, state: State, ours: bool) -> Container {
    Container { id: id.to_owned(), ours, ..container(state) }
}

fn every() -> Vec<Observed> {
    let foreign = || Owner::Foreign("x".to_owned());
    let network = |id: &str, owner| Network { id: id.to_owned(), owner };
    let networks = [
        vec![],
        vec![network("n1", Owner::Ours)],
        vec![network("n1", Owner::Unlabeled)],
        vec![network("n1", foreign())],
        vec![network("n1", Owner::Ours), network("n2", Owner::Ours)],
    ];
    let ports = [Port::Free, Port::Container("x".to_owned()), Port::Host("in use".to_owned())];
    let previous = [
        None,
        Some(aside("p1", State::Running, true)),
        Some(aside("p1", State::Exited, true)),
        Some(aside("p1", State::Exited, false)),
    ];
    let failed = [None, Some(aside("f1", State::Exited, true)), Some(aside("f1", State::Exited, false))];
    let mut all = Vec::with_capacity(SIZE);
    for container in containers() {
        for volume in [Owner::Absent, Owner::Ours, Owner::Unlabeled, foreign()] {
            for networks in &networks {
                for image in [None, Some("id".to_owned())] {
                    for port in &ports {
                        for previous in &previous {
                            for failed in &failed {
                                all.push(Observed {
                                    container: container.clone(),
                                    previous: previous.clone(),
                                    failed: failed.clone(),
                                    volume: volume.clone(),
                                    networks: networks.clone(),
                                    image: image.clone(),
                                    port: port.clone(),
                                });
                            }
                        }
                    }
                }
            }
        }
    }
    all
}

fn has_foreign(o: &Observed) -> bool {
    let containers = [&o.container, &o.previous, &o.failed];
    containers.into_iter().flatten().any(|c| !c.ours)
        || matches!(o.volume, Owner::Foreign(_))
        || o.networks.iter().any(|n| matches!(n.owner, Owner::Foreign(_)))
}

fn remove(o: &mut Observed, removal: &Removal) {
    match removal {
        Removal::Container(id) => {
            for slot in [&mut o.container, &mut o.previous, &mut o.failed] {
                assert!(slot.as_ref().is_none_or(|c| c.id != *id || c.ours), "a foreign container goes");
                slot.take_if(|c| c.id == *id);
            }
        }
        Removal::Network(id) => {
            let at = o.networks.iter().position(|n| n.id == *id).expect("a network that is there");
            assert!(!matches!(o.networks.remove(at).owner, Owner::Foreign(_)), "a foreign network goes");
        }
        Removal::Volume => {
            assert!(!matches!(o.volume, Owner::Foreign(_) | Owner::Absent), "a foreign volume goes");
            o.volume = Owner::Absent;
        }
    }
}

fn carry_out(o: &mut Observed, w: &Wanted, actions: &[Action]) {
    let volume = o.volume.clone();
    for action in actions {
        apply(o, w, *action);
        assert!(volume == Owner::Absent || o.volume == volume, "{action:?} changed the volume");
    }
}

fn is_named(refusal: &Refusal) -> bool {
    let error = Error::Conflict { name: "box".parse().unwrap(), refusal: refusal.clone() };
    (error.id().starts_with("CONFLICT_") || error.id() == "BEING_REMOVED") && !error.hints().is_empty()
}

#[test]
fn every_combination_ends_in_a_plan_that_is_safe_or_in_a_named_refusal() {
    let (mut planned, mut refused) = (0_usize, 0_usize);
    for observed in every() {
        for wait in [true, false] {
            let w = Wanted { wait, ..wanted() };
            let actions = match start(&observed, &w) {
                Err(refusal) => {
                    assert!(is_named(&refusal), "{observed:?}: {refusal:?}");
                    refused += 1;
                    continue;
                }
                Ok(actions) => actions,
            };
            planned += 1;
            assert!(!has_foreign(&observed), "something foreign is used: {observed:?}");
            let at = |action| actions.iter().position(|a| *a == action);
            assert!(
                at(Action::RemovePrevious)
                    .is_none_or(|remove| at(Action::AwaitReady).is_some_and(|w| w < remove)),
                "the container from before goes before the new one was ready: {observed:?} {actions:?}"
            );
            // Applying and planning again gives nothing to do but to look.
            let mut after = observed.clone();
            carry_out(&mut after, &w, &actions);
            let settled = if wait { vec![Action::AwaitReady] } else { Vec::new() };
            assert_eq!(start(&after, &w), Ok(settled.clone()), "{observed:?} {actions:?}");
            // So it does after any cut.
            for cut in 1..actions.len() {
                let mut cut_off = observed.clone();
                carry_out(&mut cut_off, &w, &actions[..cut]);
                let rest = start(&cut_off, &w).unwrap_or_else(|r| panic!("{observed:?} cut at {cut}: {r}"));
                carry_out(&mut cut_off, &w, &rest);
                assert_eq!(start(&cut_off, &w), Ok(settled.clone()), "{observed:?} cut at {cut}: {rest:?}");
            }
        }
    }
    let line = format!("start: {SIZE} combinations, waiting or not: {planned} plans, {refused} refusals\n");
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
    assert_eq!(planned + refused, 2 * SIZE);
}

#[test]
fn data_goes_only_when_asked_and_only_ours() {
    for observed in every() {
        if let Ok(removals) = destroy(&observed, true) {
            assert!(!removals.contains(&Removal::Volume), "{observed:?}");
        }
        if let Ok(removals) = destroy(&observed, false) {
            let mut after = observed.clone();
            for removal in &removals {
                remove(&mut after, removal);
            }
            assert_eq!(destroy(&after, false), Ok(Vec::new()), "{observed:?}");
        }
        let w = wanted();
        match recreate(&observed, &w) {
            Err(refusal) => assert!(is_named(&refusal), "{observed:?}: {refusal:?}"),
            Ok((removals, actions)) => {
                assert!(!has_foreign(&observed), "{observed:?}");
                let mut after = observed.clone();
                for removal in &removals {
                    remove(&mut after, removal);
                }
                assert_eq!(after.volume, Owner::Absent, "old data is left: {observed:?}");
                assert!(
                    actions.contains(&Action::CreateVolume) && actions.contains(&Action::CreateContainer)
                );
                carry_out(&mut after, &w, &actions);
                assert_eq!(start(&after, &w), Ok(vec![Action::AwaitReady]), "{observed:?}");
            }
        }
    }
}
