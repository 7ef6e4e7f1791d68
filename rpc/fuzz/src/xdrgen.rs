//! The protocol compiler: any text is understood, or refused with a place.

use drover_xdrgen::error::Report;
use drover_xdrgen::model::Model;
use drover_xdrgen::parse::parse;

/// All of it is the source.
pub fn run(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else {
        return;
    };
    let model = parse(source).and_then(|definitions| Model::new(&definitions, None, &[]));
    let Err(faults) = model else {
        return;
    };
    assert!(!faults.is_empty());
    for fault in faults {
        assert!(fault.position.line >= 1, "{fault:?}");
        assert!(Report::new("x", source, fault).to_string().contains(':'));
    }
}
