//! What a guest is given for its first start: what is in the volume, and what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Cursor, Read};

use drover_core::desired::machine::DesiredMachine;
use drover_core::seed::{Names, Secrets, Seed, Unfit};
use drover_crds::VirtualMachine;
use fatfs::{FileSystem, FsOptions};
use proptest::prelude::*;
use uuid::Uuid;

const MOST: usize = 1 << 20;

fn machine(given: &str) -> DesiredMachine {
    let text = format!(
        "
apiVersion: drover.dev/v1alpha1
kind: VirtualMachine
metadata: {{name: web, namespace: shop, uid: u-1}}
spec:
  memory: {{guest: 256Mi}}
  disks: [{{name: root, volume: {{name: root}}}}]
  {given}
"
    );
    let object: VirtualMachine = serde_saphyr::from_str(&text).unwrap();
    DesiredMachine::parse(&object, "lab", None).unwrap()
}

fn secrets(data: &[(&str, &[u8])]) -> Secrets {
    let mut secrets = Secrets::default();
    let data = data
        .iter()
        .map(|(key, bytes)| ((*key).to_owned(), bytes.to_vec()));
    secrets.add("ci", data);
    secrets
}

fn seed(given: &str, secrets: &Secrets) -> Result<Seed, Unfit> {
    let machine = machine(given);
    Seed::new(&machine, machine.first_boot.as_ref().unwrap(), secrets)
}

fn image(given: &str, data: &[(&str, &[u8])]) -> Vec<u8> {
    let seed = seed(given, &secrets(data)).unwrap();
    seed.image().unwrap().open().to_vec()
}

fn refusal(given: &str, data: &[(&str, &[u8])]) -> String {
    seed(given, &secrets(data)).unwrap_err().to_string()
}

/// A FAT volume's label and its files.
fn read(image: Vec<u8>) -> (String, Vec<(String, Vec<u8>)>) {
    let system = FileSystem::new(Cursor::new(image), FsOptions::new()).unwrap();
    let label = system.read_volume_label_from_root_dir().unwrap().unwrap();
    let mut files = Vec::new();
    let mut folders = vec![(String::new(), system.root_dir())];
    while let Some((path, folder)) = folders.pop() {
        for entry in folder.iter().map(Result::unwrap) {
            let name = entry.file_name();
            if name == "." || name == ".." {
                continue;
            }
            let path = format!("{path}{name}");
            if entry.is_dir() {
                folders.push((format!("{path}/"), entry.to_dir()));
                continue;
            }
            let mut content = Vec::new();
            entry.to_file().read_to_end(&mut content).unwrap();
            files.push((path, content));
        }
    }
    files.sort();
    (label, files)
}

fn file(files: &[(String, Vec<u8>)], path: &str) -> String {
    let found = files.iter().find(|(known, _)| known == path);
    let (_, content) = found.unwrap_or_else(|| panic!("{path} is missing"));
    String::from_utf8(content.clone()).unwrap()
}

const USER_DATA: &str = "cloudInit: {userDataSecretRef: {name: ci, key: user}}";

#[test]
fn the_least_says_who_the_machine_is() {
    let (label, files) = read(image("cloudInit: {}", &[]));
    assert_eq!(label, "cidata");
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["meta-data", "user-data"]);
    let meta: serde_json::Value = serde_json::from_str(&file(&files, "meta-data")).unwrap();
    let uuid = machine("cloudInit: {}").uuid.to_string();
    assert_eq!(
        meta,
        serde_json::json!({"instance-id": uuid, "local-hostname": "web"})
    );
    assert_eq!(file(&files, "user-data"), "#cloud-config\n");
}

#[test]
fn all_of_it_has_its_file() {
    let given = "cloudInit: {userDataSecretRef: {name: ci, key: user}, networkData: 'version: 2', \
                 vendorDataSecretRef: {name: ci, key: vendor}, hostname: a.example.org}";
    let (_, files) = read(image(
        given,
        &[("user", b"#!/bin/sh\n"), ("vendor", b"#cloud-config\n")],
    ));
    assert_eq!(file(&files, "user-data"), "#!/bin/sh\n");
    assert_eq!(file(&files, "network-config"), "version: 2");
    assert_eq!(file(&files, "vendor-data"), "#cloud-config\n");
    assert!(file(&files, "meta-data").contains("a.example.org"));
}

