//! URIs: read or refused with words; what is shown of one, and what the server is asked for, are
//! themselves URIs that are read as they were meant.

use crate::client::uri::Uri;

/// All of it is the text.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let uri = match text.parse::<Uri>() {
        Ok(uri) => uri,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    // User and parameters are not shown.
    let shown = uri.to_string();
    let again = read(text, &shown);
    assert_eq!(again.to_string(), shown);
    let place = |uri: &Uri| (uri.driver.clone(), uri.transport, uri.host.clone());
    assert_eq!(place(&again), place(&uri), "{text:?}");
    assert_eq!((again.port, &again.path), (uri.port, &uri.path), "{text:?}");
    if uri.parameter("name").is_none() && uri.driver != "remote" {
        let name = uri.name();
        assert_eq!(read(text, &name).name(), name, "{text:?}");
    }
}

fn read(text: &str, of: &str) -> Uri {
    let uri = of.parse::<Uri>();
    uri.unwrap_or_else(|error| panic!("{text:?} becomes {of:?}: {error}"))
}
