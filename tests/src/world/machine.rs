//! A whole machine with a kernel of its own: a small Debian under QEMU (`tests/prepare/machine.sh`), for what the kernel
//! here cannot do. Its processor is emulated, so that it runs wherever QEMU does.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{PATIENCE, until};

/// A machine that is up; ended when it goes out of scope.
pub struct Machine {
    emulator: Child,
    shell: BufReader<UnixStream>,
    monitor: BufReader<UnixStream>,
}

/// Run by the machine once it is up: carries out one line after the other.
const START: &str = "\
stty raw -echo
printf '@ready\\n'
while IFS= read -r line; do bash -c \"$line\" </dev/null 2>&1; printf '\\n@done %s\\n' $?; done
";

impl Machine {
    /// Boots one that finds a copy of each of `files` in its folder `/start`, under that name. Each of `sticks`, a name and
    /// its bytes, is an empty USB stick that can be plugged in. What it needs for itself is in `folder`.
    pub fn boot(folder: &Path, files: &[(&str, &Path)], sticks: &[(&str, u64)]) -> Result<Self> {
        let cache = std::env::var_os("FLIP_CACHE").context("FLIP_CACHE is not set; see make")?;
        let cache = PathBuf::from(cache).join("machine");
        ensure!(cache.is_dir(), "{} is missing: tests/prepare/machine.sh makes it", cache.display());
        fs::create_dir_all(folder)?;
        let start = packed(folder, files)?;
        let place = |name: &str| folder.join(name).display().to_string();
        let mut emulator = Command::new("qemu-system-x86_64");
        emulator
            .args(["-machine", "pc", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1536"])
            .args(["-nodefaults", "-display", "none", "-no-reboot", "-nic", "none"])
            .arg("-kernel")
            .arg(cache.join("vmlinuz"))
            .arg("-initrd")
            .arg(cache.join("initrd"))
            .args(["-append", "console=ttyS0 root=/dev/vda rw quiet mitigations=off no_timer_check panic=-1"])
            .arg("-drive")
            .arg(format!("if=virtio,format=raw,snapshot=on,file={}", cache.join("disk.img").display()))
            .arg("-drive")
            .arg(format!("if=virtio,format=raw,readonly=on,file={}", start.display()))
            .arg("-serial")
            .arg(format!("file:{}", place("console.log")))
            .arg("-chardev")
            .arg(format!("socket,id=shell,server=on,wait=off,path={}", place("shell")))
            .args(["-serial", "chardev:shell", "-device", "qemu-xhci,id=usb"])
            .arg("-qmp")
            .arg(format!("unix:{},server=on,wait=off", place("monitor")));
        for (name, bytes) in sticks {
            let image = folder.join(format!("{name}.img"));
            fs::File::create(&image)?.set_len(*bytes)?;
            let node =
                format!("driver=raw,node-name={name},file.driver=file,file.filename={}", image.display());
            emulator.arg("-blockdev").arg(node);
        }
        let log = fs::File::create(folder.join("emulator.log"))?;
        let mut emulator = emulator
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("qemu-system-x86_64 cannot be started; tests/prepare/machine.sh installs it")?;
        let ends = ["shell", "monitor"].map(|name| reached(&mut emulator, &folder.join(name)));
        let [shell, monitor] = ends;
        let mut machine = Self { emulator, shell: shell?, monitor: monitor? };
        machine.ask("qmp_capabilities", &json!({}))?;
        machine.until_line(|line| (line == "@ready").then_some(()))?;
        Ok(machine)
    }

    /// What a line of bash says there, which must succeed.
    pub fn run(&mut self, line: &str) -> Result<String> {
        ensure!(!line.contains('\n') && line.len() < 4_000, "a terminal takes no such line: {line}");
        self.shell.get_mut().write_all(format!("{line}\n").as_bytes())?;
        let mut said = String::new();
        let code = self.until_line(|heard| {
            let code = heard.strip_prefix("@done ").map(str::to_owned);
            if code.is_none() {
                said.push_str(heard);
                said.push('\n');
            }
            code
        })?;
        ensure!(code == "0", "{line}: ended with {code}:\n{said}");
        Ok(said.trim().to_owned())
    }

    /// Plugs a stick in.
    pub fn plug(&mut self, stick: &str) -> Result<()> {
        let device =
            json!({ "driver": "usb-storage", "id": format!("usb-{stick}"), "bus": "usb.0", "drive": stick });
        self.ask("device_add", &device)
    }

    /// Pulls it out, whatever is under way.
    pub fn pull(&mut self, stick: &str) -> Result<()> {
        let device = format!("usb-{stick}");
        self.ask("device_del", &json!({ "id": device }))?;
        while self.hear()?["data"]["device"] != device {}
        Ok(())
    }

    fn until_line<T>(&mut self, mut found: impl FnMut(&str) -> Option<T>) -> Result<T> {
        loop {
            let mut line = String::new();
            ensure!(self.shell.read_line(&mut line)? > 0, "the machine is gone");
            if let Some(found) = found(line.trim_end()) {
                return Ok(found);
            }
        }
    }

    fn ask(&mut self, what: &str, arguments: &Value) -> Result<()> {
        let line = json!({ "execute": what, "arguments": arguments });
        self.monitor.get_mut().write_all(format!("{line}\n").as_bytes())?;
        loop {
            let heard = self.hear()?;
            ensure!(heard["error"].is_null(), "{line}: {heard}");
            if !heard["return"].is_null() {
                return Ok(());
            }
        }
    }

    fn hear(&mut self) -> Result<Value> {
        let mut line = String::new();
        ensure!(self.monitor.read_line(&mut line)? > 0, "the machine's monitor is gone");
        Ok(serde_json::from_str(&line)?)
    }
}

/// The second disk: a tar.
fn packed(folder: &Path, files: &[(&str, &Path)]) -> Result<PathBuf> {
    let (inside, start) = (folder.join("start"), folder.join("start.tar"));
    fs::create_dir_all(&inside)?;
    fs::write(inside.join("start"), START)?;
    for (name, path) in files {
        succeeds(Command::new("cp").args(["-a", "-L", "--reflink=auto"]).arg(path).arg(inside.join(name)))?;
    }
    succeeds(Command::new("tar").arg("-C").arg(&inside).arg("-cf").arg(&start).arg("."))?;
    Ok(start)
}

fn succeeds(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn reached(emulator: &mut Child, socket: &Path) -> Result<BufReader<UnixStream>> {
    let stream = until(&format!("the machine's {}", socket.display()), || {
        ensure!(
            emulator.try_wait()?.is_none(),
            "the emulator ended; its log lies beside {}",
            socket.display()
        );
        Ok(UnixStream::connect(socket).ok())
    })?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(stream))
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}
