//! Hosts that ask who we are, and prove who they are.

use drover_e2e::hosts::pki::{self, Flaw, Pair};
use drover_e2e::hosts::{self, Host};
use drover_e2e::objects;
use serde_json::{Value, json};

use crate::support::{World, message, ready, reason};

const NAME: &str = "e2e-secured";

/// A Secret in the operator's namespace.
fn secret(keys: Value) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "namespace": "drover-system"},
        "stringData": keys,
    })
    .to_string()
}

/// A Host with the keys in that Secret.
fn host(name: &str, uri: &str, tls: Value) -> String {
    json!({
        "apiVersion": "drover.dev/v1alpha1",
        "kind": "Host",
        "metadata": {"name": name},
        "spec": {"uri": uri, "credentialsSecretRef": {"name": NAME}, "tls": tls},
    })
    .to_string()
}

fn tls_keys(world: &World, pair: Option<&Pair>) -> Value {
    let mut keys = json!({
        "ca.crt": pki::authority(&world.lab).unwrap(),
        "ca.crl": pki::revoked(&world.lab).unwrap(),
    });
    if let Some(pair) = pair {
        keys["tls.crt"] = pair.certificate.clone().into();
        keys["tls.key"] = pair.key.clone().into();
    }
    keys
}

fn with_password(mut keys: Value, password: &str) -> Value {
    keys["username"] = "drover@host2".into();
    keys["password"] = password.into();
    keys
}

fn client(world: &World, flaw: Flaw) -> Pair {
    pki::client(&world.lab, flaw).unwrap()
}

/// Waits until a Host of that kind says so, and forgets it. One that has failed is tried again only
/// some seconds later, so each case has a Host of its own.
fn says(world: &World, uri: &str, tls: Value, keys: Option<Value>, expected: &str, words: &str) {
    world.delete(&secret(json!({})));
    if let Some(keys) = &keys {
        world.apply(&secret(keys.clone()));
    }
    let object = host(NAME, uri, tls);
    world.apply(&object);
    let found = world.wait(("hosts", "", NAME), words, |host| {
        reason(host) == expected && message(host).contains(words)
    });
    println!("{uri}: {expected}: {}", message(&found));
    world.delete(&object);
    if let Some(keys) = keys {
        world.delete(&secret(keys));
    }
}

/// The Host of the lab by another URI, and what the daemon says of its clients then.
fn connects(world: &World, host_: &Host, uri: &str, keys: Value, transport: &str) {
    world.apply(&secret(keys.clone()));
    world.apply(&host(&host_.name, uri, json!({})));
    world.wait(("hosts", "", &host_.name), "connected", ready);
    let clients = ["virt-admin", "-q", "client-list", "libvirtd"];
    world.wait_for(&format!("a client by {transport}"), || {
        let listed = hosts::run_in(&world.lab, host_, &clients).unwrap();
        listed.split_whitespace().any(|word| word == transport)
    });
    println!("{uri}: Connected, by {transport}");
    objects::host(&world.lab, host_).unwrap();
    world.wait(("hosts", "", &host_.name), "connected as before", ready);
    world.delete(&secret(keys));
}

