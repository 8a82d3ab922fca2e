//! What the walk through a pickle keeps of its values.

use std::rc::Rc;

use super::globals::Use;
use crate::bounds;

/// As much of a value as matters. Flat, so that no nesting can exhaust the stack.
#[derive(Clone)]
pub enum Value {
    /// Where a sequence begins.
    Mark,
    /// A short text, which can become a name.
    Text(Rc<str>),
    /// A tuple, and its last value where that is a short text.
    Tuple(Option<Rc<str>>),
    /// A listed name.
    Global(Use),
    /// What a listed name made.
    Made(Use),
    /// Numbers, lists, dicts, bytes.
    Plain,
}

/// Whether a text has escapes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    /// It is what its bytes are.
    None,
    /// What it becomes is not followed.
    Unknown,
}

/// A text that is what its bytes are; with escapes it can become no name.
pub fn text_of(bytes: &[u8], escapes: Escapes) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= bounds::SCAN_NAME_BYTES => {
            if escapes == Escapes::Unknown && (text.contains('\\') || !text.is_ascii()) {
                Value::Plain
            } else {
                Value::Text(text.into())
            }
        }
        Ok(_) | Err(_) => Value::Plain,
    }
}

/// A tuple that ends with this value.
pub fn tuple_of(last: Option<&Value>) -> Value {
    match last {
        Some(Value::Text(text)) => Value::Tuple(Some(Rc::clone(text))),
        Some(Value::Mark | Value::Tuple(_) | Value::Global(_) | Value::Made(_) | Value::Plain) | None => {
            Value::Tuple(None)
        }
    }
}