#[test]
fn every_line_of_the_secret_is_a_key() {
    let keys: [(&str, &[u8]); 2] = [
        ("a", b"ssh-ed25519 AA a\n\n# no\n"),
        ("b", b"ssh-rsa BB b\nssh-rsa CC c"),
    ];
    let given = "cloudInit: {sshKeysSecretRef: {name: ci}}";
    let (_, files) = read(image(given, &keys));
    let meta: serde_json::Value = serde_json::from_str(&file(&files, "meta-data")).unwrap();
    let all = serde_json::json!(["ssh-ed25519 AA a", "ssh-rsa BB b", "ssh-rsa CC c"]);
    assert_eq!(meta["public-keys"], all);
    let drive = given.replace("{sshKeys", "{datasource: ConfigDrive, sshKeys");
    let (_, files) = read(image(&drive, &keys));
    let meta = file(&files, "openstack/latest/meta_data.json");
    let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
    assert_eq!(meta["public_keys"]["key-1"], "ssh-rsa BB b");
}

#[test]
fn a_config_drive_is_laid_out_as_openstack_does() {
    let given =
        "cloudInit: {datasource: ConfigDrive, userData: a, networkData: '{}', vendorData: b}";
    let (label, files) = read(image(given, &[]));
    assert_eq!(label, "config-2");
    let at = |name: &str| file(&files, &format!("openstack/latest/{name}"));
    assert_eq!(at("user_data"), "a");
    assert_eq!(at("network_data.json"), "{}");
    assert_eq!(at("vendor_data.json"), "{\"cloud-init\":\"b\"}\n");
    assert!(at("meta_data.json").contains("\"hostname\":\"web\""));
}

#[test]
fn the_instance_is_another_one_only_when_asked() {
    let id = |user: &str, rerun: &str| {
        let given = format!("cloudInit: {{userData: '{user}'{rerun}}}");
        let (_, files) = read(image(&given, &[]));
        let meta: serde_json::Value = serde_json::from_str(&file(&files, "meta-data")).unwrap();
        meta["instance-id"].as_str().unwrap().to_owned()
    };
    assert_eq!(id("a", ""), id("b", ""));
    let rerun = ", rerunOnChange: true";
    assert_eq!(id("a", rerun), id("a", rerun));
    assert_ne!(id("a", rerun), id("b", rerun));
}

#[test]
fn what_is_missing_is_named() {
    let words = refusal(USER_DATA, &[]);
    assert_eq!(
        words,
        "spec.cloudInit.userDataSecretRef: Secret \"ci\" has no key \"user\""
    );
    let none = seed(USER_DATA, &Secrets::default()).unwrap_err();
    assert!(
        matches!(&none, Unfit::Missing(words) if words.contains("no Secret \"ci\"")),
        "{none}"
    );
    let keys = refusal(
        "cloudInit: {sshKeysSecretRef: {name: ci}}",
        &[("a", b"# none\n")],
    );
    assert!(
        keys.contains("sshKeysSecretRef: Secret \"ci\" has no key with"),
        "{keys}"
    );
    let answers = refusal("sysprep: {secretRef: {name: ci}}", &[("a", b"")]);
    assert!(
        answers.ends_with("has no key autounattend.xml or unattend.xml"),
        "{answers}"
    );
}

#[test]
fn what_is_no_text_or_too_long_is_refused_with_where() {
    let words = refusal(USER_DATA, &[("user", b"#cloud-config\n\xff")]);
    assert!(
        words.ends_with("key \"user\" of Secret \"ci\" is not UTF-8 at byte 14"),
        "{words}"
    );
    let long = vec![b'a'; MOST + 1];
    let words = refusal(USER_DATA, &[("user", &long)]);
    assert!(
        words.contains("has 1048577 bytes, at most 1048576"),
        "{words}"
    );
    image(USER_DATA, &[("user", &long[1..])]);
    let three = "cloudInit: {userDataSecretRef: {name: ci, key: a}, networkDataSecretRef: {name: ci, key: a}, \
                 vendorDataSecretRef: {name: ci, key: a}}";
    let words = refusal(three, &[("a", &long[1..])]);
    assert!(words.starts_with("spec.cloudInit: 3145"), "{words}");
    let drive = "cloudInit: {datasource: ConfigDrive, networkData: 'version: 2'}";
    assert!(refusal(drive, &[]).contains("is not JSON"));
}

