//! Sticks that are plugged into a whole machine: its kernel mounts FAT and exFAT, its udev and systemd do what our rule and
//! units say, and nobody types anything. By hand, `make plugged`, because it boots a machine whose processor is emulated.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flip_tests::questions::{DIABETES, EVERYONE};
use flip_tests::world::{Machine, command};
use serde_json::Value;

use super::progress::huge_work;
use super::{back, file, out, share, stick};
use crate::stage::{SLOW, Stage};

const STATUS: &str = "/var/lib/flip-appliance/sticks/status.json";

/// A site's own program, which says in the journal what the lamp shows.
const LAMP: &str = "\
#!/bin/sh
sed -n 's/.*\"lamp\": \"\\([a-z]*\\)\".*/lamp \\1/p'
";

/// What a reader of sticks could do that was taken over: each line says what it must not be able to.
const TAKEN_OVER: &str = "\
cat /var/lib/flip-appliance/journal.redb && echo the journal is read
ls /var/lib/flip-appliance/identity && echo keys are seen
touch /run/flip-stick/sda/left && echo the stick is written
ls /run/flip-stick | grep -vx sda && echo another stick is seen
touch /var/lib/flip-appliance/sticks/known/left && echo what is known is changed
touch /var/lib/flip-appliance/sticks/left && echo the folder of sticks is changed
ls /dev/sd* && echo a device is seen
unshare --user true && echo a namespace is made
(exec 3<>/dev/udp/127.0.0.1/53) && echo a socket is had
[ \"$(id -u)\" = 0 ] && echo it is root
echo tried
";

#[test]
#[ignore = "by hand: it boots a machine"]
fn a_stick_that_is_plugged_in_is_read_and_answered_by_the_units() -> Result<()> {
    let mut stage = Stage::cut_off()?;
    let everyone = stage.api.ask("everyone", EVERYONE)?;
    let work = carried(&stage, "first")?;
    let (huge, _, _) = huge_work(&stage)?;
    stage.trust.kill()?;
    stage.trust.configure("network = false\n")?;
    let mut machine = boot(&stage, &[("work.flip", &work), ("huge.flip", &huge)])?;
    install(&mut machine)?;

    // A stick of another name is not looked at.
    machine.plug("stick")?;
    machine
        .run("until test -b /dev/sda; do sleep 1; done; printf 'label: dos\\n,,c\\n' | sfdisk -q /dev/sda")?;
    machine.run("udevadm settle; mkfs.vfat -n HOLIDAY /dev/sda1; udevadm settle")?;
    machine.pull("stick")?;
    machine.plug("stick")?;
    machine.run("until test -b /dev/disk/by-label/HOLIDAY; do sleep 1; done; udevadm settle")?;
    assert_eq!(machine.run("systemctl list-units --all --plain --no-legend 'flip-stick-*@*'")?, "");

    // One of its name that cannot be mounted is named by the lamp: another file system, and FAT whose root is gone.
    let wiped =
        "mkfs.vfat -F 32 -s 1 -n FLIP /dev/sda1 && dd if=/dev/zero of=/dev/sda1 bs=512 seek=32 count=1";
    for made in ["mkfs.ext2 -q -F -L FLIP /dev/sda1", wiped] {
        machine.run(&format!("{made}; sync; udevadm settle"))?;
        machine.pull("stick")?;
        let since = said(&mut machine)?;
        machine.plug("stick")?;
        let status = waited(&mut machine, since, "unusable")?;
        eprintln!("{status}");
        rests(&mut machine, "sda1")?;
    }
    // Each of them once.
    let told =
        "journalctl --no-pager -o cat -u 'flip-stick-unusable@sda1.service' | grep -c '^Starting.*cannot be'";
    assert_eq!(machine.run(told)?, "2");

    // Pulled while it is read: whatever waits for it gives up after a minute and a half, and none calls it damaged.
    machine.run("mkfs.vfat -n FLIP /dev/sda1; sync; udevadm settle")?;
    machine.pull("stick")?;
    let slow = drop_in(&mut machine, "flip-stick-read@", "ExecStartPre=/bin/sleep 600\n")?;
    machine.plug("stick")?;
    machine.run("until findmnt /run/flip-stick/sda1; do sleep 1; done")?;
    let since = said(&mut machine)?;
    machine.pull("stick")?;
    machine.run("while findmnt /run/flip-stick/sda1; do sleep 1; done; sleep 5")?;
    // In again while they wait: it is read again.
    machine.plug("stick")?;
    machine.run("until findmnt -no OPTIONS /run/flip-stick/sda1; do sleep 1; done")?;
    let options = machine.run("findmnt -no OPTIONS /run/flip-stick/sda1")?;
    assert!(options.starts_with("ro,"), "{options}");
    machine.pull("stick")?;
    machine.run("sleep 120")?;
    rests(&mut machine, "sda1")?;
    assert_eq!(said(&mut machine)?, since);
    machine.run(&format!("rm {slow}; systemctl daemon-reload"))?;
    machine.plug("stick")?;
    waited(&mut machine, since, "written")?;
    rests(&mut machine, "sda1")?;
    // One that cannot be mounted has no more of the good one that had its name before.
    machine.run("mkfs.ext2 -q -F -L FLIP /dev/sda1; sync; udevadm settle")?;
    machine.pull("stick")?;
    let since = said(&mut machine)?;
    machine.plug("stick")?;
    waited(&mut machine, since, "unusable")?;
    rests(&mut machine, "sda1")?;

    // FAT, on a partition, as shops sell them. It is unmounted slowly: until then it is not to be taken out.
    drop_in(&mut machine, "flip-stick-mount-write@", "ExecStop=/bin/sleep 10\n")?;
    machine.run(
        "mkfs.vfat -n FLIP /dev/sda1 && mount /dev/sda1 /mnt && cp /start/work.flip /mnt/ && umount /mnt",
    )?;
    machine.pull("stick")?;
    let since = said(&mut machine)?;
    machine.plug("stick")?;
    let status = waited(&mut machine, since, "written")?;
    eprintln!("{status}");
    rests(&mut machine, "sda1")?;
    let lamps =
        machine.run("sleep 2; journalctl --no-pager -o cat -u flip-stick-lamp | grep ^lamp | uniq")?;
    assert!(lamps.ends_with("lamp written"), "{lamps}");
    let stick = read(&mut machine, &stage, "sda1", "first-back")?;
    assert_eq!(back(&stage.hub, &stick)?[0]["results_stored"], 1);
    assert_eq!(share(&stage.api.result(&everyone)?)["persons"], 1_130);

    // Pulled in the middle of a copy, and in again: it is gone on with.
    machine.run("mount /dev/sda1 /mnt && rm /mnt/* && cp /start/huge.flip /mnt/ && umount /mnt")?;
    machine.pull("stick")?;
    let slow = drop_in(&mut machine, "flip-stick-read@", "CPUQuota=10%\n")?;
    let since = said(&mut machine)?;
    machine.plug("stick")?;
    machine.run(
        "until find /var/lib/flip-appliance/sticks/arrived -name '*.part' -size +4M | grep .; do sleep 1; done",
    )?;
    machine.pull("stick")?;
    eprintln!("{}", waited(&mut machine, since, "pulled")?);
    rests(&mut machine, "sda1")?;
    machine.run("find /var/lib/flip-appliance/sticks/arrived -name '*.part' -size +4M | grep .")?;
    machine.run(&format!("rm {slow}; systemctl daemon-reload"))?;
    let since = said(&mut machine)?;
    machine.plug("stick")?;
    waited(&mut machine, since, "written")?;
    rests(&mut machine, "sda1")?;
    machine.run("mount /dev/sda1 /mnt && rm /mnt/huge.flip && umount /mnt")?;

    // Pulled while its answer is waited for, and mounted to be written meanwhile.
    let slow = stage.api.ask("slow", SLOW)?;
    let work = carried(&stage, "second")?;
    write(&mut machine, "sda1", &work)?;
    machine.pull("stick")?;
    let since = said(&mut machine)?;
    machine.plug("stick")?;
    waited(&mut machine, since, "taken")?;
    machine.run("until findmnt -no OPTIONS /run/flip-stick/sda1 | grep ^rw; do sleep 1; done")?;
    let options = machine.run("findmnt -no OPTIONS /run/flip-stick/sda1")?;
    for option in ["noexec", "nosuid", "nodev", "nosymfollow"] {
        assert!(options.contains(option), "{options}");
    }
    machine.run("until ls /var/lib/flip-appliance/sticks/asked/*.json; do sleep 1; done")?;
    let since = said(&mut machine)?;
    machine.pull("stick")?;
    let status = waited(&mut machine, since, "pulled")?;
    eprintln!("{status}");
    rests(&mut machine, "sda1")?;
    // In again: what is on it was taken before.
    let since = said(&mut machine)?;
    machine.plug("stick")?;
    let status = waited(&mut machine, since, "refused")?;
    eprintln!("{status}");
    machine.run(&format!("until grep -q 'may be taken out' {STATUS}; do sleep 1; done"))?;
    rests(&mut machine, "sda1")?;
    let stick = read(&mut machine, &stage, "sda1", "second-back")?;
    back(&stage.hub, &stick)?;
    // An emulated processor may be too slow for it: then the answer is that it took too long.
    let result = stage.api.result(&slow)?;
    assert!(["value", "failed"].iter().any(|state| share(&result)["state"] == *state), "{result}");

    // exFAT, without partitions; and a reader that was taken over.
    let diabetes = stage.api.ask("diabetes", DIABETES)?;
    let work = carried(&stage, "third")?;
    machine.pull("stick")?;
    machine.plug("other")?;
    machine.run("until test -b /dev/sda; do sleep 1; done; mkfs.exfat -L FLIP /dev/sda")?;
    write(&mut machine, "sda", &work)?;
    machine.pull("other")?;
    taken_over(&mut machine)?;
    let since = said(&mut machine)?;
    machine.plug("other")?;
    waited(&mut machine, since, "written")?;
    rests(&mut machine, "sda")?;
    let tried = machine.run("journalctl --no-pager -o cat -u flip-stick-read@sda")?;
    eprintln!("{tried}");
    assert!(tried.contains("\ntried\n"), "{tried}");
    for line in TAKEN_OVER.lines().filter_map(|line| line.split_once("&& echo ")) {
        assert!(!tried.lines().any(|said| said == line.1), "{tried}");
    }
    let stick = read(&mut machine, &stage, "sda", "third-back")?;
    assert_eq!(back(&stage.hub, &stick)?[0]["results_stored"], 1);
    assert_eq!(share(&stage.api.result(&diabetes)?)["state"], "value");
    Ok(())
}

/// The bundle that the hub makes.
fn carried(stage: &Stage, name: &str) -> Result<PathBuf> {
    let folder = stick(stage, name)?;
    out(&stage.hub, &folder)?;
    file(&folder)
}

/// A machine with our programs, units and the Trust's own folder before it.
fn boot(stage: &Stage, more: &[(&str, &Path)]) -> Result<Machine> {
    let program = PathBuf::from(command("flip-appliance")?.get_program());
    let library =
        PathBuf::from(std::env::var_os("DUCKDB_LIB_DIR").context("DUCKDB_LIB_DIR is not set; see make")?);
    let library = library.join("libduckdb.so");
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no parent")?.join("systemd");
    let mut files: Vec<(&str, &Path)> =
        vec![("flip-appliance", &program), ("systemd", &units), ("data", &stage.trust.data)];
    if library.exists() {
        files.push(("libduckdb.so", &library));
    }
    files.extend(more);
    Machine::boot(&stage.folder().join("machine"), &files, &[("stick", 192 << 20), ("other", 64 << 20)])
}

/// As docs/STICKS.md says, line by line; then with what was enrolled elsewhere.
fn install(machine: &mut Machine) -> Result<()> {
    machine.run("install -m 755 /start/flip-appliance /usr/bin/")?;
    machine
        .run("test ! -e /start/libduckdb.so || install -m 644 /start/libduckdb.so /usr/lib/ && ldconfig")?;
    machine.run("install -d /etc/flip-appliance")?;
    put(machine, "/etc/flip-appliance/stick-lamp", LAMP.as_bytes())?;
    machine.run("chmod 755 /etc/flip-appliance/stick-lamp")?;
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/STICKS.md");
    let guide = fs::read_to_string(guide)?;
    let (_, block) = guide.split_once("## Installing the units\n\n```\n").context("no commands")?;
    let (block, _) = block.split_once("```").context("no end of the commands")?;
    for line in block.lines() {
        machine.run(&format!("cd /start && {line}"))?;
    }
    machine.run("cp -a /start/data/. /var/lib/flip-appliance/")?;
    machine.run("chown -R flip-appliance:flip-appliance /var/lib/flip-appliance")?;
    machine.run("systemctl restart flip-appliance")?;
    machine.run(&format!("until grep -qs ready {STATUS}; do sleep 1; done")).map(drop)
}

/// Has a unit of sticks do that too; gives the file that says so.
fn drop_in(machine: &mut Machine, unit: &str, lines: &str) -> Result<String> {
    let folder = format!("/etc/systemd/system/{unit}.service.d");
    machine.run(&format!("mkdir -p {folder}"))?;
    let file = format!("{folder}/more.conf");
    put(machine, &file, format!("[Service]\n{lines}").as_bytes())?;
    machine.run("systemctl daemon-reload")?;
    Ok(file)
}

/// When it was last said how it stands.
fn said(machine: &mut Machine) -> Result<u64> {
    let status: Value = serde_json::from_str(&machine.run(&format!("cat {STATUS}"))?)?;
    status["at"].as_u64().context("no time")
}

/// Waits for that lamp, after that moment; gives what status.txt says.
fn waited(machine: &mut Machine, since: u64, lamp: &str) -> Result<String> {
    for turn in 0..600 {
        let status: Value = serde_json::from_str(&machine.run(&format!("sleep 1; cat {STATUS}"))?)?;
        if status["at"].as_u64().is_some_and(|at| at > since) && status["lamp"] == lamp {
            let mounted = machine.run("findmnt -rno TARGET | grep flip-stick || true")?;
            ensure!(
                lamp != "written" || mounted.is_empty(),
                "{mounted} is mounted, and the lamp says {lamp}"
            );
            return machine.run("cat /var/lib/flip-appliance/sticks/status.txt");
        }
        if turn % 30 == 29 {
            let journal =
                machine.run("SYSTEMD_COLORS=0 journalctl --no-pager -o cat -u 'flip-*' | tail -n 20")?;
            eprintln!("waiting for the lamp {lamp}: {status}\n{journal}");
        }
    }
    let journal = machine.run("journalctl --no-pager -o cat -u 'flip-*' | tail -n 60; lsblk -f")?;
    anyhow::bail!("waited in vain for the lamp {lamp}:\n{journal}")
}

/// Waits until no unit of that stick is at work, and nothing is mounted.
fn rests(machine: &mut Machine, device: &str) -> Result<()> {
    let units = format!("systemctl list-units --all --plain --no-legend 'flip-stick-*@{device}.service'");
    machine
        .run(&format!("while {units} | grep -Eq ' (active|activating|deactivating) '; do sleep 1; done"))?;
    let mounted = machine.run("findmnt -rno TARGET | grep flip-stick || true")?;
    ensure!(mounted.is_empty(), "still mounted: {mounted}");
    Ok(())
}

/// Everything on the stick, in a folder here.
fn read(machine: &mut Machine, stage: &Stage, device: &str, name: &str) -> Result<PathBuf> {
    let folder = stick(stage, name)?;
    machine.run(&format!("mount -o ro /dev/{device} /mnt"))?;
    for file in machine.run("ls -1 /mnt")?.lines() {
        let text = machine.run(&format!("base64 -w 0 '/mnt/{file}'"))?;
        fs::write(folder.join(file), BASE64.decode(text)?)?;
    }
    machine.run("umount /mnt")?;
    Ok(folder)
}

/// A file onto the stick.
fn write(machine: &mut Machine, device: &str, path: &Path) -> Result<()> {
    let name = path.file_name().context("no name")?.to_string_lossy().into_owned();
    machine.run(&format!("mount /dev/{device} /mnt"))?;
    put(machine, &format!("/mnt/{name}"), &fs::read(path)?)?;
    machine.run("umount /mnt").map(drop)
}

/// A file of the machine; a terminal's line is short.
fn put(machine: &mut Machine, to: &str, bytes: &[u8]) -> Result<()> {
    for piece in bytes.chunks(2_000) {
        machine.run(&format!("echo {} | base64 -d >>'{to}'", BASE64.encode(piece)))?;
    }
    Ok(())
}

/// Has the unit that reads try what it must not be able to, before it reads.
fn taken_over(machine: &mut Machine) -> Result<()> {
    machine.run("mkdir -p /opt/probe")?;
    put(machine, "/opt/probe/probe", TAKEN_OVER.as_bytes())?;
    drop_in(machine, "flip-stick-read@", "ExecStartPre=/bin/bash /opt/probe/probe\n").map(drop)
}
