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
    /// A tuple.
    Tuple(Tuple),
    /// The number 0.
    Zero,
    /// A listed name.
    Global(Use),
    /// What a listed name made.
    Made(Use),
    /// Other numbers, lists, dicts, bytes.
    Plain,
}

/// As much of a tuple as matters.
#[derive(Clone)]
pub struct Tuple {
    /// Its last value, where that is a short text.
    pub last: Option<Rc<str>>,
    /// What it is an argument for.
    pub form: Form,
    /// The values in it and in its tuples, each as often as it is met: what it takes to compare it or to look it up.
    pub parts: u32,
    /// How deep tuples lie in it.
    pub depth: u32,
}

/// What a tuple may be an argument for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `()`.
    Empty,
    /// `(0,)`, the shape of an array of nothing.
    Zero,
    /// Of three, the second being `(0,)`: with these NumPy makes an array that is filled afterwards.
    ArrayOfNothing,
    /// Anything else.
    Other,
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

/// A tuple of these values.
pub fn tuple_of(values: &[Value]) -> Tuple {
    let is_zero = |value: &Value| matches!(value, Value::Tuple(Tuple { form: Form::Zero, .. }));
    let form = match values {
        [] => Form::Empty,
        [Value::Zero] => Form::Zero,
        [_, shape, _] if is_zero(shape) => Form::ArrayOfNothing,
        _ => Form::Other,
    };
    let last = if let Some(Value::Text(text)) = values.last() { Some(Rc::clone(text)) } else { None };
    let parts_of = |value: &Value| if let Value::Tuple(tuple) = value { tuple.parts } else { 1 };
    let parts = values.iter().fold(1_u32, |parts, value| parts.saturating_add(parts_of(value)));
    let depth_of = |value: &Value| if let Value::Tuple(tuple) = value { tuple.depth } else { 0 };
    let depth = 1 + values.iter().map(depth_of).max().unwrap_or(0);
    Tuple { last, form, parts, depth }
}
