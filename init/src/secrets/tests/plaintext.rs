//! A gateway that serves plaintext has nothing to do with certificates, whatever is there.

use super::scenes::{Given, NAMES, pass, process};
use crate::kube::fake::{Fake, secret};
use crate::secrets::Secrets;
use openshell_contract::settings::{Layer, Settings, Source};

fn plaintext(fake: &Fake) -> Secrets {
    let environment = Layer::from([("DISABLE_TLS".to_owned(), "true".to_owned())]);
    let settings = Settings::from_layers(&[(Source::Environment, &environment)]).unwrap();
    Secrets::new(fake.client(), "openshell", &settings)
}

#[tokio::test]
async fn without_tls_no_certificate_is_made() {
    let fake = Fake::default();
    pass(&plaintext(&fake)).await.unwrap();
    assert!(fake.get(&secret(NAMES[4])).is_some());
    assert!(NAMES[..4].iter().all(|name| fake.get(&secret(name)).is_none()));
}

#[tokio::test]
async fn without_tls_no_certificate_is_touched_and_with_it_all_are_used_again() {
    let fake = Fake::default();
    Given::Original.put(&fake);
    pass(&process(&fake)).await.unwrap();
    let read = |fake: &Fake| NAMES.map(|name| fake.get(&secret(name)));
    let before = read(&fake);

    fake.arm(&[]);
    pass(&plaintext(&fake)).await.unwrap();
    assert!(
        !fake.calls().iter().any(|call| call.contains("tls") || call.contains("-ca")),
        "{:?}",
        fake.calls()
    );
    pass(&process(&fake)).await.unwrap();
    assert_eq!(read(&fake), before);
}
