//! Starting, stopping, saving.

use std::time::Duration;

use crate::enums::{
    DomainCoreDumpFormat, DomainLifecycle, DomainLifecycleAction, NodeSuspendTarget,
};
use crate::flags::{
    DomainCoreDumpFlags, DomainCreateFlags, DomainDestroyFlags, DomainModificationImpact,
    DomainRebootFlags, DomainSaveImageXMLFlags, DomainSaveRestoreFlags, DomainShutdownFlags,
    DomainUndefineFlags,
};
use crate::objects::Domain;
use crate::objects::handle::{calls, client_calls, optional};
use crate::typed::TypedParams;

calls! {
    Domain;

    /// Starts it, if it is defined and off. From a managed save image, if there is one.
    virDomainCreateWithFlags: start(flags: DomainCreateFlags) -> ()
        = domain_create_with_flags(flags.bits());

    /// Asks the guest to shut down. It may take its time, or not do it at all.
    virDomainShutdownFlags: shutdown(flags: DomainShutdownFlags) -> ()
        = domain_shutdown_flags(flags.bits());

    /// Asks the guest to restart.
    virDomainReboot: reboot(flags: DomainRebootFlags) -> () = domain_reboot(flags.bits());

    /// Presses the reset button: the guest loses what it has not written.
    virDomainReset: reset() -> () = domain_reset(0);

    /// Pulls the plug: the guest loses what it has not written. A transient domain is then gone.
    virDomainDestroyFlags: destroy(flags: DomainDestroyFlags) -> ()
        = domain_destroy_flags(flags.bits());

    /// Stops its CPUs; its memory stays.
    virDomainSuspend: suspend() -> () = domain_suspend();

    /// Lets its CPUs go on.
    virDomainResume: resume() -> () = domain_resume();

    /// Takes its definition away. If it runs, it becomes transient.
    virDomainUndefineFlags: undefine(flags: DomainUndefineFlags) -> ()
        = domain_undefine_flags(flags.bits());

    /// Gives it another name; it must be off. Handles keep the old name, and still work.
    virDomainRename: rename(name: &str) -> () = domain_rename(optional(Some(name)), 0);

    /// Whether it is started with the host.
    virDomainGetAutostart: autostart() -> bool = domain_get_autostart();

    /// Has it started with the host, or not.
    virDomainSetAutostart: set_autostart(autostart: bool) -> ()
        = domain_set_autostart(autostart.into());

    /// Whether it is started at the next start of the host alone.
    virDomainGetAutostartOnce: autostart_once() -> bool = domain_get_autostart_once();

    /// Has it started at the next start of the host alone, or not.
    virDomainSetAutostartOnce: set_autostart_once(autostart: bool) -> ()
        = domain_set_autostart_once(autostart.into());

    /// Saves its memory to a file of the host and stops it; `xml` replaces its definition in there.
    virDomainSaveFlags: save(path: &str, xml: Option<&str>, flags: DomainSaveRestoreFlags) -> ()
        = domain_save_flags(path, optional(xml), flags.bits());

    /// Saves its memory and stops it; the parameters are `fields::DOMAIN_SAVE_PARAM_*`.
    virDomainSaveParams: save_params(params: TypedParams, flags: DomainSaveRestoreFlags) -> ()
        = domain_save_params(params.into_wire(), flags.bits());

    /// Saves its memory where libvirt will look for it at the next start, and stops it.
    virDomainManagedSave: managed_save(flags: DomainSaveRestoreFlags) -> ()
        = domain_managed_save(flags.bits());

    /// Whether there is such a managed save image.
    virDomainHasManagedSaveImage: has_managed_save() -> bool = domain_has_managed_save_image(0);

    /// Throws the managed save image away.
    virDomainManagedSaveRemove: remove_managed_save() -> () = domain_managed_save_remove(0);

    /// The definition in the managed save image.
    virDomainManagedSaveGetXMLDesc: managed_save_xml(flags: DomainSaveImageXMLFlags) -> String
        = domain_managed_save_get_xml_desc(flags.bits());

    /// Replaces the definition in the managed save image.
    virDomainManagedSaveDefineXML: define_managed_save(xml: &str, flags: DomainSaveRestoreFlags) -> ()
        = domain_managed_save_define_xml(optional(Some(xml)), flags.bits());

    /// Writes its memory to a file of the host, for a debugger.
    virDomainCoreDumpWithFormat: core_dump(
        path: &str, format: DomainCoreDumpFormat, flags: DomainCoreDumpFlags,
    ) -> () = domain_core_dump_with_format(path, format.0.cast_unsigned(), flags.bits());

    /// Has the guest sleep, by its agent. A duration of zero is without end; libvirt knows no other.
    virDomainPMSuspendForDuration: pm_suspend(target: NodeSuspendTarget, duration: Duration) -> ()
        = domain_pm_suspend_for_duration(target.0.cast_unsigned(), duration.as_secs(), 0);

    /// Says what becomes of it when the guest does this.
    virDomainSetLifecycleAction: set_lifecycle_action(
        when: DomainLifecycle, action: DomainLifecycleAction, flags: DomainModificationImpact,
    ) -> () = domain_set_lifecycle_action(
        when.0.cast_unsigned(), action.0.cast_unsigned(), flags.bits()
    );

    /// Wakes a guest that sleeps.
    virDomainPMWakeup: pm_wakeup() -> () = domain_pm_wakeup(0);
}

client_calls! {
    /// Starts a domain from a file of the host that [`Domain::save`] has written.
    virDomainRestoreFlags: restore_domain(
        path: &str, xml: Option<&str>, flags: DomainSaveRestoreFlags,
    ) -> () = domain_restore_flags(path, optional(xml), flags.bits());

    /// Starts a domain from a file; the parameters are `fields::DOMAIN_SAVE_PARAM_*`.
    virDomainRestoreParams: restore_domain_params(
        params: TypedParams, flags: DomainSaveRestoreFlags,
    ) -> () = domain_restore_params(params.into_wire(), flags.bits());

    /// The definition in a file that [`Domain::save`] has written.
    virDomainSaveImageGetXMLDesc: save_image_xml(
        path: &str, flags: DomainSaveImageXMLFlags,
    ) -> String = domain_save_image_get_xml_desc(path, flags.bits());

    /// Replaces the definition in a file that [`Domain::save`] has written.
    virDomainSaveImageDefineXML: define_save_image(
        path: &str, xml: &str, flags: DomainSaveRestoreFlags,
    ) -> () = domain_save_image_define_xml(path, xml, flags.bits());
}
