mod exhaustive;

use super::*;
use proptest::prelude::*;

fn container(state: State) -> Container {
    Container {
        id: "c1".to_owned(),
        ours: true,
        state,
        image_ref: "image".to_owned(),
        image_id: "id".to_owned(),
        settings: "settings".to_owned(),
        network: Some("n1".to_owned()),
    }
}

fn wanted() -> Wanted {
    Wanted { image: "image".to_owned(), settings: "settings".to_owned(), port: 8080, wait: true }
}

/// A gateway whose container is in `state`, with everything as it should be.
fn observed(state: Option<State>) -> Observed {
    Observed {
        container: state.map(container),
        volume: Owner::Ours,
        networks: vec![Network { id: "n1".to_owned(), owner: Owner::Ours }],
        image: Some("id".to_owned()),
        ..Observed::default()
    }
}

/// What Docker has after `action`, if it works.
fn apply(o: &mut Observed, w: &Wanted, action: Action) {
    let image = "pulled".to_owned();
    match action {
        Action::PullImage => o.image = Some(image),
        Action::CreateNetwork => o.networks.push(Network { id: "n2".to_owned(), owner: Owner::Ours }),
        Action::CreateVolume => o.volume = Owner::Ours,
        Action::RestorePrevious => o.container = o.previous.take(),
        Action::RemoveDead => o.container = None,
        Action::RemoveFailed => o.failed = None,
        Action::PutAside => {
            assert!(o.previous.is_none(), "the name is taken");
            o.previous = o.container.take();
        }
        Action::KeepAsFailed => {
            assert!(o.failed.is_none(), "the name is taken");
            o.failed = o.container.take();
        }
        Action::CreateContainer => {
            assert!(o.container.is_none(), "the name is taken");
            assert!(o.volume != Owner::Absent && !o.networks.is_empty());
            o.container = Some(Container {
                id: "c2".to_owned(),
                image_id: o.image.clone().expect("an image to make it of"),
                image_ref: w.image.clone(),
                settings: w.settings.clone(),
                network: o.networks.first().map(|n| n.id.clone()),
                ..container(State::Created)
            });
        }
        Action::Reconnect => {
            o.container.as_mut().unwrap().network = o.networks.first().map(|n| n.id.clone());
        }
        Action::StopPrevious => o.previous.as_mut().unwrap().state = State::Exited,
        Action::StartContainer | Action::Unpause => {
            let both = o
                .previous
                .as_ref()
                .is_some_and(|p| !matches!(p.state, State::Created | State::Exited | State::Dead));
            assert!(!both, "two containers on one volume");
            o.container.as_mut().unwrap().state = State::Running;
        }
        Action::AwaitReady => {
            let state = o.container.as_ref().unwrap().state;
            assert!(matches!(state, State::Running | State::Restarting), "{state:?}");
        }
        Action::RemovePrevious => o.previous = None,
    }
}

#[test]
fn the_start_table() {
    use Action::*;
    let changed = |state, image: &str, settings: &str| Observed {
        container: Some(Container {
            image_id: image.to_owned(),
            settings: settings.to_owned(),
            ..container(state)
        }),
        ..observed(None)
    };
    let replace = vec![PutAside, CreateContainer, StopPrevious, StartContainer, AwaitReady, RemovePrevious];
    let replace_stopped = vec![PutAside, CreateContainer, StartContainer, AwaitReady, RemovePrevious];
    let nothing = Observed { image: Some("id".to_owned()), ..Observed::default() };
    let no_network = |state| Observed { networks: Vec::new(), ..observed(Some(state)) };
    let stale = Observed {
        networks: vec![Network { id: "n9".to_owned(), owner: Owner::Ours }],
        ..observed(Some(State::Exited))
    };
    let original_volume = Observed { volume: Owner::Unlabeled, ..observed(None) };
    let table: Vec<(&str, Observed, Vec<Action>)> = vec![
        (
            "nothing",
            nothing.clone(),
            vec![CreateNetwork, CreateVolume, CreateContainer, StartContainer, AwaitReady],
        ),
        (
            "nothing, not even the image",
            Observed { image: None, ..nothing },
            vec![PullImage, CreateNetwork, CreateVolume, CreateContainer, StartContainer, AwaitReady],
        ),
        ("only the volume", observed(None), vec![CreateContainer, StartContainer, AwaitReady]),
        ("a volume of the original", original_volume, vec![CreateContainer, StartContainer, AwaitReady]),
        ("created", observed(Some(State::Created)), vec![StartContainer, AwaitReady]),
        ("running", observed(Some(State::Running)), vec![AwaitReady]),
        ("restarting", observed(Some(State::Restarting)), vec![AwaitReady]),
        ("paused", observed(Some(State::Paused)), vec![Unpause, AwaitReady]),
        ("exited", observed(Some(State::Exited)), vec![StartContainer, AwaitReady]),
        ("dead", observed(Some(State::Dead)), vec![RemoveDead, CreateContainer, StartContainer, AwaitReady]),
        (
            "exited, network gone",
            no_network(State::Exited),
            vec![CreateNetwork, Reconnect, StartContainer, AwaitReady],
        ),
        ("running, network gone", no_network(State::Running), vec![CreateNetwork, Reconnect, AwaitReady]),
        ("exited, network made anew", stale, vec![Reconnect, StartContainer, AwaitReady]),
        (
            "exited, image gone",
            Observed { image: None, ..observed(Some(State::Exited)) },
            vec![StartContainer, AwaitReady],
        ),
        ("running, other image", changed(State::Running, "old", "settings"), replace.clone()),
        ("exited, other settings", changed(State::Exited, "id", "old"), replace_stopped),
        (
            "cut after putting aside",
            Observed { previous: Some(container(State::Running)), ..observed(None) },
            vec![RestorePrevious, AwaitReady],
        ),
        (
            "cut after creating the replacement",
            Observed {
                previous: Some(Container { settings: "old".to_owned(), ..container(State::Running) }),
                ..observed(Some(State::Created))
            },
            vec![StopPrevious, StartContainer, AwaitReady, RemovePrevious],
        ),
        (
            "cut while waiting",
            Observed { previous: Some(container(State::Exited)), ..observed(Some(State::Running)) },
            vec![AwaitReady, RemovePrevious],
        ),
    ];
    for (case, observed, expected) in table {
        assert_eq!(start(&observed, &wanted()), Ok(expected), "{case}");
    }
}

