//! The protocol compiler: any text is compiled, or refused with a place.

use std::path::Path;

use drover_xdrgen::{Compiler, Error};

/// All of it is the source.
pub fn run(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else {
        return;
    };
    // Other files are not ours to read.
    if source.contains("include") {
        return;
    }
    let compiler = Compiler::new().docs(true);
    match compiler.text(Path::new("fuzz.x"), source.to_owned()) {
        Ok(rust) => assert!(!rust.is_empty()),
        Err(Error::Source(reports)) => {
            assert!(!reports.is_empty());
            for report in reports {
                assert!(report.to_string().contains(':'));
            }
        }
        Err(error) => panic!("{error}"),
    }
}
