//! Walks a pickle (protocols 0 to 5) as Python's unpickler does, without making or calling anything.
//!
//! The stack, its marks and the memo are followed, so that a name put together from the memo is the name that Python
//! would look up. What must stay true: a name is followed exactly or refused; nothing is called, given a state or
//! filled that no listed name made; an opcode that is not known ends the walk.
//! (Opcodes: Python's `Lib/pickletools.py`.)

use std::collections::HashMap;
use std::io::Read;

use super::Unclean;
use super::globals::{self, Use};
use super::reading::Source;
use super::value::{Escapes, Form, Value, text_of, tuple_of};
use crate::bounds;

/// Whether objects may be kept outside the pickle, as PyTorch keeps its storages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistent {
    /// By the loader of PyTorch's archives.
    Allowed,
    /// Nothing would load them.
    Refused,
}

/// Which names are let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Those of [`globals`].
    Listed,
    /// All: asked only whether something is a pickle at all.
    Any,
}

/// What a walk to the end saw.
#[derive(Debug, Clone, Copy)]
pub struct Walked {
    /// That something was named.
    pub named: bool,
}

/// Walks pickles to the stream's end: a loader may read one after another.
pub fn all<R: Read>(source: &mut Source<R>, persistent: Persistent) -> Result<(), Unclean> {
    loop {
        one(source, persistent, Names::Listed)?;
        if source.ended()? {
            return Ok(());
        }
    }
}

/// Walks one pickle.
pub fn one<R: Read>(source: &mut Source<R>, persistent: Persistent, names: Names) -> Result<Walked, Unclean> {
    let mut walk = Walk { stack: Vec::new(), memo: HashMap::new(), named: false, persistent, names, at: 0 };
    loop {
        walk.at = source.at();
        if walk.step(source)? == Step::Stop {
            return Ok(Walked { named: walk.named });
        }
        if walk.stack.len() > bounds::SCAN_PICKLE_VALUES || walk.memo.len() > bounds::SCAN_PICKLE_VALUES {
            return Err(Unclean::TooMuch("a pickle keeps at most 1,000,000 values at once"));
        }
    }
}

#[derive(PartialEq, Eq)]
enum Step {
    On,
    Stop,
}

struct Walk {
    stack: Vec<Value>,
    memo: HashMap<u32, Value>,
    named: bool,
    persistent: Persistent,
    names: Names,
    at: u64,
}

