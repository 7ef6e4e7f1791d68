//! What a server and its driver can do, asked once for each connection.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::client::Client;
use crate::error::Error;
use crate::open_enum::open_enum;

open_enum! {
    /// `virDrvFeature`: what the driver or the daemon behind a connection can do.
    Feature {
        /// `VIR_DRV_FEATURE_MIGRATION_V1`.
        MIGRATION_V1 = 1 "migration-v1",
        /// `VIR_DRV_FEATURE_REMOTE`.
        REMOTE = 2 "remote",
        /// `VIR_DRV_FEATURE_MIGRATION_V2`.
        MIGRATION_V2 = 3 "migration-v2",
        /// `VIR_DRV_FEATURE_MIGRATION_P2P`.
        MIGRATION_P2P = 4 "migration-p2p",
        /// `VIR_DRV_FEATURE_MIGRATION_DIRECT`.
        MIGRATION_DIRECT = 5 "migration-direct",
        /// `VIR_DRV_FEATURE_MIGRATION_V3`.
        MIGRATION_V3 = 6 "migration-v3",
        /// `VIR_DRV_FEATURE_MIGRATE_CHANGE_PROTECTION`.
        MIGRATE_CHANGE_PROTECTION = 7 "migrate-change-protection",
        /// `VIR_DRV_FEATURE_FD_PASSING`.
        FD_PASSING = 8 "fd-passing",
        /// `VIR_DRV_FEATURE_TYPED_PARAM_STRING`.
        TYPED_PARAM_STRING = 9 "typed-param-string",
        /// `VIR_DRV_FEATURE_PROGRAM_KEEPALIVE`.
        PROGRAM_KEEPALIVE = 10 "program-keepalive",
        /// `VIR_DRV_FEATURE_XML_MIGRATABLE`.
        XML_MIGRATABLE = 11 "xml-migratable",
        /// `VIR_DRV_FEATURE_MIGRATION_OFFLINE`.
        MIGRATION_OFFLINE = 12 "migration-offline",
        /// `VIR_DRV_FEATURE_MIGRATION_PARAMS`.
        MIGRATION_PARAMS = 13 "migration-params",
        /// `VIR_DRV_FEATURE_REMOTE_EVENT_CALLBACK`.
        REMOTE_EVENT_CALLBACK = 14 "remote-event-callback",
        /// `VIR_DRV_FEATURE_REMOTE_CLOSE_CALLBACK`.
        REMOTE_CLOSE_CALLBACK = 15 "remote-close-callback",
        /// `VIR_DRV_FEATURE_NETWORK_UPDATE_HAS_CORRECT_ORDER`.
        NETWORK_UPDATE_HAS_CORRECT_ORDER = 16 "network-update-has-correct-order",
    }
}

/// `VIR_TYPED_PARAM_STRING_OKAY`.
const STRING_OKAY: u32 = 4;

/// The answers that are there already.
#[derive(Debug, Default)]
pub(crate) struct Features(Mutex<BTreeMap<Feature, bool>>);

impl Features {
    fn get(&self, feature: Feature) -> Option<bool> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&feature).copied()
    }

    fn set(&self, feature: Feature, has: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(feature, has);
    }
}

impl Client {
    /// Whether the server or its driver can do this. The question goes out once for each connection.
    ///
    /// [`Feature::PROGRAM_KEEPALIVE`] is answered from [`ConnectOptions::keepalive`]: a server that
    /// is asked for it begins to send keepalive messages.
    ///
    /// libvirt's `CONNECT_SUPPORTS_FEATURE`.
    ///
    /// [`ConnectOptions::keepalive`]: crate::ConnectOptions::keepalive
    ///
    /// # Errors
    /// Why no answer came.
    pub async fn supports(&self, feature: Feature) -> Result<bool, Error> {
        if feature == Feature::PROGRAM_KEEPALIVE {
            return Ok(self.shared.options.keepalive.is_some());
        }
        if let Some(has) = self.shared.features.get(feature) {
            return Ok(has);
        }
        let has = match self.connect_supports_feature(feature.0).await {
            Ok(answer) => answer != 0,
            Err(error) if error.not_supported() => false,
            Err(error) => return Err(error),
        };
        self.shared.features.set(feature, has);
        Ok(has)
    }

    /// Flags of a getter of typed parameters: a server that can send strings is told that they are
    /// welcome, or it would leave them out.
    pub(crate) async fn with_strings(&self, flags: u32) -> Result<u32, Error> {
        let okay = self.supports(Feature::TYPED_PARAM_STRING).await?;
        Ok(if okay { flags | STRING_OKAY } else { flags })
    }
}
