//! Procedures that are not compared, and why.

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// It is part of making the connection, or of its end: both sides have done it to get here.
    Connecting,
    /// Registrations are answered with a number that the server counts on; what follows comes by
    /// itself. Tried in `tests/libvirtd/events.rs`.
    Events,
    /// A byte stream. Tried in `tests/libvirtd/streams.rs`.
    Stream,
    /// A file descriptor, which TCP does not pass.
    Descriptors,
    /// One step of a migration, which libvirt-python does not let its callers take alone. Tried in
    /// `tests/migration.rs`.
    Migration,
    /// libvirt-python 9.0 has no such function.
    NotInPython,
    /// It is about what a filter does to the interface of a guest that has one and runs.
    GuestInterface,
    /// The function takes over a QEMU that is not libvirt's, and is gone since 5.5.
    Gone,
}

/// All of them.
pub(crate) const EXCUSED: &[(&str, Reason)] = &[
    ("AUTH_LIST", Reason::Connecting),
    ("AUTH_POLKIT", Reason::Connecting),
    ("AUTH_SASL_INIT", Reason::Connecting),
    ("AUTH_SASL_START", Reason::Connecting),
    ("AUTH_SASL_STEP", Reason::Connecting),
    ("CONNECT_CLOSE", Reason::Connecting),
    ("CONNECT_OPEN", Reason::Connecting),
    ("CONNECT_SUPPORTS_FEATURE", Reason::Connecting),
    ("DOMAIN_CREATE_WITH_FILES", Reason::Descriptors),
    ("DOMAIN_CREATE_XML_WITH_FILES", Reason::Descriptors),
    ("DOMAIN_FD_ASSOCIATE", Reason::Descriptors),
    ("DOMAIN_MONITOR_COMMAND_WITH_FILES", Reason::Descriptors),
    ("DOMAIN_OPEN_GRAPHICS", Reason::Descriptors),
    ("DOMAIN_OPEN_GRAPHICS_FD", Reason::Descriptors),
    ("DOMAIN_OPEN_NAMESPACE", Reason::Descriptors),
    (
        "CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY",
        Reason::Events,
    ),
    ("CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY", Reason::Events),
    ("CONNECT_DOMAIN_EVENT_DEREGISTER", Reason::Events),
    ("CONNECT_DOMAIN_EVENT_DEREGISTER_ANY", Reason::Events),
    ("CONNECT_DOMAIN_EVENT_REGISTER", Reason::Events),
    ("CONNECT_DOMAIN_EVENT_REGISTER_ANY", Reason::Events),
    ("CONNECT_DOMAIN_MONITOR_EVENT_DEREGISTER", Reason::Events),
    ("CONNECT_DOMAIN_MONITOR_EVENT_REGISTER", Reason::Events),
    ("CONNECT_NETWORK_EVENT_DEREGISTER_ANY", Reason::Events),
    ("CONNECT_NETWORK_EVENT_REGISTER_ANY", Reason::Events),
    ("CONNECT_NODE_DEVICE_EVENT_DEREGISTER_ANY", Reason::Events),
    ("CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY", Reason::Events),
    ("CONNECT_REGISTER_CLOSE_CALLBACK", Reason::Events),
    ("CONNECT_SECRET_EVENT_DEREGISTER_ANY", Reason::Events),
    ("CONNECT_SECRET_EVENT_REGISTER_ANY", Reason::Events),
    ("CONNECT_STORAGE_POOL_EVENT_DEREGISTER_ANY", Reason::Events),
    ("CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY", Reason::Events),
    ("CONNECT_UNREGISTER_CLOSE_CALLBACK", Reason::Events),
    ("DOMAIN_ATTACH", Reason::Gone),
    ("NWFILTER_BINDING_DELETE", Reason::GuestInterface),
    ("NWFILTER_BINDING_GET_XML_DESC", Reason::GuestInterface),
    ("DOMAIN_MIGRATE_BEGIN3", Reason::Migration),
    ("DOMAIN_MIGRATE_BEGIN3_PARAMS", Reason::Migration),
    ("DOMAIN_MIGRATE_CONFIRM3", Reason::Migration),
    ("DOMAIN_MIGRATE_CONFIRM3_PARAMS", Reason::Migration),
    ("DOMAIN_MIGRATE_FINISH", Reason::Migration),
    ("DOMAIN_MIGRATE_FINISH2", Reason::Migration),
    ("DOMAIN_MIGRATE_FINISH3", Reason::Migration),
    ("DOMAIN_MIGRATE_FINISH3_PARAMS", Reason::Migration),
    ("DOMAIN_MIGRATE_PERFORM", Reason::Migration),
    ("DOMAIN_MIGRATE_PERFORM3", Reason::Migration),
    ("DOMAIN_MIGRATE_PERFORM3_PARAMS", Reason::Migration),
    ("DOMAIN_MIGRATE_PREPARE", Reason::Migration),
    ("DOMAIN_MIGRATE_PREPARE2", Reason::Migration),
    ("DOMAIN_MIGRATE_PREPARE3", Reason::Migration),
    ("DOMAIN_MIGRATE_PREPARE3_PARAMS", Reason::Migration),
    ("DOMAIN_MIGRATE_PREPARE_TUNNEL", Reason::Migration),
    ("DOMAIN_MIGRATE_PREPARE_TUNNEL3", Reason::Migration),
    ("DOMAIN_MIGRATE_PREPARE_TUNNEL3_PARAMS", Reason::Migration),
    ("DOMAIN_DEL_THROTTLE_GROUP", Reason::NotInPython),
    ("DOMAIN_GET_AUTOSTART_ONCE", Reason::NotInPython),
    ("DOMAIN_GRAPHICS_RELOAD", Reason::NotInPython),
    ("DOMAIN_SET_AUTOSTART_ONCE", Reason::NotInPython),
    ("DOMAIN_SET_THROTTLE_GROUP", Reason::NotInPython),
    ("NETWORK_GET_METADATA", Reason::NotInPython),
    ("NETWORK_SET_METADATA", Reason::NotInPython),
    ("NODE_DEVICE_UPDATE", Reason::NotInPython),
    ("DOMAIN_OPEN_CHANNEL", Reason::Stream),
    ("DOMAIN_OPEN_CONSOLE", Reason::Stream),
    ("STORAGE_VOL_UPLOAD", Reason::Stream),
];