impl Walk {
    fn step<R: Read>(&mut self, source: &mut Source<R>) -> Result<Step, Unclean> {
        match source.byte()? {
            b'.' => {
                self.pop()?;
                return Ok(Step::Stop);
            }
            b'(' => self.stack.push(Value::Mark),
            b'0' => drop(self.stack.pop().ok_or_else(|| self.malformed("nothing is left to drop"))?),
            b'1' => drop(self.pop_to_mark()?),
            b'2' => self.stack.push(self.top()?.clone()),
            b'F' | b'I' | b'L' => {
                let digits = source.line(bounds::SCAN_LINE_BYTES)?;
                if digits.len() > bounds::SCAN_DIGITS {
                    return Err(Unclean::TooMuch("a number has at most 4,300 digits"));
                }
                self.stack.push(if digits == b"0" { Value::Zero } else { Value::Plain });
            }
            b'K' => {
                let zero = source.byte()? == 0;
                self.stack.push(if zero { Value::Zero } else { Value::Plain });
            }
            b'M' => self.number(source, 2)?,
            b'J' => self.number(source, 4)?,
            b'G' => self.number(source, 8)?,
            b'N' | 0x88 | 0x89 | b'}' | b']' | 0x8f => self.stack.push(Value::Plain),
            b')' => self.tuple(0)?,
            0x8a | b'C' => {
                let length = u64::from(source.byte()?);
                self.number(source, length)?;
            }
            0x8b | b'B' => {
                let length = self.length4(source)?;
                self.number(source, length)?;
            }
            0x8e | 0x96 => {
                let length = u64::from_le_bytes(source.array()?);
                self.number(source, length)?;
            }
            b'S' => {
                let line = source.line(bounds::SCAN_LINE_BYTES)?;
                let quoted = line.strip_prefix(b"'").and_then(|line| line.strip_suffix(b"'"));
                let quoted = quoted.or_else(|| line.strip_prefix(b"\"").and_then(|l| l.strip_suffix(b"\"")));
                let text = quoted.ok_or_else(|| self.malformed("a text has no quotes"))?;
                self.stack.push(text_of(text, Escapes::Unknown));
            }
            b'V' => {
                let line = source.line(bounds::SCAN_LINE_BYTES)?;
                self.stack.push(text_of(&line, Escapes::Unknown));
            }
            b'U' | 0x8c => {
                let length = u64::from(source.byte()?);
                self.text(source, length)?;
            }
            b'T' | b'X' => {
                let length = self.length4(source)?;
                self.text(source, length)?;
            }
            0x8d => {
                let length = u64::from_le_bytes(source.array()?);
                self.text(source, length)?;
            }
            b'P' => {
                source.line(bounds::SCAN_LINE_BYTES)?;
                self.outside()?;
            }
            b'Q' => {
                self.pop()?;
                self.outside()?;
            }
            b'c' => {
                let global = self.global_of_lines(source)?;
                self.stack.push(Value::Global(global));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let global = match (module, name) {
                    (Value::Text(module), Value::Text(name)) => self.global(&module, &name)?,
                    _ if self.names == Names::Any => self.anything(),
                    _ => return Err(self.act("makes up a name as it goes")),
                };
                self.stack.push(Value::Global(global));
            }
            b'i' => {
                let global = self.global_of_lines(source)?;
                self.pop_to_mark()?;
                let made = self.call(&Value::Global(global), &Value::Plain)?;
                self.stack.push(made);
            }
            b'o' => {
                let values = self.pop_to_mark()?;
                let class = values.first().ok_or_else(|| self.malformed("nothing is named to be made"))?;
                let made = self.call(class, &Value::Plain)?;
                self.stack.push(made);
            }
            b'R' | 0x81 => {
                let (arguments, called) = (self.pop()?, self.pop()?);
                let made = self.call(&called, &arguments)?;
                self.stack.push(made);
            }
            0x92 => {
                self.pop()?;
                // With names or without: what only some arguments are let in for is made otherwise.
                let (_, called) = (self.pop()?, self.pop()?);
                let made = self.call(&called, &Value::Plain)?;
                self.stack.push(made);
            }
            b'b' => {
                self.pop()?;
                match self.top()? {
                    Value::Made(Use::Built) => {}
                    Value::Mark
                    | Value::Text(_)
                    | Value::Tuple(_)
                    | Value::Global(_)
                    | Value::Made(Use::Named | Use::Called | Use::Latin1 | Use::Empty | Use::Array)
                    | Value::Zero
                    | Value::Plain => return Err(self.act("gives a state to what takes none")),
                }
            }
            b'a' => {
                self.pop()?;
                self.filled()?;
            }
            b's' => {
                self.pop()?;
                self.pop()?;
                self.filled()?;
            }
            b'e' | b'u' | 0x90 => {
                self.pop_to_mark()?;
                self.filled()?;
            }
            b'd' | b'l' | 0x91 => {
                self.pop_to_mark()?;
                self.stack.push(Value::Plain);
            }
            b't' => {
                let values = self.pop_to_mark()?;
                self.push_tuple(&values)?;
            }
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b'g' => {
                let key = self.key_of_line(source)?;
                self.recall(key)?;
            }
            b'h' => {
                let key = u32::from(source.byte()?);
                self.recall(key)?;
            }
            b'j' => {
                let key = u32::from_le_bytes(source.array()?);
                self.recall(key)?;
            }
            b'p' => {
                let key = self.key_of_line(source)?;
                self.keep(key)?;
            }
            b'q' => {
                let key = u32::from(source.byte()?);
                self.keep(key)?;
            }
            b'r' => {
                let key = u32::from_le_bytes(source.array()?);
                self.keep(key)?;
            }
            0x94 => {
                let key =
                    u32::try_from(self.memo.len()).map_err(|_| self.malformed("its memo is too large"))?;
                self.keep(key)?;
            }
            0x80 => {
                if source.byte()? > 5 {
                    return Err(self.malformed("its protocol is not known"));
                }
            }
            0x95 => drop(source.array::<8>()?),
            0x82..=0x84 => return Err(self.act("names something by a number of the loader's registry")),
            0x97 | 0x98 => return Err(self.act("takes a buffer from outside")),
            _ => return Err(self.malformed("an opcode is not known")),
        }
        Ok(Step::On)
    }

