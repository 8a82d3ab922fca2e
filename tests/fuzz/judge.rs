//! What the gate must keep of any text: it never panics; what it lets in stays let in, unchanged, when its canonical
//! text is asked again; and a refusal says why, at a place of the text.

use flip_gate::{CHARACTERS_MAX, admit};

/// Panics where the gate does not keep it.
pub fn question(sql: &str) {
    match admit(sql) {
        Ok(plan) if plan.canonical().chars().count() > CHARACTERS_MAX => {}
        Ok(plan) => {
            let again = admit(plan.canonical());
            assert_eq!(again.as_ref(), Ok(&plan), "{sql}\nbecame\n{}", plan.canonical());
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
