//! Writes every sample page and the static files into a folder, to be looked at:
//! `cargo run -p flip-web --example gallery -- target/gallery`, then serve that folder on loopback.

use std::{error::Error, fs, path::Path};

use flip_web::{
    Page, asset,
    pages::{
        AskAccess, Decisions, Forgot, LinkDone, Mails, Model, ModelNew, Models, OneTimeLink, OwnPassword,
        People, Person, Problem, Project, ProjectHistory, ProjectNew, Projects, Queries, Query, QueryNew,
        Requests, SignIn, Site, SiteAttack, SiteAudit, SiteData, SiteDisclosure, SiteDoor, SiteEntered,
        SiteFrozen, SiteLogs, SiteOrder, SiteOrders, SitePolicy, SiteProjects, TrustAdded, Trusts,
    },
    render,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "target/gallery".to_owned());
    let folder = Path::new(&folder);
    fs::create_dir_all(folder.join("assets"))?;
    for file in ["app.css", "app.js", "bring.js", "favicon.svg", "lines.svg"] {
        fs::write(folder.join("assets").join(file), asset(file).ok_or("no such asset")?.bytes)?;
    }
    let mut written = Vec::new();
    write::<SignIn>(folder, &mut written)?;
    write::<Trusts>(folder, &mut written)?;
    write::<TrustAdded>(folder, &mut written)?;
    write::<Queries>(folder, &mut written)?;
    write::<QueryNew>(folder, &mut written)?;
    write::<Query>(folder, &mut written)?;
    write::<Projects>(folder, &mut written)?;
    write::<ProjectHistory>(folder, &mut written)?;
    write::<Decisions>(folder, &mut written)?;
    write::<ProjectNew>(folder, &mut written)?;
    write::<Project>(folder, &mut written)?;
    write::<People>(folder, &mut written)?;
    write::<Person>(folder, &mut written)?;
    write::<Mails>(folder, &mut written)?;
    write::<Models>(folder, &mut written)?;
    write::<ModelNew>(folder, &mut written)?;
    write::<Model>(folder, &mut written)?;
    write::<OneTimeLink>(folder, &mut written)?;
    write::<LinkDone>(folder, &mut written)?;
    write::<AskAccess>(folder, &mut written)?;
    write::<Requests>(folder, &mut written)?;
    write::<Forgot>(folder, &mut written)?;
    write::<OwnPassword>(folder, &mut written)?;
    write::<Problem>(folder, &mut written)?;
    write::<Site>(folder, &mut written)?;
    write::<SiteOrders>(folder, &mut written)?;
    write::<SiteOrder>(folder, &mut written)?;
    write::<SiteData>(folder, &mut written)?;
    write::<SiteProjects>(folder, &mut written)?;
    write::<SiteDisclosure>(folder, &mut written)?;
    write::<SitePolicy>(folder, &mut written)?;
    write::<SiteAttack>(folder, &mut written)?;
    write::<SiteAudit>(folder, &mut written)?;
    write::<SiteLogs>(folder, &mut written)?;
    write::<SiteDoor>(folder, &mut written)?;
    write::<SiteEntered>(folder, &mut written)?;
    write::<SiteFrozen>(folder, &mut written)?;
    let links: Vec<_> =
        written.iter().map(|name| format!("<li><a href=\"{name}\">{name}</a></li>\n")).collect();
    let list = links.concat();
    fs::write(
        folder.join("index.html"),
        format!("<!doctype html>\n<title>Gallery</title>\n<ul>\n{list}</ul>\n"),
    )?;
    Ok(())
}

fn write<P: Page>(folder: &Path, written: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for (index, sample) in P::samples().iter().enumerate() {
        let name = P::TEMPLATE.replace(".html", &format!("-{index}.html"));
        fs::write(folder.join(&name), render(sample)?)?;
        written.push(name);
    }
    Ok(())
}
