//! The units that hand a stick to the appliance, as systemd reads them, where this machine has it. That they do what they
//! say is tried by hand, in a machine of its own: `plugged`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use flip_tests::world::command;

use super::words;

/// The most that `systemd-analyze security` may find exposed of a unit that reads or writes a stick, in tenths of ten.
const EXPOSURE: &str = "10";

/// The units that have a process of ours look at a stick, or at what one was like.
const CONFINED: [&str; 3] =
    ["flip-stick-read@.service", "flip-stick-write@.service", "flip-stick-unusable@.service"];

#[test]
fn the_units_of_sticks_are_sound_and_confined() -> Result<()> {
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no parent")?.join("systemd");
    let rules = fs::read_to_string(units.join("90-flip-stick.rules"))?;
    assert!(
        rules.contains(r#"ENV{ID_BUS}=="usb""#) && rules.contains("flip-stick-read@%k.service"),
        "{rules}"
    );
    // Of that name and another file system: nothing is mounted, and it is said.
    let (_, foreign) =
        rules.split_once(r#"ENV{ID_FS_TYPE}!="vfat|exfat", ENV{ID_FS_LABEL}=="FLIP""#).context("no rule")?;
    assert!(foreign.contains("flip-stick-unusable@%k.service") && !foreign.contains("read@"), "{rules}");
    for name in CONFINED {
        let unit = fs::read_to_string(units.join(name))?;
        for word in [
            "PrivateNetwork=yes",
            "CapabilityBoundingSet=\n",
            "TemporaryFileSystem=/var/lib:ro",
            "BindReadOnlyPaths=/var/lib/flip-appliance/sticks/known",
            "/run/flip-stick:ro\n",
        ] {
            assert!(unit.contains(word), "{name} lacks {word}");
        }
        // Nothing of it has full privileges: those that mount are units of their own.
        assert!(!unit.lines().any(|line| line.starts_with("Exec") && line.contains("=+")), "{unit}");
        // The parts of the folder of sticks each by itself, and all of them made before: a whole one could be put in
        // another's place.
        let made = fs::read_to_string(units.join("flip-appliance.tmpfiles.conf"))?;
        let bound = unit.lines().find_map(|line| line.strip_prefix("BindPaths=")).context("no BindPaths")?;
        for path in bound.split(' ') {
            assert!(made.contains(&format!(" {path} ")) && !path.ends_with("/sticks"), "{name}: {path}");
        }
    }
    for (way, other, mode, bind) in
        [("read", "write", "ro", "BindReadOnlyPaths"), ("write", "read", "rw", "BindPaths")]
    {
        let name = format!("flip-stick-mount-{way}@.service");
        let unit = fs::read_to_string(units.join(&name))?;
        // Of the appliance's user alone, and no longer there than it is used.
        let mount = format!(
            "ExecStart=/usr/bin/mount -t vfat,exfat -o {mode},noexec,nosuid,nodev,nosymfollow,\
             uid=flip-appliance,gid=flip-appliance,fmask=0177,dmask=0077 /dev/%i /run/flip-stick/%i"
        );
        let conflicts = format!("Conflicts=flip-stick-mount-{other}@%i.service");
        let unmount = "ExecStopPost=-/usr/bin/umount /run/flip-stick/%i";
        // One that is there and in use is not hidden.
        let pulled = "ExecStopPost=-/bin/sh -c 'test -b /dev/%i || umount --quiet --lazy /run/flip-stick/%i'";
        let told = "OnFailure=flip-stick-unusable@%i.service";
        for line in [&mount, "StopWhenUnneeded=yes", &conflicts, unmount, pulled, told] {
            assert!(unit.lines().any(|found| found == line), "{name} lacks {line}");
        }
        let user = fs::read_to_string(units.join(format!("flip-stick-{way}@.service")))?;
        let bound = format!("BindsTo=dev-%i.device flip-stick-mount-{way}@%i.service");
        for line in [bound, format!("{bind}=/run/flip-stick/%i")] {
            assert!(user.lines().any(|found| found == line), "flip-stick-{way}@ lacks {line}");
        }
        // Each of these would have it mount for itself alone.
        for word in ["Private", "Protect", "ReadWritePaths", "BindPaths", "TemporaryFileSystem"] {
            assert!(!unit.lines().any(|line| line.starts_with(word)), "{name} has {word}");
        }
    }
    // Whoever waits in vain for one that was pulled says nothing of it; of any other, whether it could be read.
    let teller = fs::read_to_string(units.join("flip-stick-unusable@.service"))?;
    assert!(teller.contains("\nConditionPathExists=/dev/%i\n"), "{teller}");
    assert!(teller.contains(" --mounted /run/flip-stick/%i.mounted %i\n"), "{teller}");
    assert!(teller.contains(" -/run/flip-stick/%i.mounted\n"), "{teller}");
    // One that could not be mounted to be read is told of once.
    let mounts = ["read", "write"]
        .map(|way| fs::read_to_string(units.join(format!("flip-stick-mount-{way}@.service"))));
    let [to_read, to_write] = mounts;
    let to_read = to_read?;
    assert!(to_read.contains("\nExecStartPost=/usr/bin/touch /run/flip-stick/%i.mounted\n"));
    // What waits for one that was pulled is not in the way of reading it again.
    let waiting = "systemctl --no-block stop flip-stick-write@%i flip-stick-mount-write@%i'\n";
    assert!(
        to_read.contains(&format!("\nExecStopPost=-/bin/sh -c 'test -b /dev/%i || {waiting}")),
        "{to_read}"
    );
    let to_write = to_write?;
    assert!(to_write.contains("\nConditionPathExists=/run/flip-stick/%i.mounted\n"));
    // Until the stick goes away: the next of its name is another.
    let gone = rules.lines().find(|line| line.starts_with(r#"ACTION=="remove""#)).context("no rule")?;
    assert!(gone.ends_with(r#"RUN+="/usr/bin/rm -f /run/flip-stick/%k.mounted""#), "{gone}");
    // Who writes is begun anew with the appliance, and the stick mounted anew: what that goes by must still be there.
    assert!(!to_write.contains("rm -f /run/flip-stick/%i.mounted"), "{to_write}");
    let reads = fs::read_to_string(units.join("flip-stick-read@.service"))?;
    // A bundle that is refused holds no answer up.
    for ended in ["OnSuccess=", "OnFailure="] {
        assert!(reads.contains(&format!("\n{ended}flip-stick-write@%i.service\n")), "{reads}");
    }
    // What changes while the site's program runs is told too, and many news at once end nothing.
    let lamp =
        ["path", "service"].map(|kind| fs::read_to_string(units.join(format!("flip-stick-lamp.{kind}"))));
    let [path, service] = lamp;
    assert!(path?.contains("\nPathExists=/var/lib/flip-appliance/sticks/news\n"));
    let service = service?;
    // Where the program is gone, the news are removed all the same.
    assert!(!service.contains("\nCondition"), "{service}");
    for line in
        ["StartLimitIntervalSec=0", "ExecStartPre=+/usr/bin/rm -f /var/lib/flip-appliance/sticks/news"]
    {
        assert!(service.contains(&format!("\n{line}\n")), "{service}");
    }
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("this machine has no systemd-analyze: the units are not verified");
        return Ok(());
    }
    // Where the packages would put them, there is nothing on this machine.
    let folder = tempfile::tempdir()?;
    let program = command("flip-appliance")?.get_program().to_str().context("no path")?.to_owned();
    for entry in fs::read_dir(&units)? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let text = text
            .replace("/usr/bin/flip-appliance", &program)
            .replace("ExecStart=/etc/flip-appliance/stick-lamp", "ExecStart=/bin/true");
        fs::write(folder.path().join(path.file_name().context("no name")?), text)?;
    }
    for name in [
        "flip-appliance.service",
        "flip-stick-mount-read@sdb1.service",
        "flip-stick-mount-write@sdb1.service",
        "flip-stick-read@sdb1.service",
        "flip-stick-write@sdb1.service",
        "flip-stick-unusable@sdb1.service",
        "flip-stick-lamp.path",
    ] {
        let template = folder.path().join(name.replace("sdb1", ""));
        let instance = folder.path().join(name);
        if !instance.exists() {
            fs::copy(template, &instance)?;
        }
        let verified =
            Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&instance).output()?;
        let said = words(&verified);
        let ours: Vec<&str> = said.lines().filter(|line| line.contains("flip-")).collect();
        assert!(verified.status.success() && ours.is_empty(), "{name}: {said}");
    }
    for name in CONFINED {
        let name = &name.replace('@', "@sdb1");
        let exposed = Command::new("systemd-analyze")
            .args(["security", "--offline=true", &format!("--threshold={EXPOSURE}")])
            .arg(folder.path().join(name))
            .output()?;
        assert!(exposed.status.success(), "{name}: {}", words(&exposed));
    }
    Ok(())
}
