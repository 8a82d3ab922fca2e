//! What a model's file may be called. Pure.
//!
//! What must stay true: a name is one of a file in every system and in every address: no folder, nothing hidden, nothing
//! that shows as another.

use crate::bounds;
use crate::scan;

/// Checks a name: what is wrong with it, if anything.
pub fn check(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > bounds::FILE_NAME_BYTES {
        return Err(format!("a file's name has 1 to {} characters", bounds::FILE_NAME_BYTES));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let first = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if !first || !name.chars().all(plain) || name.ends_with('.') || name.contains("..") {
        return Err(
            "a file's name has letters from a to z, digits, dots, hyphens and underscores alone, and begins \
                    with a letter, a digit or an underscore; no folders"
                .to_owned(),
        );
    }
    scan::check_ending(name).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_a_file_and_of_nothing_else() {
        for fine in ["models.py", "__init__.py", "weights-2.1.SafeTensors", "0.pt", "Config.JSON"] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        let long = format!("{}.py", "a".repeat(bounds::FILE_NAME_BYTES - 2));
        for bad in [
            "",
            "..",
            ".py",
            ".hidden.py",
            "../models.py",
            "a/../b.py",
            "/etc/passwd.txt",
            "a\\b.py",
            "C:a.py",
            "a b.py",
            "a\0.py",
            "a\n.py",
            "modèls.py",
            "models.py\u{202e}",
            "-rf.py",
            "a..py",
            "models.py.",
            &long,
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        for ending in ["run.sh", "models", "weights.zip", "a.py.exe"] {
            assert!(check(ending).is_err_and(|why| why.contains("safetensors")), "{ending}");
        }
    }
}
