//! More libvirtds on a lab's host, each with the test driver alone and domains of its own.

use std::process::Stdio;

use drover_e2e::Lab;
use drover_e2e::command::run;
use drover_e2e::hosts::{Host, inside};

const FIRST_PORT: usize = 17_001;

/// The libvirtds. They end with this.
pub(crate) struct Daemons {
    lab: Lab,
    host: Host,
    count: usize,
}

impl Daemons {
    /// Starts them.
    pub(crate) fn start(lab: &Lab, host: Host, count: usize) -> Self {
        let daemons = Self {
            lab: lab.clone(),
            host,
            count,
        };
        daemons.end();
        for number in 1..=count {
            daemons.shell(&script(number));
        }
        daemons
    }

    /// The name of each as a Host, and its URI.
    pub(crate) fn hosts(&self) -> Vec<(String, String)> {
        let address = self.host.address();
        let host = |number: usize| {
            let port = FIRST_PORT + number - 1;
            let uri = format!("test+tcp://{address}:{port}/default");
            (format!("bench{number}"), uri)
        };
        (1..=self.count).map(host).collect()
    }

    fn end(&self) {
        self.shell(
            "for file in /run/bench-*/pid; do
                [ -f $file ] || continue
                pid=$(cat $file)
                kill $pid
                while [ -d /proc/$pid ]; do sleep 0.05; done
            done
            rm -rf /run/bench-*",
        );
    }

    fn shell(&self, script: &str) {
        let mut command = inside(&self.lab, &self.host, &["sh", "-c", script]).expect("it is on");
        run(command.stdin(Stdio::null())).expect("the host does so");
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        self.end();
    }
}

// The drivers of the host's own libvirtd cannot be in two daemons; the test driver is in the library.
fn script(number: usize) -> String {
    let port = FIRST_PORT + number - 1;
    format!(
        "set -e
        mkdir -p /run/bench-{number}
        cat >/run/bench-{number}/conf <<END
listen_tls = 0
listen_tcp = 1
tcp_port = \"{port}\"
auth_tcp = \"none\"
auth_unix_rw = \"none\"
auth_unix_ro = \"none\"
unix_sock_dir = \"/run/bench-{number}\"
log_outputs = \"3:file:/run/bench-{number}/log\"
END
        LIBVIRT_DRIVER_DIR=/run/bench-{number} libvirtd -d -l \
            -f /run/bench-{number}/conf -p /run/bench-{number}/pid
        # It serves as soon as it has gone into the background.
        "
    )
}
