//! What the process of an ingest can still reach.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use flip_appliance::data::confine;

use crate::support::World;

/// Of the process below: DuckDB's memory, in MiB.
const MEMORY_MB: u64 = 64;

/// Not a test of its own: the other process of the test below, because what is given up is given up for good.
#[test]
#[ignore = "run by another test, in a process of its own"]
fn confine_this_process() {
    let Ok(folder) = std::env::var("TEST_FOLDER") else { return };
    let folder = Path::new(&folder);
    let (extract, generations) = (folder.join("extract"), folder.join("generations"));
    println!("before: {}", reached(folder).join(", "));
    println!(
        "confined: {:?}",
        confine(&extract, &generations, Some(&folder.join("log")), MEMORY_MB).unwrap()
    );
    println!("after: {}", reached(folder).join(", "));
    for line in fs::read_to_string("/proc/self/limits").unwrap().lines() {
        println!("{}", line.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}

/// Each thing that is tried: `yes`, or the error.
fn reached(folder: &Path) -> Vec<String> {
    let file = |name: &str| folder.join(name);
    let write = |name: &str| OpenOptions::new().append(true).open(folder.join(name)).map(drop);
    let said = |name: &str, outcome: io::Result<()>| {
        let error = outcome.err().map(|error| error.kind().to_string());
        format!("{name} {}", error.as_deref().unwrap_or("yes"))
    };
    vec![
        said("read extract", File::open(file("extract/person.csv")).map(drop)),
        said("read linked", File::open(file("extract/death.csv")).map(drop)),
        said("write generation", File::create(file("generations/new")).map(drop)),
        said("write log", write("log")),
        said("write extract", write("extract/person.csv")),
        said("make in extract", File::create(file("extract/new.csv")).map(drop)),
        said("read beside linked", File::open(file("elsewhere/other")).map(drop)),
        said("read sibling", File::open(file("sibling")).map(drop)),
        said("read passwd", File::open("/etc/passwd").map(drop)),
        said("listen", TcpListener::bind("127.0.0.1:0").map(drop)),
    ]
}

#[test]
fn an_ingest_reaches_its_extract_its_generations_and_nothing_else() {
    let world = World::empty();
    let folder = world.folder.path();
    for name in ["extract", "generations", "elsewhere"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    for name in ["extract/person.csv", "elsewhere/linked", "elsewhere/other", "sibling", "log"] {
        world.file(name, "text");
    }
    std::os::unix::fs::symlink(folder.join("elsewhere/linked"), folder.join("extract/death.csv")).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "confined::confine_this_process", "--ignored", "--nocapture"])
        .env("TEST_FOLDER", folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{text}"))
    };
    assert!(!line("before: ").contains("denied"), "{text}");
    for (name, bytes) in
        [("Max core file size ", 0), ("Max data size ", (2 * MEMORY_MB + 1_024) * 1_024 * 1_024)]
    {
        assert!(line(name).starts_with(&format!("{bytes} {bytes} ")), "{text}");
    }
    let fully = match line("confined: ") {
        "Fully" => true,
        "Partly" => false,
        _ => {
            let modules = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
            assert!(!modules.contains("landlock"), "the kernel has Landlock, and the rules do not hold");
            return;
        }
    };
    let after: Vec<&str> = line("after: ").split(", ").collect();
    let (allowed, refused) = after.split_at(4);
    assert!(allowed.iter().all(|said| said.ends_with(" yes")), "{text}");
    // Older kernels have no rules of TCP.
    let refused = if fully { refused } else { &refused[..refused.len() - 1] };
    assert!(refused.iter().all(|said| said.ends_with(" permission denied")), "{text}");
}
