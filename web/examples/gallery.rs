//! Writes every sample of every page and the static files into a folder, to be looked at:
//! `cargo run -p flip-web --example gallery -- target/gallery`, then serve that folder on loopback.

#[path = "../tests/pages/samples.rs"]
mod samples;

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use flip_web::asset;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).unwrap_or_else(|| "target/gallery".to_owned());
    let folder = Path::new(&folder);
    fs::create_dir_all(folder.join("assets"))?;
    for file in ["app.css", "app.js", "bring.js", "favicon.svg", "lines.svg"] {
        fs::write(folder.join("assets").join(file), asset(file).ok_or("no such asset")?.bytes)?;
    }
    let mut list = String::new();
    for (name, page) in samples::all_samples() {
        let name = name.replace(".html ", "-") + ".html";
        fs::write(folder.join(&name), page)?;
        writeln!(list, "<li><a href=\"{name}\">{name}</a></li>")?;
    }
    fs::write(
        folder.join("index.html"),
        format!("<!doctype html>\n<title>Gallery</title>\n<ul>\n{list}</ul>\n"),
    )?;
    Ok(())
}
