//! How the scanner stands: what its process is locked into, and what of the machine keeps it from its work. For who runs
//! the hub.

use flip_storage::confine::Held;

use super::waiting::Trouble;
use crate::audit::written::moment;

/// What is known of it.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// What its process is locked into; `None` until it was found out.
    pub held: Option<Held>,
    /// Files that wait because the machine does not let them be scanned.
    pub trouble: Option<Trouble>,
}

impl Standing {
    /// What somebody who runs the hub should look at, in words.
    pub fn attention(&self) -> Vec<String> {
        let held = self.held.map(not_locked_in).unwrap_or_default();
        held.into_iter().chain(self.trouble.as_ref().map(waits)).collect()
    }
}

/// What a process that is locked into no more than that is missing, and what it means; nothing where it lacks nothing.
pub fn not_locked_in(held: Held) -> Option<String> {
    let lacks = held.lacks();
    (!lacks.is_empty()).then(|| {
        format!(
            "the scanner of files that people bring is not fully locked in: {lacks}. A file that got the better of it \
             could reach what the hub's own account can; its limits on memory and time hold. Run the hub on a newer \
             kernel, with both turned on."
        )
    })
}

fn waits(trouble: &Trouble) -> String {
    let (files, are) = if trouble.files == 1 { ("file", "is") } else { ("files", "are") };
    format!(
        "{} {files} that people brought {are} not scanned, the first since {}, for trouble of this machine: {}. Nobody can \
         fetch them; the hub tries again by itself, every two minutes at the least.",
        trouble.files,
        moment(trouble.since.0),
        trouble.why
    )
}

#[cfg(test)]
mod tests {
    use flip_protocol::UnixMillis;
    use flip_storage::confine::{CallsConfined, FilesConfined};

    use super::*;

    #[test]
    fn what_is_missing_and_what_waits_is_said_and_nothing_where_all_is_well() {
        let held = |files, calls| Some(Held { files, calls });
        let well = held(FilesConfined::Fully, CallsConfined::Fully);
        assert_eq!(Standing { held: well, trouble: None }.attention(), [""; 0]);
        let trouble =
            Trouble { files: 2, since: UnixMillis(1_795_716_685_004), why: "no more processes".to_owned() };
        let said =
            Standing { held: held(FilesConfined::NotAtAll, CallsConfined::NotAtAll), trouble: Some(trouble) };
        let said = said.attention();
        assert!(said[0].contains("no Landlock") && said[0].contains("no seccomp"), "{}", said[0]);
        assert!(said[1].starts_with("2 files") && said[1].contains("no more processes"), "{}", said[1]);
    }
}