#[test]
fn what_is_not_ours_is_refused() {
    let foreign = || Owner::Foreign("x".to_owned());
    let network = |owner| Network { id: "n".to_owned(), owner };
    let cases = [
        Observed { container: Some(Container { ours: false, ..container(State::Exited) }), ..observed(None) },
        Observed { volume: foreign(), ..observed(None) },
        Observed { networks: vec![network(foreign())], ..observed(None) },
        Observed { networks: vec![network(Owner::Ours), network(Owner::Ours)], ..observed(None) },
        Observed { port: Port::Container("x".to_owned()), ..observed(None) },
        Observed { port: Port::Host("in use".to_owned()), ..observed(Some(State::Exited)) },
        observed(Some(State::Removing)),
    ];
    for case in cases {
        assert!(start(&case, &wanted()).is_err(), "{case:?}");
    }
    let running = Observed { port: Port::Host("in use".to_owned()), ..observed(Some(State::Running)) };
    assert!(start(&running, &wanted()).is_ok(), "a port that needs not be bound is nobody's business");
}

#[test]
fn destroy_takes_what_is_ours_and_no_more() {
    let all = destroy(&observed(Some(State::Running)), false).unwrap();
    let network = Removal::Network("n1".to_owned());
    assert_eq!(all, [Removal::Container("c1".to_owned()), network.clone(), Removal::Volume]);
    assert_eq!(destroy(&observed(None), true).unwrap(), std::slice::from_ref(&network));
    let unlabeled = Observed { volume: Owner::Unlabeled, ..observed(None) };
    assert_eq!(destroy(&unlabeled, false).unwrap(), [network]);
    let beside_ours = Observed { volume: Owner::Unlabeled, ..observed(Some(State::Exited)) };
    assert!(destroy(&beside_ours, false).unwrap().contains(&Removal::Volume));
}

fn any_owner() -> impl Strategy<Value = Owner> {
    prop_oneof![
        Just(Owner::Absent),
        Just(Owner::Ours),
        Just(Owner::Unlabeled),
        Just(Owner::Foreign("x".into()))
    ]
}

fn any_container() -> impl Strategy<Value = Option<Container>> {
    use State::*;
    let states = vec![Created, Running, Paused, Restarting, Exited, Removing, Dead];
    let parts = (
        prop::bool::weighted(0.9),
        prop::sample::select(states),
        any::<bool>(),
        any::<bool>(),
        prop::sample::select(vec![None, Some("n1"), Some("n9")]),
    );
    prop::option::of(parts.prop_map(|(ours, state, image, settings, network)| Container {
        ours,
        image_id: if image { "id" } else { "old" }.to_owned(),
        settings: if settings { "settings" } else { "old" }.to_owned(),
        network: network.map(str::to_owned),
        ..container(state)
    }))
}

prop_compose! {
    fn any_observed()(
        container in any_container(),
        previous in any_container(),
        failed in any_container(),
        volume in any_owner(),
        network in prop::collection::vec(any_owner(), 0..=2),
        image in prop::option::of(Just("id".to_owned())),
    ) -> Observed {
        let networks = network.into_iter().map(|owner| Network { id: "n1".to_owned(), owner }).collect();
        Observed { container, previous, failed, volume, networks, image, port: Port::Free }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// A plan can be carried out, and may be cut at any step: the next plan ends at the same place.
    #[test]
    fn a_cut_plan_is_taken_up_again(mut o in any_observed(), cut in 0_usize..8) {
        let w = wanted();
        if let Ok(actions) = start(&o, &w) {
            for action in actions.into_iter().take(cut) {
                apply(&mut o, &w, action);
            }
            let w = wanted();
            for action in start(&o, &w).unwrap() {
                apply(&mut o, &w, action);
            }
            prop_assert_eq!(start(&o, &w).unwrap(), vec![Action::AwaitReady]);
            prop_assert!(o.previous.is_none());
        }
    }

    /// No plan removes a volume unless asked, and never one that may be somebody else's.
    #[test]
    fn no_volume_goes_unasked(o in any_observed(), keep in any::<bool>()) {
        if let Ok(actions) = start(&o, &wanted()) {
            prop_assert!(actions.iter().all(|a| !a.to_string().contains("remove the volume")));
            let mut after = o.clone();
            for action in actions {
                apply(&mut after, &wanted(), action);
                prop_assert!(o.volume == Owner::Absent || after.volume == o.volume);
            }
        }
        if let Ok(removals) = destroy(&o, keep) {
            let goes = removals.contains(&Removal::Volume);
            prop_assert!(!goes || !keep);
            prop_assert!(!goes || !matches!(o.volume, Owner::Foreign(_) | Owner::Absent));
        }
    }
}
