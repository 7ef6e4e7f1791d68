//! What is written for people names things that are there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use drover_crds::condition::Reason;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn every_reason_is_explained() {
    let page = read("docs/src/conditions.md");
    for reason in Reason::ALL {
        let row = format!("| `{}` | {} |", reason.as_str(), reason.ready().as_str());
        assert!(page.contains(&row), "{row}");
        for also in reason.also() {
            let line = page.lines().find(|line| line.starts_with(&row)).unwrap();
            assert!(line.contains(also), "{line}: {also}");
        }
    }
}

#[test]
fn the_map_names_files_that_are_there() {
    let folders = ["crds/", "operator/", "rpc/", "e2e/", "charts/", "docs/"];
    let text = read("CONTRIBUTING.md");
    let paths: Vec<_> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| folders.iter().any(|folder| word.starts_with(folder)))
        .collect();
    assert!(paths.len() > 30);
    for path in paths {
        assert!(root().join(path).exists(), "{path}");
    }
}

#[test]
fn links_lead_somewhere() {
    let pages = std::fs::read_dir(root().join("docs/src")).unwrap();
    let mut pages: Vec<_> = pages.map(|page| page.unwrap().path()).collect();
    pages.push(root().join("README.md"));
    pages.push(root().join("CONTRIBUTING.md"));
    let summary = read("docs/src/SUMMARY.md");
    for page in pages {
        let name = page.file_name().unwrap().to_str().unwrap();
        let in_book = page.parent().unwrap().ends_with("src") && name != "SUMMARY.md";
        assert!(
            !in_book || summary.contains(&format!("({name})")),
            "{name} is not in the summary"
        );
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            let there =
                target.starts_with("https://") || page.parent().unwrap().join(target).exists();
            assert!(there, "{name}: {target}");
        }
    }
}
