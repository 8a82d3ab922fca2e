//! `flip-appliance policy`: check the site's policy and say it in plain words.

use std::path::Path;

use crate::disclosure::{FILE, Policy};

/// Reads the policy as `run` does, and prints it.
pub fn policy(data: &Path, json: bool) -> anyhow::Result<()> {
    let file = data.join(FILE);
    let policy = Policy::load(data)?;
    let settings = policy.settings();
    if json {
        let settings: Vec<_> = settings
            .iter()
            .map(|setting| {
                serde_json::json!({
                    "name": setting.name,
                    "in_force": setting.in_force,
                    "by_itself": setting.by_itself,
                    "protects": setting.protects,
                    "loosened": setting.loosened,
                })
            })
            .collect();
        say!("{}", serde_json::to_string_pretty(&settings)?);
        return Ok(());
    }
    if file.exists() {
        say!("The policy in {}, in force from the next start on:\n", file.display());
    } else {
        say!("There is no {}: the policy is the appliance's own.\n", file.display());
    }
    let width = settings.iter().map(|setting| setting.name.len()).max().unwrap_or_default();
    for setting in &settings {
        let loosened = if setting.loosened { "  LOOSENED" } else { "" };
        say!("{:width$}  {}{loosened}", setting.name, setting.in_force);
        let protects = lower_first(setting.protects);
        say!("{:width$}  by itself {}; protects from: {protects}", "", setting.by_itself);
    }
    Ok(())
}

fn lower_first(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
