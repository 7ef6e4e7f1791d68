//! What a guest or its agent would have to do: there is none, and both sides are told so alike.

use serde_json::json;

use crate::case::{Case, Failed, before, same};
use crate::plain::{all_of, hex, params};

pub(crate) const CASES: &[Case] = &[
    same!(
        DOMAIN_SCREENSHOT,
        "read(lambda stream: d.screenshot(stream, 0))",
        |h| async {
            let (_, mut picture) = h.client.domain_screenshot(h.d()?, 0, 0).await?;
            Ok::<_, Failed>(all_of(&mut picture).await)
        },
        |r| hex(&r)
    ),
    same!(
        DOMAIN_GET_TIME,
        "d.getTime()",
        |h| h.client.domain_get_time(h.d()?, 0),
        |r| json!({"seconds": r.seconds, "nseconds": r.nseconds})
    ),
    same!(
        DOMAIN_SET_TIME,
        "d.setTime({'seconds': 1, 'nseconds': 0})",
        |h| h.client.domain_set_time(h.d()?, 1, 0, 0)
    ),
    same!(
        DOMAIN_GET_FSINFO,
        "d.fsInfo()",
        |h| h.client.domain_get_fsinfo(h.d()?, 0),
        |r|
            // Python tells the mount point, the device, the kind and the targets.
            r.info.iter().map(|fs| json!([fs.mountpoint.to_string(), fs.name.to_string(), fs.fstype.to_string(),
                fs.dev_aliases.iter().map(ToString::to_string).collect::<Vec<_>>()])).collect::<serde_json::Value>()
    ),
    same!(DOMAIN_FSFREEZE, "d.fsFreeze()", |h| h
        .client
        .domain_fsfreeze(h.d()?, Vec::new(), 0))
    .first(before!(|h| h.client.domain_fsthaw(h.d()?, Vec::new(), 0))),
    same!(DOMAIN_FSTHAW, "d.fsThaw()", |h| h.client.domain_fsthaw(
        h.d()?,
        Vec::new(),
        0
    ))
    .first(before!(|h| h.client.domain_fsfreeze(h.d()?, Vec::new(), 0))),
    same!(DOMAIN_FSTRIM, "d.fSTrim(None, 0)", |h| h
        .client
        .domain_fstrim(h.d()?, None, 0, 0)),
    same!(
        DOMAIN_GET_GUEST_INFO,
        "d.guestInfo()",
        |h| h.client.domain_get_guest_info(h.d()?, 0, 0),
        |r| params(r)
    ),
    same!(
        DOMAIN_GET_GUEST_VCPUS,
        "d.guestVcpus()",
        |h| h.client.domain_get_guest_vcpus(h.d()?, 0),
        |r| params(r)
    )
    .silent(),
    same!(DOMAIN_SET_GUEST_VCPUS, "d.setGuestVcpus('0', 1)", |h| h
        .client
        .domain_set_guest_vcpus(h.d()?, "0", 1, 0)),
    same!(
        DOMAIN_SET_USER_PASSWORD,
        "d.setUserPassword('joe', 'x')",
        |h| h
            .client
            .domain_set_user_password(h.d()?, Some("joe".into()), Some("x".into()), 0)
    ),
    same!(
        DOMAIN_AUTHORIZED_SSH_KEYS_GET,
        "d.authorizedSSHKeysGet('joe')",
        |h| h.client.domain_authorized_ssh_keys_get(h.d()?, "joe", 0)
    ),
    same!(
        DOMAIN_AUTHORIZED_SSH_KEYS_SET,
        "d.authorizedSSHKeysSet('joe', ['k'])",
        |h| h
            .client
            .domain_authorized_ssh_keys_set(h.d()?, "joe", vec!["k".into()], 0)
    ),
    same!(
        DOMAIN_AGENT_SET_RESPONSE_TIMEOUT,
        "off.agentSetResponseTimeout(3)",
        |h| h.client.domain_agent_set_response_timeout(h.off()?, 3, 0)
    ),
    same!(DOMAIN_SEND_KEY, "off.sendKey(0, 0, [30], 1)", |h| h
        .client
        .domain_send_key(h.off()?, 0, 0, vec![30], 0)),
    same!(DOMAIN_SEND_KEY, "d.sendKey(77, 0, [30], 1)", |h| h
        .client
        .domain_send_key(h.d()?, 77, 0, vec![30], 0)),
    same!(
        DOMAIN_SEND_PROCESS_SIGNAL,
        "d.sendProcessSignal(1, 15)",
        |h| h.client.domain_send_process_signal(h.d()?, 1, 15, 0)
    ),
    same!(DOMAIN_INJECT_NMI, "off.injectNMI()", |h| h
        .client
        .domain_inject_nmi(h.off()?, 0)),
    same!(DOMAIN_PM_WAKEUP, "off.pMWakeup()", |h| h
        .client
        .domain_pm_wakeup(h.off()?, 0)),
    same!(
        DOMAIN_PM_SUSPEND_FOR_DURATION,
        "off.pMSuspendForDuration(0, 0)",
        |h| h.client.domain_pm_suspend_for_duration(h.off()?, 0, 0, 0)
    ),
    same!(
        DOMAIN_AGENT_COMMAND,
        "__import__('libvirt_qemu').qemuAgentCommand(d, '{}', 1, 0)",
        |h| h.client.domain_agent_command(h.d()?, "{}", 1, 0)
    ),
    same!(
        DOMAIN_MONITOR_COMMAND,
        "sorted(__import__('json').loads(__import__('libvirt_qemu').qemuMonitorCommand(d, '{\"execute\": \"query-status\"}', 0)))",
        |h| h
            .client
            .domain_monitor_command(h.d()?, "{\"execute\": \"query-status\"}", 0),
        |r| {
            let answer: serde_json::Value = serde_json::from_slice(r.as_bytes()).unwrap();
            answer
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        }
    ),
];
