//! Definitions as other tools leave them behind.

/// What virt-manager, virt-install and people write, each with other things that Drover does not model,
/// and what both versions of libvirt show of a machine that Drover wrote.
pub(crate) const DOMAINS: [&str; 6] = [DESKTOP, SERVER, BARE, TUNED, OLD, NEW];

const OLD: &str = include_str!("shown-9.0.xml");
const NEW: &str = include_str!("shown-11.3.xml");

const DESKTOP: &str = include_str!("desktop.xml");

const SERVER: &str = include_str!("server.xml");

const BARE: &str = "<domain type='kvm'><name>bare</name><memory>65536</memory>\
    <os><type>hvm</type></os><devices/></domain>";

const TUNED: &str = include_str!("tuned.xml");

/// What may be inside of an element that Drover does not model.
pub(crate) const ELEMENTS: [(&str, &[&str]); 13] = [
    (
        "domain",
        &[
            "<genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid>",
            "<memtune><hard_limit unit=\"G\">1</hard_limit></memtune>",
            "<blkiotune><weight>800</weight></blkiotune>",
            "<resource><partition>/machine/a &amp; b</partition></resource>",
            "<on_lockfailure>ignore</on_lockfailure>",
            "<perf><event name=\"cmt\" enabled=\"yes\"/></perf>",
            "<launchSecurity type=\"sev\"><policy>0x0001</policy></launchSecurity>",
            "<!-- a <comment> -->",
            "<description> &amp; what else</description>",
        ],
    ),
    (
        "metadata",
        &[
            "<a:x xmlns:a=\"urn:a\" k=\"&lt;&quot;&apos;\">t<a:y/> u<!-- c --></a:x>",
            "<b:x xmlns:b=\"urn:b\"> &lt;raw&gt; <![CDATA[ <&> ]]></b:x>",
            "<c:mark xmlns:c=\"urn:c\" epoch=\"9\" lines=\"1&#10;2&#9;3&#13;4\"/>",
            "<?note of somebody?>",
        ],
    ),
    (
        "os",
        &[
            "<bootmenu enable=\"yes\" timeout=\"3000\"/>",
            "<bios useserial=\"yes\" rebootTimeout=\"0\"/>",
            "<acpi><table type=\"slic\">/a/b</table></acpi>",
            "<dtb>/a.dtb</dtb>",
        ],
    ),
    (
        "features",
        &[
            "<kvm><hidden state=\"on\"/></kvm>",
            "<ioapic driver=\"kvm\"/>",
            "<vmcoreinfo state=\"on\"/>",
        ],
    ),
    (
        "cpu",
        &[
            "<cache mode=\"passthrough\"/>",
            "<maxphysaddr mode=\"emulate\" bits=\"42\"/>",
            "<numa><cell id=\"0\" cpus=\"0-3\" memory=\"512000\" unit=\"KiB\"/></numa>",
        ],
    ),
    (
        "clock",
        &[
            "<timer name=\"pit\" tickpolicy=\"delay\"/>",
            "<timer name=\"hypervclock\" present=\"yes\"/>",
        ],
    ),
    (
        "memoryBacking",
        &[
            "<source type=\"memfd\"/>",
            "<access mode=\"shared\"/>",
            "<discard/>",
        ],
    ),
    (
        "devices",
        &[
            "<sound model=\"ich6\"><codec type=\"micro\"/></sound>",
            "<hub type=\"usb\"/>",
            "<smartcard mode=\"host\"/>",
            "<parallel type=\"pty\"><target port=\"0\"/></parallel>",
            "<filesystem type=\"mount\"><source dir=\"/a\"/><target dir=\"b\"/></filesystem>",
            "<shmem name=\"s\"><model type=\"ivshmem-plain\"/></shmem>",
            "<lease><lockspace>l</lockspace><key>k</key><target path=\"/p\"/></lease>",
            "<memory model=\"dimm\"><target><size unit=\"KiB\">524287</size></target></memory>",
            "<input type=\"keyboard\" bus=\"virtio\"/>",
            "<channel type=\"pty\"><target type=\"virtio\" name=\"org.x\"/></channel>",
            "<controller type=\"sata\" index=\"5\"><driver iothread=\"1\"/></controller>",
            "<hostdev mode=\"subsystem\" type=\"usb\"><source><vendor id=\"0x1\"/></source></hostdev>",
            "<disk type=\"file\" device=\"floppy\"><target dev=\"fda\" bus=\"fdc\"/></disk>",
            "<interface type=\"ethernet\"><mac address=\"52:54:00:00:00:77\"/></interface>",
            "<!-- \"quoted\" & more -->",
        ],
    ),
    (
        "disk",
        &[
            "<wwn>5000c50015ea71ac</wwn>",
            "<geometry cyls=\"16383\" heads=\"16\" secs=\"63\" trans=\"lba\"/>",
            "<blockio logical_block_size=\"512\"/>",
            "<product>&quot;P&quot;</product>",
            "<throttlefilters><throttlefilter group=\"l\"/></throttlefilters>",
        ],
    ),
    ("driver", &["<metadata_cache/>"]),
    (
        "iotune",
        &[
            "<size_iops_sec>8</size_iops_sec>",
            "<group_name>h</group_name>",
            "<write_bytes_sec_max_length>3</write_bytes_sec_max_length>",
        ],
    ),
    (
        "interface",
        &[
            "<mtu size=\"1400\"/>",
            "<tune><sndbuf>0</sndbuf></tune>",
            "<port isolated=\"yes\"/>",
            "<coalesce><rx><frames max=\"7\"/></rx></coalesce>",
            "<rom bar=\"off\"/>",
            "<vlan><tag id=\"42\"/></vlan>",
        ],
    ),
    ("memballoon", &["<stats period=\"5\"/>"]),
];

/// What may be said of an element that Drover does not model.
pub(crate) const ATTRIBUTES: [(&str, &[&str]); 9] = [
    ("vcpu", &["placement=\"auto\"", "cpuset=\"1-4,^3\""]),
    ("memory", &["dumpCore=\"on\""]),
    ("disk", &["rawio=\"yes\"", "sgio=\"filtered\""]),
    (
        "driver",
        &[
            "error_policy=\"stop\"",
            "detect_zeroes=\"on\"",
            "packed=\"on\"",
        ],
    ),
    (
        "interface",
        &["managed=\"no\"", "trustGuestRxFilters=\"yes\""],
    ),
    (
        "mac",
        &["check=\"no\"", "currentAddress=\"52:54:00:00:00:01\""],
    ),
    ("controller", &["vectors=\"4\""]),
    (
        "emulator",
        &["note=\"&lt;&gt;&amp;&quot;&apos;&#10;&#x85;\""],
    ),
    ("features", &["note=\"a  b\""]),
];
