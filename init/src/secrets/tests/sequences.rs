//! Whatever happens in whatever order, a pass without a fault makes it good.

use super::handshake::{Bundle, accept_each_other, text};
use super::scenes::{Given, NAMES, ORIGINAL_SSH, pass, process};
use crate::kube::fake::{Fake, Fault, secret};
use crate::pki::Request;
use proptest::prelude::*;
use proptest::test_runner::Config;

/// Something that happens.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A pass in which this call fails.
    Pass(usize, Fault),
    /// The process dies, and another one starts.
    Restart,
    /// Somebody deletes a Secret.
    Delete(usize),
    /// Somebody empties a Secret.
    Empty(usize),
    /// Somebody asks for new certificates; this call fails.
    Rotate(Request, usize, Fault),
}

fn event() -> impl Strategy<Value = Event> {
    let fault = || prop::sample::select(Fault::ALL.to_vec());
    let request = prop::sample::select(vec![Request::Leaves, Request::Ca]);
    prop_oneof![
        (0..20_usize, fault()).prop_map(|(call, fault)| Event::Pass(call, fault)),
        Just(Event::Restart),
        (0..NAMES.len()).prop_map(Event::Delete),
        (0..NAMES.len()).prop_map(Event::Empty),
        (request, 0..12_usize, fault())
            .prop_map(|(request, call, fault)| Event::Rotate(request, call, fault)),
    ]
}

async fn play(given: Given, events: &[Event]) {
    let fake = Fake::default();
    given.put(&fake);
    Given::Sandbox.put(&fake);
    let mut secrets = process(&fake);
    for event in events {
        match *event {
            Event::Restart => secrets = process(&fake),
            Event::Delete(which) => fake.remove(&secret(NAMES[which])),
            Event::Empty(which) => {
                if let Some(mut object) = fake.get(&secret(NAMES[which])) {
                    object["data"] = serde_json::json!({"tls.crt": "", "tls.key": ""});
                    fake.put(&secret(NAMES[which]), object);
                }
            }
            // Both may fail: what they leave is judged in the end.
            Event::Pass(call, fault) => {
                fake.arm(&[(call, fault)]);
                let _ = pass(&secrets).await;
            }
            Event::Rotate(request, call, fault) => {
                fake.arm(&[(call, fault)]);
                let _ = secrets.pki(Some(request)).await;
            }
        }
    }
    fake.arm(&[]);
    pass(&secrets).await.unwrap_or_else(|e| panic!("a pass without a fault fails: {e}"));
    assert!(accept_each_other(&fake, &Bundle::read(&fake)).await, "no handshake");
    // A sandbox holds it all the time, so that it can always be had again.
    assert_eq!(text(&fake, NAMES[4], "secret"), ORIGINAL_SSH);
    fake.arm(&[]);
    pass(&process(&fake)).await.unwrap();
    assert!(fake.calls().iter().all(|call| call.starts_with("GET")), "a new start finds work to do");
}

proptest! {
    #![proptest_config(Config { cases: 48, ..Config::default() })]
    #[test]
    fn any_sequence_of_faults_and_restarts_converges(
        original in any::<bool>(),
        events in prop::collection::vec(event(), 1..12),
    ) {
        let given = if original { Given::Original } else { Given::Nothing };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(play(given, &events));
    }
}
