//! Who may change the appliance's folder: the user whose it is, and not root in their place.
//!
//! What must stay true: no command leaves files there that the running appliance cannot open.

use std::fs;
use std::path::Path;

use anyhow::bail;
use flip_storage::file;

const ROOT: u32 = 0;

/// Fails where `folder` is another user's than this process acts as, with what to type.
pub(super) fn is_this_user(folder: &Path) -> anyhow::Result<()> {
    let Some(owner) = file::other_owner(folder, file::acts_as()) else { return Ok(()) };
    let told: Vec<String> = std::env::args().collect();
    bail!("{} is another user's; type: {}", folder.display(), as_owner(&name_of(&users(), owner), &told))
}

/// Fails where root acts in the folder of another user. Whoever else can write there was let in by its mode, as in a
/// volume that is a group's.
pub(super) fn is_not_root_elsewhere(folder: &Path) -> anyhow::Result<()> {
    if file::acts_as() == ROOT { is_this_user(folder) } else { Ok(()) }
}

/// The name of the user that this process acts as.
pub(super) fn me() -> String {
    name_of(&users(), file::acts_as())
}

fn users() -> String {
    fs::read_to_string("/etc/passwd").unwrap_or_default()
}

/// The name of a user in the text of `/etc/passwd`; its number where that says none.
fn name_of(users: &str, user: u32) -> String {
    let is_theirs = |line: &&str| line.split(':').nth(2) == Some(&user.to_string());
    let name = users.lines().find(is_theirs).and_then(|line| line.split(':').next());
    name.map_or_else(|| user.to_string(), ToOwned::to_owned)
}

/// The same command as another user, for a shell.
fn as_owner(name: &str, told: &[String]) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=,:".contains(letter);
    let quoted = told.iter().map(|word| {
        let plain = !word.is_empty() && word.chars().all(is_plain);
        if plain { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) }
    });
    format!("runuser -u {name} -- {}", quoted.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_another_user_must_give_is_said_as_it_is_to_be_typed() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\nflip-appliance:x:990:990::/var/lib/flip-appliance:/bin/false\n";
        assert_eq!((name_of(users, 990), name_of(users, 99)), ("flip-appliance".to_owned(), "99".to_owned()));
        let told = ["flip-appliance", "bundle", "import", "/mnt/it's mine"].map(str::to_owned);
        assert_eq!(
            as_owner("flip-appliance", &told),
            r"runuser -u flip-appliance -- flip-appliance bundle import '/mnt/it'\''s mine'"
        );
    }
}
