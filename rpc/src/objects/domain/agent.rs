//! What is asked of the guest, by its agent or its keyboard, and of QEMU itself.

use std::time::{Duration, SystemTime};

use crate::enums::{DomainMetadataType, DomainProcessSignal, KeycodeSet};
use crate::error::Error;
use crate::flags::{
    DomainAuthorizedSSHKeysSetFlags, DomainGetHostnameFlags, DomainGuestInfoTypes,
    DomainModificationImpact, DomainQemuMonitorCommandFlags, DomainSetTimeFlags,
    DomainSetUserPasswordFlags,
};
use crate::objects::Domain;
use crate::objects::handle::{calls, optional, texts};
use crate::typed::TypedParams;

calls! {
    Domain;

    /// The guest's host name.
    virDomainGetHostname: hostname(flags: DomainGetHostnameFlags) -> String
        = domain_get_hostname(flags.bits());

    /// What the agent knows of the guest, `fields::DOMAIN_GUEST_INFO_*`; with no kinds, all.
    virDomainGetGuestInfo: guest_info(kinds: DomainGuestInfoTypes) -> TypedParams
        = domain_get_guest_info(kinds.bits(), 0);

    /// Has the guest hold its writes to these file systems, or to all, and says how many.
    virDomainFSFreeze: freeze_file_systems(mount_points: &[&str]) -> u32
        = domain_fsfreeze(texts(mount_points), 0);

    /// Has the guest go on writing, and says to how many file systems.
    virDomainFSThaw: thaw_file_systems(mount_points: &[&str]) -> u32
        = domain_fsthaw(texts(mount_points), 0);

    /// Has the guest give unused blocks back, in pieces of at least so many bytes.
    virDomainFSTrim: trim_file_systems(mount_point: Option<&str>, minimum: u64) -> ()
        = domain_fstrim(optional(mount_point), minimum, 0);

    /// Sets a user's password in the guest.
    virDomainSetUserPassword: set_user_password(
        user: &str, password: &str, flags: DomainSetUserPasswordFlags,
    ) -> () = domain_set_user_password(optional(Some(user)), optional(Some(password)), flags.bits());

    /// The SSH keys that may log in as a user of the guest.
    virDomainAuthorizedSSHKeysGet: authorized_ssh_keys(user: &str) -> Vec<String>
        = domain_authorized_ssh_keys_get(user, 0);

    /// Sets, adds or removes the SSH keys that may log in as a user of the guest.
    virDomainAuthorizedSSHKeysSet: set_authorized_ssh_keys(
        user: &str, keys: &[&str], flags: DomainAuthorizedSSHKeysSetFlags,
    ) -> () = domain_authorized_ssh_keys_set(user, texts(keys), flags.bits());

    /// For how long the agent is waited for, in seconds; -2 is as long as it takes, -1 libvirt's
    /// default, 0 not at all.
    virDomainAgentSetResponseTimeout: set_agent_timeout(seconds: i32) -> ()
        = domain_agent_set_response_timeout(seconds, 0);

    /// Sends a command to the agent, in its own JSON, and waits so many seconds (or as
    /// [`DomainQemuAgentCommandTimeoutValues`](crate::enums::DomainQemuAgentCommandTimeoutValues)
    /// says).
    virDomainQemuAgentCommand: agent_command(command: &str, timeout: i32) -> Option<String>
        = domain_agent_command(command, timeout, 0);

    /// Sends a command to QEMU's monitor. libvirt does not know of what it changes.
    virDomainQemuMonitorCommand: monitor_command(
        command: &str, flags: DomainQemuMonitorCommandFlags,
    ) -> String = domain_monitor_command(command, flags.bits());

    /// Sends a non-maskable interrupt.
    virDomainInjectNMI: inject_nmi() -> () = domain_inject_nmi(0);

    /// Presses these keys together, and holds them for whole milliseconds.
    virDomainSendKey: send_keys(codes: KeycodeSet, keys: &[u32], hold: Duration) -> ()
        = domain_send_key(
            codes.0.cast_unsigned(), u32::try_from(hold.as_millis()).unwrap_or(u32::MAX),
            keys.to_vec(), 0
        );

    /// Sends a signal to a process of a container.
    virDomainSendProcessSignal: send_signal(process: i64, signal: DomainProcessSignal) -> ()
        = domain_send_process_signal(process, signal.0.cast_unsigned(), 0);

    /// Its title, its description, or the element of its metadata with this namespace.
    virDomainGetMetadata: metadata(
        kind: DomainMetadataType, namespace: Option<&str>, flags: DomainModificationImpact,
    ) -> String = domain_get_metadata(kind.0, optional(namespace), flags.bits());

    /// Sets its title, its description, or the element of its metadata with this namespace, under
    /// this prefix; without text it is taken away.
    virDomainSetMetadata: set_metadata(
        kind: DomainMetadataType, text: Option<&str>, prefix: Option<&str>,
        namespace: Option<&str>, flags: DomainModificationImpact,
    ) -> () = domain_set_metadata(
        kind.0, optional(text), optional(prefix), optional(namespace), flags.bits()
    );
}

impl Domain {
    /// The guest's clock.
    ///
    /// libvirt's `virDomainGetTime`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn time(&self) -> Result<SystemTime, Error> {
        let time = self.client.domain_get_time(self.key(), 0).await?;
        let seconds = Duration::from_secs(time.seconds.unsigned_abs());
        let whole = if time.seconds < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(seconds)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(seconds)
        };
        whole
            .and_then(|whole| whole.checked_add(Duration::from_nanos(time.nseconds.into())))
            .ok_or_else(|| Error::Unsupported(format!("a guest's clock at {} s", time.seconds)))
    }

    /// Sets the guest's clock; with the flag `SYNC` to that of its hardware.
    ///
    /// libvirt's `virDomainSetTime`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn set_time(
        &self,
        since_1970: Duration,
        flags: DomainSetTimeFlags,
    ) -> Result<(), Error> {
        let seconds = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
        self.client
            .domain_set_time(self.key(), seconds, since_1970.subsec_nanos(), flags.bits())
            .await
    }

    /// Its security label (such as SELinux's), and whether it is enforced.
    ///
    /// libvirt's `virDomainGetSecurityLabelList`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn security_labels(&self) -> Result<Vec<(String, bool)>, Error> {
        let call = self.client.domain_get_security_label_list(self.key());
        let labels = call.await?.labels.into_iter();
        Ok(labels
            .map(|label| {
                let text = crate::objects::handle::c_string(&label.label);
                (text, label.enforcing != 0)
            })
            .collect())
    }
}