fn tls_uri(host: &Host) -> String {
    format!("qemu+tls://{}/system", host.address())
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn over_tls_with_a_good_certificate() {
    let world = World::new();
    let host1 = world.host("host1");
    let keys = tls_keys(&world, Some(&client(&world, Flaw::None)));
    connects(&world, &host1, &tls_uri(&host1), keys, "tls");
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn our_certificate_is_bad() {
    let world = World::new();
    for uri in ["host1", "host2"].map(|name| tls_uri(&world.host(name))) {
        no_certificate_of_ours_is_good(&world, &uri);
    }
}

fn no_certificate_of_ours_is_good(world: &World, uri: &str) {
    for flaw in [Flaw::Expired, Flaw::Revoked, Flaw::Stranger] {
        let keys = tls_keys(world, Some(&client(world, flaw)));
        let words = "does not accept our certificate";
        says(
            world,
            uri,
            json!({}),
            Some(keys),
            "AuthenticationFailed",
            words,
        );
    }
    let none = tls_keys(world, None);
    let words = "does not accept a client without a certificate";
    says(
        world,
        uri,
        json!({}),
        Some(none),
        "AuthenticationFailed",
        words,
    );
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn the_hosts_certificate_is_bad() {
    let world = World::new();
    for name in ["host1", "host2"] {
        certificates_of(&world, &world.host(name));
    }
}

fn certificates_of(world: &World, host: &Host) {
    let uri = tls_uri(host);
    // The newer host asks for a password too.
    let keys = with_password(
        tls_keys(world, Some(&client(world, Flaw::None))),
        "lab-password",
    );
    let elsewhere = json!({"serverName": "elsewhere.example"});
    let failed = "AuthenticationFailed";
    let words = "is not for \"elsewhere.example\"";
    says(world, &uri, elsewhere, Some(keys.clone()), failed, words);
    let show = |flaw: Flaw| {
        let pair = pki::server(&world.lab, host, flaw).unwrap();
        pki::install(&world.lab, host, &pair).unwrap();
        hosts::kill_libvirtd(&world.lab, host).unwrap();
        hosts::start_libvirtd(&world.lab, host).unwrap();
    };
    for (flaw, words) in [
        (Flaw::Expired, "has expired"),
        (Flaw::Revoked, "is revoked"),
        (Flaw::WrongName, "is not for"),
        (Flaw::Stranger, "is signed by no authority"),
    ] {
        show(flaw);
        says(world, &uri, json!({}), Some(keys.clone()), failed, words);
    }
    show(Flaw::None);
    connects(world, host, &uri, keys, "tls");
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_secret_that_comes_later() {
    let world = World::new();
    let uri = tls_uri(&world.host("host1"));
    let missing = "SecretMissing";
    let words = format!("there is no Secret {NAME}");
    says(&world, &uri, json!({}), None, missing, &words);
    let empty = json!({"other": "x"});
    let words = "the authority's certificate is needed";
    says(&world, &uri, json!({}), Some(empty), missing, words);
    // The keys come while the Host waits for them: it is no other Host's twin until then.
    let object = host(NAME, &uri, json!({}));
    world.apply(&object);
    world.wait(("hosts", "", NAME), missing, |host| reason(host) == missing);
    let keys = tls_keys(&world, Some(&client(&world, Flaw::None)));
    world.apply(&secret(keys.clone()));
    world.wait(("hosts", "", NAME), "DuplicateHost", |host| {
        reason(host) == "DuplicateHost"
    });
    world.delete(&object);
    world.delete(&secret(keys));
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn with_a_password() {
    let world = World::new();
    let host2 = world.host("host2");
    let uri = tls_uri(&host2);
    let keys = || tls_keys(&world, Some(&client(&world, Flaw::None)));
    let failed = "AuthenticationFailed";
    let wrong = with_password(keys(), "wrong");
    let words = "does not accept the password of \"drover@host2\"";
    says(&world, &uri, json!({}), Some(wrong), failed, words);
    says(
        &world,
        &uri,
        json!({}),
        Some(keys()),
        "SecretMissing",
        "username",
    );
    let good = with_password(keys(), "lab-password");
    connects(&world, &host2, &uri, good, "tls");
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn over_ssh() {
    let world = World::new();
    for name in ["host1", "host2"] {
        let host = world.host(name);
        let uri = format!("qemu+ssh://root@{}/system", host.address());
        let read = |path: &str| hosts::run_in(&world.lab, &host, &["cat", path]).unwrap();
        let key = read("/root/.ssh/lab");
        let theirs = read("/etc/ssh/ssh_host_ed25519_key.pub");
        let known = format!("{} {theirs}", host.address());
        let keys = |known: &str| json!({"ssh-privatekey": key, "known_hosts": known});
        let failed = "AuthenticationFailed";
        says(
            &world,
            &uri,
            json!({}),
            Some(keys("")),
            failed,
            "is not known",
        );
        let changed = format!("{} {}", host.address(), read("/root/.ssh/lab.pub"));
        let words = "is not the one that is known";
        says(&world, &uri, json!({}), Some(keys(&changed)), failed, words);
        let stranger = uri.replace("root@", "nobody@");
        let words = "does not let nobody in by SSH";
        says(
            &world,
            &stranger,
            json!({}),
            Some(keys(&known)),
            failed,
            words,
        );
        connects(&world, &host, &uri, keys(&known), "unix");
    }
}
