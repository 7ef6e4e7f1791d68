//! Volumes that are overwritten before they are removed.

use crate::support::{World, message, ready};

const SPACE: &str = "e2e-wipes";
const POOL: &str = "/var/lib/libvirt/drover-first";

fn volume(name: &str, host: &str, format: &str) -> String {
    format!(
        "apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: {name}, namespace: {SPACE}}}
spec:
  pool: first
  host: {host}
  capacity: 8Mi
  format: {format}
  reclaimPolicy: Delete
  wipeOnDelete: true
"
    )
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_was_in_it_is_gone_before_it_is() {
    let world = World::new();
    world.space(SPACE);
    for host in ["host1", "host2"] {
        for format in ["raw", "qcow2"] {
            let text = volume(format, host, format);
            world.apply(&text);
            world.wait(("volumes", SPACE, format), "ready", ready);
            let path = format!("{POOL}/{SPACE}_{format}");
            // Somebody still has the file when its name is gone.
            let held = format!("{POOL}/../held-{format}");
            let write = format!(
                "qemu-io -f {format} -c 'write -P 0x5a 0 8M' {path} >/dev/null && ln {path} {held}"
            );
            world.shell(host, &write);
            let size = world.shell(host, &format!("stat -c '%s bytes, %b blocks' {held}"));
            world.delete(&text);
            let files = world.pool_files(host);
            assert!(
                !files.iter().any(|file| file.starts_with(SPACE)),
                "{files:?}"
            );
            let after = world.shell(host, &format!("stat -c '%s bytes, %b blocks' {held}"));
            println!("{host}: {format}: {} -> {}", size.trim(), after.trim());
            let zeros = format!("cmp -n $(stat -c %s {held}) {held} /dev/zero && rm {held}");
            world.shell(host, &zeros);
        }
    }
    world.remove_space(SPACE);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_wipe_that_is_cut_off_is_begun_again() {
    let between = crate::support::Between::new(SPACE);
    let world = &between.world;
    let host = crate::support::between::HOST;
    let text = volume("cut", host, "raw");
    world.apply(&text);
    world.wait(("volumes", SPACE, "cut"), "ready", ready);
    let (path, held) = (format!("{POOL}/{SPACE}_cut"), format!("{POOL}/../held-cut"));
    world.shell(
        host,
        &format!("qemu-io -f raw -c 'write -P 0x5a 0 8M' {path} >/dev/null && ln {path} {held}"),
    );
    let (act, moment) = (crate::support::Act::Kill, crate::support::Moment::Before);
    between.trigger.arm("STORAGE_VOL_WIPE", 1, moment, act);
    world.kubectl(&["delete", "vvol", "cut", "-n", SPACE, "--wait=false"]);
    assert!(between.trigger.fired_within(crate::support::world::LIMIT));
    let left = world.pool_files(host);
    println!("killed: {left:?}");
    assert!(left.contains(&format!("{SPACE}_cut")), "{left:?}");
    between.trigger.disarm();
    let told = world.get("volumes", SPACE, "cut").unwrap();
    println!("told: {}", message(&told));
    between.start();
    world.wait_for("it is gone", || {
        world.get("volumes", SPACE, "cut").is_none()
    });
    world.shell(
        host,
        &format!("cmp -n 8388608 {held} /dev/zero && rm {held}"),
    );
    between.end();
}