    fn number<R: Read>(&mut self, source: &mut Source<R>, length: u64) -> Result<(), Unclean> {
        source.skip(length)?;
        self.stack.push(Value::Plain);
        Ok(())
    }

    fn text<R: Read>(&mut self, source: &mut Source<R>, length: u64) -> Result<(), Unclean> {
        match usize::try_from(length) {
            Ok(short) if short <= bounds::SCAN_NAME_BYTES => {
                let bytes = source.take(short)?;
                self.stack.push(text_of(&bytes, Escapes::None));
                Ok(())
            }
            _ => self.number(source, length),
        }
    }

    fn length4<R: Read>(&self, source: &mut Source<R>) -> Result<u64, Unclean> {
        let length = u32::from_le_bytes(source.array()?);
        // Of four bytes some opcodes take the length with a sign, some without; Python itself writes no such length.
        if i32::try_from(length).is_err() {
            return Err(self.malformed("a length is out of range"));
        }
        Ok(u64::from(length))
    }

    fn tuple(&mut self, length: usize) -> Result<(), Unclean> {
        let mut values = Vec::with_capacity(length);
        for _ in 0..length {
            values.push(self.pop()?);
        }
        values.reverse();
        self.push_tuple(&values)
    }

    fn push_tuple(&mut self, values: &[Value]) -> Result<(), Unclean> {
        let tuple = tuple_of(values);
        if tuple.parts > bounds::SCAN_TUPLE_PARTS {
            return Err(Unclean::TooMuch(
                "a tuple has at most 1,000,000 values, those of the tuples in it among them",
            ));
        }
        if tuple.depth > bounds::SCAN_TUPLE_DEPTH {
            return Err(Unclean::TooMuch("tuples lie at most 1,000 deep in each other"));
        }
        self.stack.push(Value::Tuple(tuple));
        Ok(())
    }

    fn outside(&mut self) -> Result<(), Unclean> {
        match self.persistent {
            Persistent::Allowed => {
                self.stack.push(Value::Plain);
                Ok(())
            }
            Persistent::Refused => Err(self.act("asks for an object that is kept outside of it")),
        }
    }

    fn global_of_lines<R: Read>(&mut self, source: &mut Source<R>) -> Result<Use, Unclean> {
        let mut line = || {
            let line = source.line(bounds::SCAN_NAME_BYTES)?;
            String::from_utf8(line)
                .map_err(|_| Unclean::Malformed { what: "a name is not UTF-8", at: self.at })
        };
        let (module, name) = (line()?, line()?);
        self.global(&module, &name)
    }

    fn global(&mut self, module: &str, name: &str) -> Result<Use, Unclean> {
        self.named = true;
        match (self.names, globals::listed(module, name)) {
            (Names::Any, _) => Ok(self.anything()),
            (Names::Listed, Some(listed)) => Ok(listed),
            (Names::Listed, None) => {
                let printable = |text: &str| text.escape_debug().to_string();
                Err(Unclean::Name { name: format!("{}.{}", printable(module), printable(name)), at: self.at })
            }
        }
    }