#[test]
fn nothing_of_a_secret_is_printed() {
    let secrets = secrets(&[("user", b"hunter2")]);
    let seed = seed(USER_DATA, &secrets).unwrap();
    let printed = format!("{secrets:?} {seed:?} {:?}", seed.image());
    assert!(
        !printed.contains("hunter2") && !printed.contains("104, 117"),
        "{printed}"
    );
}

#[test]
fn a_digest_stands_for_the_content_and_cannot_be_tried_out() {
    let with = |given: &str, user: &[u8]| seed(given, &secrets(&[("user", user)])).unwrap();
    let (key, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let one = with(USER_DATA, b"a").digest(key);
    assert_eq!(one, with(USER_DATA, b"a").digest(key));
    assert_ne!(one, with(USER_DATA, b"b").digest(key));
    assert_ne!(one, with(USER_DATA, b"a").digest(other));
    let drive = USER_DATA.replace("{userData", "{datasource: ConfigDrive, userData");
    assert_ne!(one, with(&drive, b"a").digest(key));
    let names = Names::of(&machine(USER_DATA));
    assert_eq!(names.owner(), "shop_web_seed.owner");
    assert!(names.is_one(&names.volume(&one)));
    for other in [
        "shop_web",
        "shop_web_seed.owner",
        "shop_web_seed-1",
        "shop_web-root",
    ] {
        assert!(!names.is_one(other), "{other}");
    }
}

#[test]
fn ignition_reads_json_to_the_end() {
    let given = "ignition: {secretRef: {name: ci, key: config}}";
    let config = br#"{"ignition":{"version":"3.4.0"}}"#;
    let image = image(given, &[("config", config)]);
    assert_eq!(image.len() % 512, 0);
    assert_eq!(&image[..config.len()], config);
    assert!(serde_json::from_slice::<serde_json::Value>(&image).is_ok());
    assert!(refusal(given, &[("config", b"variant: fcos")]).contains("not JSON"));
}

#[test]
fn the_answers_are_on_a_cd_under_both_names() {
    let given = "sysprep: {secretRef: {name: ci}}";
    let image = image(
        given,
        &[
            ("unattend.xml", b"<b/>"),
            ("autounattend.xml", b"<a/>"),
            ("x", b"x"),
        ],
    );
    assert_eq!(image.len() % 2_048, 0);
    for (sector, kind) in [(16, 1), (17, 2), (18, 255)] {
        let at = sector * 2_048;
        assert_eq!((image[at], &image[at + 1..at + 6]), (kind, &b"CD001"[..]));
    }
    let wide: Vec<u8> = "autounattend.xml;1"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let at = |bytes: &[u8]| image.windows(bytes.len()).position(|it| it == bytes);
    for (names, name) in [(16, &b"AUTOUNAT.XML;1"[..]), (17, &wide)] {
        // The root is named by its descriptor, and the file by the root.
        let number = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap()) as usize;
        let root = number(names * 2_048 + 156 + 2);
        let found = at(name).unwrap();
        assert_eq!(found / 2_048, root);
        let start = number(found - 33 + 2);
        assert_eq!(&image[start * 2_048..start * 2_048 + 4], b"<a/>");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_same_content_makes_the_same_volume_and_is_read_back(
        user in "\\PC{0,300}", network in prop::option::of("[a-z: \n]{0,3000}"), times in 1..40_usize,
    ) {
        let user = user.repeat(times);
        let mut data = vec![("user", user.as_bytes())];
        let mut given = "cloudInit: {userDataSecretRef: {name: ci, key: user}".to_owned();
        if let Some(network) = &network {
            data.push(("network", network.as_bytes()));
            given += ", networkDataSecretRef: {name: ci, key: network}";
        }
        given += "}";
        let made = image(&given, &data);
        prop_assert_eq!(&made, &image(&given, &data));
        let (_, files) = read(made);
        prop_assert_eq!(file(&files, "user-data"), user);
        if let Some(network) = network {
            prop_assert_eq!(file(&files, "network-config"), network);
        }
    }
}
