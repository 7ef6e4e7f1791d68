//! The operator with a test between it and the API server, and between it and one host.

use drover_e2e::{objects, operator};

use super::api_proxy::ApiProxy;
use super::ready;
use super::rpc_proxy::RpcProxy;
use super::trigger::Trigger;
use super::world::{World, start_operator_at};

/// The host whose libvirt is reached through the proxy.
pub(crate) const HOST: &str = "host1";

/// A lab that is whole, but for the proxies. All is put back when it is dropped.
pub(crate) struct Between {
    pub(crate) world: World,
    pub(crate) api: ApiProxy,
    pub(crate) rpc: RpcProxy,
    pub(crate) trigger: Trigger,
    space: &'static str,
}

impl Between {
    /// With a namespace of the test's own.
    pub(crate) fn new(space: &'static str) -> Self {
        let world = World::new();
        world.space(space);
        let trigger = Trigger::default();
        let api = world
            .runtime
            .block_on(ApiProxy::start(&world.lab, &trigger));
        let rpc = RpcProxy::start(&world.lab, world.host(HOST).listen(), &trigger);
        let between = Self {
            world,
            api,
            rpc,
            trigger,
            space,
        };
        operator::stop(&between.world.lab).unwrap();
        between.point_host_at(&between.rpc.uri());
        between.start();
        let world = &between.world;
        world.wait(("hosts", "", HOST), "connected", ready);
        between
    }

    // By the same manager as everywhere: another one would keep the field from the tests to come.
    fn point_host_at(&self, uri: &str) {
        let world = &self.world;
        objects::host_at(&world.lab, &world.host(HOST), uri).unwrap();
    }

    /// Starts the operator again.
    pub(crate) fn start(&self) {
        start_operator_at(&self.world.lab, &self.api.kubeconfig);
    }

    /// Takes the namespace away, by an operator that nothing happens to.
    pub(crate) fn end(self) {
        self.trigger.disarm();
        self.world.remove_space(self.space);
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.trigger.disarm();
        let lab = &self.world.lab;
        operator::stop(lab).unwrap();
        let _ = std::fs::remove_file(&self.api.kubeconfig);
        self.point_host_at(&self.world.host(HOST).uri());
        operator::start(lab).unwrap();
        // A test that has failed has said what there is to say.
        if !std::thread::panicking() {
            self.world
                .wait(("hosts", "", HOST), "connected as before", ready);
        }
    }
}