    fn anything(&mut self) -> Use {
        self.named = true;
        Use::Built
    }

    fn call(&self, called: &Value, arguments: &Value) -> Result<Value, Unclean> {
        let given = if let Value::Tuple(given) = arguments { Some(given) } else { None };
        let form = given.map_or(Form::Other, |given| given.form);
        match called {
            Value::Global(used @ (Use::Called | Use::Built)) => Ok(Value::Made(*used)),
            Value::Global(Use::Latin1) => match given.and_then(|given| given.last.as_deref()) {
                Some("latin1" | "latin-1") => Ok(Value::Made(Use::Latin1)),
                Some(_) | None => Err(self.act("encodes otherwise than as Latin-1")),
            },
            Value::Global(Use::Empty) if form == Form::Empty => Ok(Value::Made(Use::Empty)),
            Value::Global(Use::Empty) => {
                Err(self.act("makes bytes of what may be a number, as many as that says"))
            }
            Value::Global(Use::Array) if form == Form::ArrayOfNothing => Ok(Value::Made(Use::Built)),
            Value::Global(Use::Array) => {
                Err(self.act("makes an array that is not empty at first, as large as it says"))
            }
            Value::Global(Use::Named) => Err(self.act("calls what may only be named")),
            Value::Made(_) if self.names == Names::Any => Ok(Value::Made(Use::Built)),
            Value::Mark | Value::Text(_) | Value::Tuple(_) | Value::Zero | Value::Made(_) | Value::Plain => {
                Err(self.act("calls what no listed name is"))
            }
        }
    }

    /// What is on top is filled with further values.
    fn filled(&self) -> Result<(), Unclean> {
        match self.top()? {
            Value::Plain | Value::Made(_) => Ok(()),
            Value::Mark | Value::Text(_) | Value::Tuple(_) | Value::Zero | Value::Global(_) => {
                Err(self.act("fills what holds nothing"))
            }
        }
    }

    fn key_of_line<R: Read>(&self, source: &mut Source<R>) -> Result<u32, Unclean> {
        let line = source.line(bounds::SCAN_NAME_BYTES)?;
        let digits = std::str::from_utf8(&line).ok().filter(|l| l.bytes().all(|b| b.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| self.malformed("a place of the memo"))
    }

    fn recall(&mut self, key: u32) -> Result<(), Unclean> {
        let known = self.memo.get(&key).cloned();
        self.stack.push(known.ok_or_else(|| self.malformed("the memo has nothing there"))?);
        Ok(())
    }

    /// What the loader makes room for up to that place, however little is kept.
    fn keep(&mut self, key: u32) -> Result<(), Unclean> {
        if key as usize >= bounds::SCAN_PICKLE_VALUES {
            return Err(Unclean::TooMuch("a pickle's memo has at most 1,000,000 places"));
        }
        let value = self.top()?.clone();
        self.memo.insert(key, value);
        Ok(())
    }

    fn top(&self) -> Result<&Value, Unclean> {
        match self.stack.last() {
            None | Some(Value::Mark) => Err(self.malformed("its stack is empty")),
            Some(value) => Ok(value),
        }
    }

    fn pop(&mut self) -> Result<Value, Unclean> {
        self.top()?;
        self.stack.pop().ok_or_else(|| self.malformed("its stack is empty"))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>, Unclean> {
        let mark = self.stack.iter().rposition(|value| matches!(value, Value::Mark));
        let values = self.stack.split_off(mark.ok_or_else(|| self.malformed("its stack has no mark"))? + 1);
        self.stack.pop();
        Ok(values)
    }

    fn malformed(&self, what: &'static str) -> Unclean {
        Unclean::Malformed { what, at: self.at }
    }

    fn act(&self, what: &'static str) -> Unclean {
        Unclean::Act { what, at: self.at }
    }
}
