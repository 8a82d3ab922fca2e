//! Whether a password is good enough, and why not. Pure.

use zxcvbn::Score;

use crate::bounds;

/// Why a password is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Too short.
    #[error("the password has {0} characters; it needs at least {min}", min = bounds::PASSWORD_CHARACTERS)]
    Short(usize),
    /// Longer than anyone types.
    #[error("the password is longer than 1,000 characters")]
    Long,
    /// Their name or address, with or without a little around it.
    #[error("the password is made of the name or the e-mail address, which anybody would try first")]
    Own,
    /// Among the first that are tried.
    #[error("the password is too easy to guess. {0}")]
    Guessable(String),
}

/// Checks a password against its length, its owner's name and address, and what people who guess try first.
pub fn check(password: &str, name: &str, email: Option<&str>) -> Result<(), Weak> {
    let length = password.chars().count();
    if length < bounds::PASSWORD_CHARACTERS {
        return Err(Weak::Short(length));
    }
    if length > bounds::PASSWORD_CHARACTERS_MOST {
        return Err(Weak::Long);
    }
    let own: Vec<String> = [Some(name), email]
        .into_iter()
        .flatten()
        .flat_map(|whole| std::iter::once(whole).chain(whole.split(|c: char| !c.is_alphanumeric())))
        .filter(|part| part.chars().count() >= OWN_CHARACTERS)
        .map(str::to_lowercase)
        .collect();
    let lower = password.to_lowercase();
    let mut rest = lower.clone();
    for part in &own {
        rest = rest.replace(part.as_str(), "");
    }
    let left = rest.chars().filter(|c| c.is_alphanumeric()).count();
    if rest != lower && left < OWN_REST_CHARACTERS {
        return Err(Weak::Own);
    }
    let mut known: Vec<&str> = own.iter().map(String::as_str).collect();
    known.extend(["flip", "flipedge", "hospital", "trust", "federated", "omop"]);
    let guess = zxcvbn::zxcvbn(password, &known);
    if guess.score() >= Score::Three {
        return Ok(());
    }
    let why = guess.feedback().map(ToString::to_string).unwrap_or_default();
    Err(Weak::Guessable(if why.is_empty() {
        "Add another word or two. Uncommon words are better.".to_owned()
    } else {
        why
    }))
}

/// Parts of a name shorter than this are in many words.
const OWN_CHARACTERS: usize = 3;
/// Letters and digits that must be left when name and address are taken out.
const OWN_REST_CHARACTERS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn weak(password: &str) -> String {
        check(password, "Astrid Lindqvist", Some("a.lindqvist@flip.example")).unwrap_err().to_string()
    }

    #[test]
    fn a_weak_password_is_refused_with_the_reason() {
        assert!(weak("eleven char").contains("has 11 characters; it needs at least 12"));
        assert!(weak(&"x1".repeat(501)).contains("longer than 1,000"));
        for own in ["Astrid Lindqvist", "a.lindqvist@flip.example", "lindqvist2026", "LINDQVISTastrid!!"] {
            assert!(weak(own).contains("made of the name"), "{own}: {}", weak(own));
        }
        for common in ["password1234", "aaaaaaaaaaaaaaaa", "123456789012", "qwertyuiop123", "abcabcabcabcabc"]
        {
            assert!(weak(common).contains("easy to guess"), "{common}: {}", weak(common));
        }
    }

    #[test]
    fn words_that_nobody_guesses_are_taken() {
        for fine in ["correct horse battery staple", "tern-ovation-lilac-9", "Grüße aus dem Moor, 4 Uhr"] {
            assert_eq!(check(fine, "ada", None), Ok(()), "{fine}");
        }
        assert_eq!(check(&crate::passwords::generate(), "ada", Some("ada@example.org")), Ok(()));
    }
}
