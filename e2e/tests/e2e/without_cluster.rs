//! The same files, the same words and the same end without a cluster.

use crate::support::files::{Files, HOST, text};
use crate::support::{Guest, ready};

const SPACE: &str = "e2e-files";

const POOL: &str = "
apiVersion: drover.dev/v1alpha1
kind: StoragePool
metadata: {name: e2e-files}
spec: {type: dir, target: {path: /var/lib/libvirt/e2e-files}, deletionPolicy: Delete}
";

fn guest() -> Guest {
    Guest::new(SPACE, "web").blank("root", "e2e-files")
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn from_nothing_to_running_changed_and_gone() {
    let files = Files::new("e2e-files");
    let listed = |what: &str| files.world.virsh(HOST, &[what, "--all"]);
    let before = (listed("list"), listed("pool-list"));
    files.write("pool.yaml", POOL);
    let small = guest().more("cpu: {maxSockets: 2}");
    files.write("vm.yaml", &small.yaml());
    files.says(
        2,
        "plan",
        &[],
        &["+ VirtualMachine e2e-files/web", "3 to make"],
    );
    assert_eq!(
        (listed("list"), listed("pool-list")),
        before,
        "a plan does nothing"
    );
    // Nobody is there to ask.
    files.says(1, "apply", &[], &["say --yes"]);
    files.says(0, "apply", &["--yes"], &["Running: it runs as declared"]);
    files.says(0, "plan", &[], &["Everything is as declared: 3 objects."]);
    let rows = ["host2   Active    nothing", "host2   Running   nothing"];
    files.says(0, "get", &[], &rows);
    let id = files.world.domain_id(HOST, "e2e-files_web");
    let grown = guest().more("cpu: {maxSockets: 2, sockets: 2}");
    files.write("vm.yaml", &grown.yaml());
    files.says(2, "plan", &[], &["~ spec.cpu.sockets: 1 -> 2   Live"]);
    files.says(0, "apply", &["--yes"], &["Running: it runs as declared"]);
    assert_eq!(files.world.domain_id(HOST, "e2e-files_web"), id);
    files.write(
        "vm.yaml",
        &grown.clone().more("firmware: {bootloader: EFI}").yaml(),
    );
    let refused = "! spec.firmware.bootloader: BIOS -> EFI   Recreate: refused";
    files.says(2, "plan", &["-o", "json"], &["\"class\": \"Recreate\""]);
    files.says(1, "apply", &["--yes"], &[refused, "ChangeRefused"]);
    files.write("vm.yaml", &grown.yaml().replace("guest: 64Mi", "guest: 0"));
    files.says(1, "plan", &[], &["spec.memory.guest: must be > 0"]);
    files.write("vm.yaml", &grown.yaml());
    let machines = files.drover(&["get"]);
    assert!(
        text(&machines).contains("e2e-files   web"),
        "{}",
        text(&machines)
    );
    files.says(
        0,
        "delete",
        &["--yes"],
        &["VirtualMachine e2e-files/web: gone"],
    );
    assert_eq!(
        (listed("list"), listed("pool-list")),
        before,
        "nothing is left"
    );
    std::fs::remove_dir_all(&files.folder).unwrap();
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_a_cluster_keeps_is_not_taken_by_the_way() {
    let files = Files::new("e2e-files-kept");
    let world = &files.world;
    world.space(SPACE);
    let guest = Guest::new(SPACE, "kept").on(HOST);
    world.apply(&guest.yaml());
    world.machine_is(SPACE, "kept", "ready", ready);
    let name = drover_e2e::operator::FLEET;
    // The Host has another name without a cluster.
    files.write("vm.yaml", &Guest::new(SPACE, "kept").yaml());
    let words = "is kept by a cluster: take it over with --take-over";
    files.says(2, "plan", &["--fleet", name], &[words]);
    files.says(1, "apply", &["--fleet", name, "--yes"], &[words]);
    world.remove_space(SPACE);
    std::fs::remove_dir_all(&files.folder).unwrap();
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn drift_is_told_and_a_plan_is_approved_by_its_hash() {
    let files = Files::new("e2e-files-asks");
    let world = &files.world;
    let guest = Guest::new(SPACE, "asks");
    let told = guest.clone().more("drift: Report");
    files.write("vm.yaml", &told.yaml());
    files.says(0, "apply", &["--yes"], &["Running: it runs as declared"]);
    let domain = guest.domain();
    world.virsh(HOST, &["setmaxmem", &domain, "98304", "--config"]);
    world.virsh(HOST, &["setmem", &domain, "98304", "--config"]);
    let drift = "! spec.memory.guest: 96Mi -> 64Mi   NextBoot: drift, only told";
    files.says(2, "plan", &[], &[drift]);
    files.says(0, "apply", &["--yes"], &[drift]);
    let xml = || world.virsh(HOST, &["dumpxml", "--inactive", &domain]);
    assert!(
        xml().contains("<memory unit='KiB'>98304</memory>"),
        "{}",
        xml()
    );
    let asks = guest
        .more("update: {approval: Manual, allow: [Live, NextBoot]}")
        .memory("80Mi");
    files.write("vm.yaml", &asks.yaml());
    files.says(1, "apply", &["--yes"], &["PlanNeedsApproval"]);
    assert!(
        xml().contains("<memory unit='KiB'>98304</memory>"),
        "{}",
        xml()
    );
    let folder = files.folder.display().to_string();
    let plan = files.drover(&["plan", "-o", "json", "-f", &folder]);
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    let hash = plan["objects"][0]["hash"].as_str().unwrap();
    files.write("vm.yaml", &asks.clone().annotated("approve", "1234").yaml());
    files.says(1, "apply", &["--yes"], &["PlanNeedsApproval"]);
    files.write("vm.yaml", &asks.annotated("approve", hash).yaml());
    files.says(
        2,
        "plan",
        &[],
        &["NextBoot: written", "steps: mark, define"],
    );
    files.says(0, "apply", &["--yes"], &["RestartRequired"]);
    assert!(
        xml().contains("<memory unit='KiB'>81920</memory>"),
        "{}",
        xml()
    );
    files.says(0, "delete", &["--yes"], &["gone"]);
    std::fs::remove_dir_all(&files.folder).unwrap();
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_is_rendered_is_what_virsh_takes() {
    let files = Files::new("e2e-files-rendered");
    let world = &files.world;
    let name = "e2e-rendered";
    let network = format!(
        "apiVersion: drover.dev/v1alpha1\nkind: Network\nmetadata: {{name: {name}}}\nspec: {{mode: Isolated}}\n"
    );
    let guest = Guest::new(SPACE, "rendered")
        .blank("root", name)
        .more(&format!("interfaces: [{{name: eth0, network: {name}}}]"));
    files.write("pool.yaml", &POOL.replace("e2e-files", name));
    files.write("network.yaml", &network);
    files.write("vm.yaml", &guest.yaml());
    let file = world.host(HOST).root(&world.lab).join("root/rendered.xml");
    for definition in files.rendered().trim_end().split("\n\n") {
        let (calls, xml): (Vec<&str>, Vec<&str>) =
            definition.lines().partition(|line| line.starts_with('#'));
        std::fs::write(&file, xml.join("\n")).unwrap();
        for call in calls {
            let call = call.trim_start_matches("# virsh ");
            let call = call.replace("FILE", "/root/rendered.xml");
            world.virsh(HOST, &call.split(' ').collect::<Vec<_>>());
        }
    }
    assert_ne!(world.domain_id(HOST, &guest.domain()), "-", "it runs");
    let domain = guest.domain();
    for call in [
        ["destroy", &domain],
        ["undefine", &domain],
        ["net-destroy", name],
        ["net-undefine", name],
        ["pool-destroy", name],
        ["pool-undefine", name],
    ] {
        world.virsh(HOST, &call);
    }
    world.shell(HOST, &format!("rm -r /var/lib/libvirt/{name}"));
    std::fs::remove_dir_all(&files.folder).unwrap();
}
