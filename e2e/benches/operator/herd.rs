//! A herd of simulated hosts, in a process of its own, which is this program again.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use drover_e2e::Lab;
use drover_herd::{Control, Counts, Driver, Herd, Options, Order, Sky};

/// The word by which this program is told to be a herd.
pub(crate) const WORD: &str = "be-a-herd";

/// A herd until the process is ended, with the options that follow the word.
pub(crate) fn be() {
    let words = std::env::args().skip(1);
    Herd::run(&Options::parse_from(words)).expect("a herd");
}

/// The process. It ends with this.
pub(crate) struct Hosts {
    options: Options,
    child: Child,
    control: Control,
}

impl Hosts {
    /// Starts it; its sockets are there when this returns.
    pub(crate) fn start(lab: &Lab, count: usize) -> Self {
        let folder = lab.state().join("herd");
        let options = Options::new(&folder, count, Driver::Qemu);
        // Of one that was killed.
        let _ = std::fs::remove_dir_all(&folder);
        let program = std::env::current_exe().expect("this program");
        let child = Command::new(program)
            .args([WORD, "--hosts", &count.to_string()])
            .arg(&folder)
            .stdin(Stdio::null())
            .spawn();
        let hosts = Self {
            control: Control::at(&options.control()),
            child: child.expect("it starts"),
            options,
        };
        let start = Instant::now();
        while hosts.control.tell(Order::Look).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "no herd");
            std::thread::sleep(Duration::from_millis(20));
        }
        hosts
    }

    /// Its process.
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("an id")
    }

    /// The name of each host, and its URI.
    pub(crate) fn hosts(&self) -> Vec<(String, String)> {
        let host = |number| (Options::name(number), self.options.uri(number));
        (0..self.options.hosts).map(host).collect()
    }

    /// Changes what becomes of all of them.
    pub(crate) fn sky(&self, sky: Sky) {
        self.control.tell(Order::Sky(sky)).expect("it does so");
    }

    /// What has happened so far.
    pub(crate) fn look(&self) -> Counts {
        self.control.tell(Order::Look).expect("it counts")
    }

    /// The same, and counting begins anew.
    pub(crate) fn take(&self) -> Counts {
        self.control.tell(Order::Take).expect("it counts")
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.options.folder);
    }
}
