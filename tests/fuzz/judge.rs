//! What the gate must keep of any text: it never panics; what it lets in stays let in, unchanged, when its canonical
//! text is asked again, or is refused as too long where it has become so and is unchanged all the same; and a refusal
//! says why, at a place of the text.

use flip_gate::{CHARACTERS_MAX, Code, admit, admit_again};

/// Panics where the gate does not keep it.
pub fn question(sql: &str) {
    match admit(sql) {
        Ok(plan) => {
            assert_eq!(admit_again(&plan).as_ref(), Ok(&plan), "{sql}\nbecame\n{}", plan.canonical());
            let asked = admit(plan.canonical());
            if plan.canonical().chars().count() > CHARACTERS_MAX {
                assert_eq!(asked.err().map(|refusal| refusal.code), Some(Code::TooLong), "{sql}");
            } else {
                assert_eq!(asked, Ok(plan), "{sql}");
            }
        }
        Err(refusal) => {
            assert!(!refusal.message.is_empty(), "{sql}");
            if let Some(place) = refusal.place {
                let lines = sql.split('\n').count() as u64;
                assert!((1..=lines).contains(&place.line) && place.column > 0, "{sql}\n{refusal}");
            }
        }
    }
}
