//! What starts a guest and what is in its drives, on both versions of libvirt.

use crate::support::{Guest, World};

const SPACE: &str = "e2e-firmware";

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn efi_with_secure_boot_and_a_tpm() {
    let world = World::new();
    world.space(SPACE);
    for host in ["host1", "host2"] {
        let secure = Guest::new(SPACE, &format!("secure-{host}"))
            .on(host)
            .memory("128Mi")
            .more("firmware: {bootloader: EFI, secureBoot: true, tpm: {}}");
        let plain = Guest::new(SPACE, &format!("plain-{host}"))
            .on(host)
            .memory("128Mi")
            .more("firmware: {bootloader: EFI}");
        for guest in [&secure, &plain] {
            world.apply(&guest.yaml());
        }
        for guest in [&secure, &plain] {
            world.is_running(SPACE, &guest.name);
        }
        let live = world.virsh(host, &["dumpxml", &secure.domain()]);
        for part in ["secure='yes'", "type='pflash'", "tpm-crb", "<nvram"] {
            assert!(live.contains(part), "{host}: {part}: {live}");
        }
        let live = world.virsh(host, &["dumpxml", &plain.domain()]);
        assert!(
            live.contains("type='pflash'") && !live.contains("secure='yes'"),
            "{live}"
        );
        let kept = |what: &str| world.shell(host, &format!("ls {what} 2>/dev/null || true"));
        let (nvram, tpm) = ("/var/lib/libvirt/qemu/nvram", "/var/lib/libvirt/swtpm");
        assert!(kept(nvram).contains(&secure.domain()), "{}", kept(nvram));
        assert_eq!(kept(tpm).lines().count(), 1, "{}", kept(tpm));
        for guest in [&secure, &plain] {
            world.delete(&guest.yaml());
        }
        // What was only the machine's own is gone with it.
        assert!(!kept(nvram).contains(SPACE), "{}", kept(nvram));
        assert_eq!(kept(tpm), "");
    }
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_medium_is_changed_while_the_guest_runs() {
    let world = World::new();
    world.space(SPACE);
    for medium in ["one", "two"] {
        world.apply(&format!(
            "apiVersion: drover.dev/v1alpha1\nkind: Volume\n\
             metadata: {{name: {medium}, namespace: {SPACE}}}\n\
             spec: {{pool: first, host: host2, capacity: 4Mi, format: raw, reclaimPolicy: Delete}}\n"
        ));
    }
    let guest = Guest::new(SPACE, "reads").on("host2");
    let with = |medium: &str| {
        let volume = match medium {
            "" => String::new(),
            medium => format!(", volume: {{name: {medium}}}"),
        };
        guest
            .clone()
            .disk(format!("{{name: drive, type: cdrom{volume}}}"))
    };
    world.apply(&with("one").yaml());
    world.is_running(SPACE, "reads");
    let before = world.domain_id("host2", &guest.domain());
    let drive = || world.virsh("host2", &["domblklist", &guest.domain()]);
    assert!(drive().contains("e2e-firmware_one"), "{}", drive());
    for (medium, shown) in [
        ("two", "e2e-firmware_two"),
        ("", "-"),
        ("one", "e2e-firmware_one"),
    ] {
        world.apply(&with(medium).yaml());
        world.wait_for("the medium is changed", || {
            let listed = drive();
            let mut lines = listed.lines();
            lines.any(|line| line.contains("sda") && line.trim_end().ends_with(shown))
        });
        world.is_running(SPACE, "reads");
    }
    assert_eq!(
        world.domain_id("host2", &guest.domain()),
        before,
        "it went on running"
    );
    world.remove_space(SPACE);
}
