//! The house keeps its shape: edges between crates, where libraries may be used, no registry's host in the tree, and what
//! the docs name is there.
#![expect(clippy::unwrap_used, reason = "a test may end where its own ground gives way")]

mod invariants;
mod pictures;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Direct normal dependencies of each of our crates.
fn edges(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let of = |package: &cargo_metadata::Package| {
        let normal =
            package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        normal.map(|dependency| dependency.name.clone()).collect()
    };
    metadata.workspace_packages().into_iter().map(|package| (package.name.to_string(), of(package))).collect()
}

#[test]
fn our_crates_depend_on_each_other_as_the_design_says() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("flip-appliance", ["flip-gate", "flip-protocol", "flip-storage", "flip-web"].as_slice()),
        ("flip-hub", ["flip-gate", "flip-protocol", "flip-storage", "flip-web"].as_slice()),
        ("flip-gate", &[]),
        ("flip-protocol", &[]),
        ("flip-storage", &[]),
        ("flip-web", &[]),
    ]);
    let metadata = metadata();
    let edges = edges(&metadata);
    let ours: BTreeSet<&str> = edges.keys().map(String::as_str).collect();
    let expected: BTreeSet<&str> = allowed.keys().copied().chain(["flip-tests"]).collect();
    assert_eq!(ours, expected, "a crate came or went: say here what it may depend on");
    for (name, may) in allowed {
        let found: Vec<&str> =
            edges[name].iter().map(String::as_str).filter(|edge| ours.contains(edge)).collect();
        assert!(found.iter().all(|edge| may.contains(edge)), "{name} depends on {found:?}, may on {may:?}");
    }
}

#[test]
fn a_library_with_a_home_is_used_there_alone() {
    let edges = edges(&metadata());
    let users = |library: &str| -> Vec<&str> {
        let users = edges.iter().filter(|(_, libraries)| libraries.contains(library));
        users.map(|(name, _)| name.as_str()).collect()
    };
    assert_eq!(users("sqlparser"), ["flip-gate"]);
    assert_eq!(users("duckdb"), ["flip-appliance"]);
    assert_eq!(users("ureq"), ["flip-appliance", "flip-tests"]);
    assert_eq!(users("redb"), ["flip-storage"]);
    assert_eq!(users("rusqlite"), ["flip-storage"]);
}

#[test]
fn the_hub_never_links_duckdb_and_storage_has_no_features() {
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().unwrap();
    let hub = metadata.packages.iter().find(|package| package.name == "flip-hub").unwrap();
    let mut seen = BTreeSet::new();
    let mut todo = vec![hub.id.clone()];
    while let Some(id) = todo.pop() {
        let node = resolve.nodes.iter().find(|node| node.id == id).unwrap();
        let normal = node
            .deps
            .iter()
            .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        todo.extend(normal.map(|dep| dep.pkg.clone()).filter(|dep| seen.insert(dep.clone())));
    }
    let linked: Vec<&str> = metadata
        .packages
        .iter()
        .filter(|package| seen.contains(&package.id))
        .map(|package| package.name.as_str())
        .collect();
    assert!(linked.contains(&"libsqlite3-sys"), "the walk over the hub's dependencies found too little");
    assert!(!linked.iter().any(|name| name.contains("duckdb")), "the hub links DuckDB");
    let storage = metadata.packages.iter().find(|package| package.name == "flip-storage").unwrap();
    assert!(storage.features.is_empty(), "features unify across the workspace: {:?}", storage.features);
}

#[test]
fn no_file_names_a_registry_and_no_module_is_called_mod() {
    // Put together here, so that this file does not name them either.
    let hosts = [
        "registry.npm".to_owned() + "js",
        "crates".to_owned() + ".io/",
        "py".to_owned() + "pi.org",
        "deb.".to_owned() + "debian.org",
    ];
    for path in tracked() {
        assert!(!path.ends_with("/mod.rs"), "{path}: the house has foo.rs beside foo/");
        if path.ends_with("Cargo.lock") {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(root().join(&path)).unwrap()).to_lowercase();
        for host in &hosts {
            assert!(!text.contains(host.as_str()), "{path} names {host}");
        }
    }
}

#[test]
fn ci_runs_make_test_and_nothing_else() {
    let script = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    let lines: Vec<&str> =
        script.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect();
    assert!(lines.iter().any(|line| line.contains("make test")), "{lines:?}");
    assert!(lines.len() <= 3, "{lines:?}");
}

fn tracked() -> Vec<String> {
    let output = Command::new("git").arg("-C").arg(root()).args(["ls-files"]).output().unwrap();
    let files: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert!(files.len() > 50, "git lists too few files: {files:?}");
    files.into_iter().filter(|path| root().join(path).is_file()).collect()
}
