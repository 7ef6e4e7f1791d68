//! A page of the documentation names tests: each must be there.

#![cfg(test)]

use std::path::Path;

/// Files and tests in the order of the page: a path in backticks that ends in `.rs`, and then names
/// until the next path.
fn named(page: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for line in page.lines().filter(|line| line.starts_with('|')) {
        let mut file = None;
        for word in line.split('`').skip(1).step_by(2) {
            if Path::new(word).extension().is_some_and(|end| end == "rs") {
                file = Some(word);
            } else if let Some(file) = file
                && word.contains('_')
            {
                found.push((file, word));
            }
        }
    }
    found
}

// The page, each of whose tests is there.
fn page_with_tests(name: &str, least: usize) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/src").join(name)).unwrap();
    let named = named(&page);
    assert!(named.len() > least, "{}", named.len());
    for (file, test) in named {
        let source = std::fs::read_to_string(root.join(file));
        let source = source.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(
            source.contains(&format!("fn {test}(")),
            "{file} has no {test}"
        );
    }
    page
}

#[test]
fn every_test_that_the_page_of_faults_names_is_there() {
    page_with_tests("faults.md", 25);
}

#[test]
fn every_test_that_the_page_of_scheduling_names_is_there() {
    page_with_tests("scheduling.md", 24);
}

#[test]
fn every_test_that_the_page_beside_go_libvirt_names_is_there() {
    let page = page_with_tests("go-libvirt.md", 80);
    let rows = page.lines().filter(|line| {
        let number = line
            .strip_prefix("| ")
            .and_then(|line| line.split(' ').next());
        number.is_some_and(|number| number.parse::<u8>().is_ok())
    });
    assert_eq!(rows.count(), 24);
}
