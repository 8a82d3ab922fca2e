//! A real server that speaks S3: moto. What it holds ends with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use ureq::Agent;

use super::{Program, free_port};

const BUCKET: &str = "flip";
const PREFIX: &str = "hub-1";

/// A store on loopback that may be away.
pub struct S3Server {
    folder: PathBuf,
    port: u16,
    program: Option<Program>,
}

impl S3Server {
    /// One that is there, with an empty bucket.
    pub fn start(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let secret = folder.join("secret.key");
        fs::write(&secret, "tern ovation lilac 9\n")?;
        fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        let mut server = Self { folder: folder.to_owned(), port: free_port()?, program: None };
        server.resume()?;
        Ok(server)
    }

    /// The lines of `hub.toml` for it.
    pub fn lines(&self) -> String {
        format!(
            "[artefacts.s3]\nendpoint = \"http://127.0.0.1:{}\"\nbucket = {BUCKET:?}\nprefix = {PREFIX:?}\n\
             access_key = \"FLIP\"\nsecret_key_file = \"{}\"\n",
            self.port,
            self.folder.join("secret.key").display()
        )
    }

    /// Starts it again, with an empty bucket.
    pub fn resume(&mut self) -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let cache = std::env::var("FLIP_CACHE").context("FLIP_CACHE must be set; run this through make")?;
        let python = Path::new(&cache).join("venv/bin/python");
        ensure!(python.exists(), "{} is missing; tests/prepare/python.sh makes it", python.display());
        let mut command = Command::new(python);
        command.arg(root.join("prepare/s3_server.py")).args([
            "--port",
            &self.port.to_string(),
            "--bucket",
            BUCKET,
        ]);
        let log = self.folder.join("log");
        let _ = fs::remove_file(&log);
        let mut program = Program::start(command, &log)?;
        program.says("the store is ready")?;
        self.program = Some(program);
        Ok(())
    }

    /// SIGKILL.
    pub fn stop(&mut self) -> Result<()> {
        self.program.take().context("the store is not running")?.kill()
    }

    /// The keys in the bucket, and how many uploads to it were begun and not ended.
    pub fn holds(&self) -> Result<(Vec<String>, usize)> {
        let agent = Agent::config_builder().proxy(None).build().new_agent();
        let look = |query: &str| -> Result<String> {
            let mut reply = agent.get(format!("http://127.0.0.1:{}/{BUCKET}?{query}", self.port)).call()?;
            Ok(reply.body_mut().read_to_string()?)
        };
        let listed = look("list-type=2")?;
        let keys =
            listed.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned()));
        Ok((keys.collect(), look("uploads")?.matches("<UploadId>").count()))
    }
}
