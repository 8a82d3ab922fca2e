//! Texts: LIKE, patterns, and the string functions with words between their arguments.
//!
//! What must stay true: a pattern means in the engine what it means in PostgreSQL, so patterns that need translating
//! are literals.

use sqlparser::ast::{CeilFloorKind, DateTimeField, Expr, TrimWhereField};

use super::types::{double, small};
use super::{Checker, not_allowed, place};
use crate::bounds::COPY_BYTES_MAX;
use crate::names::literal;
use crate::patterns;
use crate::refusal::{Place, Refusal};
use crate::scope::Scope;
use crate::term::{Term, Text, Type};

impl Checker {
    /// LIKE and ILIKE. PostgreSQL's escape is the backslash unless the question names another; the engine's is none.
    pub(super) fn like(
        &mut self,
        operand: &Expr,
        words: &str,
        pattern: &Expr,
        escape: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let operand = self.value(operand, scope)?;
        let pattern = self.value(pattern, scope)?;
        let mut escaping = '\\';
        let mut suffix = Text::default();
        if let Some(escape) = escape {
            let at = place(escape);
            let escape = self.value(escape, scope)?;
            let one = escape.literal.as_deref().is_some_and(|held| held.len() == 1);
            if !one {
                return Err(not_allowed("ESCAPE takes one character of ASCII, as in ESCAPE '!'", at));
            }
            escaping = escape.literal.as_deref().and_then(|held| held.chars().next()).unwrap_or(escaping);
            suffix.push(" ESCAPE ");
            suffix.append(&escape.text);
        } else if pattern.literal.as_ref().is_none_or(|held| held.contains('\\')) {
            suffix.engine.push_str(" ESCAPE '\\'");
        }
        let like = match &pattern.literal {
            Some(held) if ends_escaping(held, escaping) => {
                return Err(unfinished(escaping, pattern.place));
            }
            Some(_) => pattern.text.engine.clone(),
            None if pattern.is_null() => pattern.text.engine.clone(),
            None => whole_pattern(&pattern.text.engine, escaping),
        };
        let canonical =
            format!("{}{words}{}{}", operand.text.canonical, pattern.text.canonical, suffix.canonical);
        let engine = format!("({}{words}{like}{})", operand.text.engine, suffix.engine);
        Ok(Term::value(Text::new(canonical, engine), Type::Boolean))
    }

    /// `x LIKE ANY (ARRAY['a%', 'b%'])`: for the engine one LIKE after the other.
    pub(super) fn like_any(
        &mut self,
        operand: &Expr,
        words: &str,
        patterns: &Expr,
        escape: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let inner = if let Expr::Nested(inner) = patterns { inner } else { patterns };
        let (Expr::Array(array), None) = (inner, escape) else {
            let message = "write LIKE ANY (ARRAY['a%', 'b%']) with literal patterns, and without ESCAPE";
            return Err(not_allowed(message, place(operand)));
        };
        let operand = self.value(operand, scope)?;
        if operand.text.engine.len() > COPY_BYTES_MAX {
            return Err(not_allowed("compute what is compared with ANY in a CTE first", operand.place));
        }
        let (mut listed, mut either) = (Vec::new(), Vec::new());
        for pattern in self.array_literal(array, scope)? {
            let Some(held) = &pattern.literal else {
                return Err(not_allowed("write the patterns of ANY as literals", pattern.place));
            };
            if ends_escaping(held, '\\') {
                return Err(unfinished('\\', pattern.place));
            }
            let escape = if held.contains('\\') { " ESCAPE '\\'" } else { "" };
            either.push(format!("{}{words}{}{escape}", operand.text.engine, pattern.text.engine));
            listed.push(pattern.text.canonical);
        }
        let text = Text::new(
            format!("{}{words}ANY (ARRAY[{}])", operand.text.canonical, listed.join(", ")),
            format!("({})", either.join(" OR ")),
        );
        Ok(Term::value(text, Type::Boolean))
    }

    pub(super) fn similar(
        &mut self,
        operand: &Expr,
        negated: bool,
        pattern: &Expr,
        escaped: bool,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let at = place(pattern);
        let operand = self.value(operand, scope)?;
        let pattern = self.value(pattern, scope)?;
        let regular = pattern.literal.as_deref().filter(|_| !escaped).and_then(patterns::similar);
        let Some(regular) = regular else {
            return Err(not_allowed(
                "SIMILAR TO takes a literal pattern without ESCAPE; or use LIKE or ~",
                at,
            ));
        };
        let words = if negated { "NOT SIMILAR TO" } else { "SIMILAR TO" };
        let not = if negated { "NOT " } else { "" };
        Ok(Term::value(
            Text::new(
                format!("{} {words} {}", operand.text.canonical, pattern.text.canonical),
                format!("({not}regexp_full_match({}, {}))", operand.text.engine, literal(&regular)),
            ),
            Type::Boolean,
        ))
    }

    pub(super) fn position(
        &mut self,
        sought: &Expr,
        text: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let [sought, text] = [self.value(sought, scope)?, self.value(text, scope)?];
        let text = Text::new(
            format!("POSITION({} IN {})", sought.text.canonical, text.text.canonical),
            format!("strpos({}, {})", text.text.engine, sought.text.engine),
        );
        Ok(Term::value(text, Type::Integer).named("position"))
    }

    pub(super) fn substring(
        &mut self,
        operand: &Expr,
        from: Option<&Expr>,
        length: Option<&Expr>,
        shorthand: bool,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let at = place(operand);
        let operand = self.value(operand, scope)?;
        let from = from.map(|from| self.value(from, scope)).transpose()?;
        let length = length.map(|length| self.value(length, scope)).transpose()?;
        let counted = |term: &Term| {
            !matches!(term.kind, Type::Text | Type::Unknown) && !term.text.canonical.starts_with('-')
        };
        if !from.iter().chain(&length).all(counted) || (from.is_none() && length.is_none()) {
            return Err(not_allowed(
                "SUBSTRING takes a start from 1 and a length: SUBSTRING(x FROM 1 FOR 3); for a pattern use \
                 regexp_replace or ~",
                at,
            ));
        }
        let (mut canonical, mut engine) = (operand.text.canonical, operand.text.engine);
        let start = from.as_ref().map_or(Ok("1".to_owned()), small)?;
        engine = format!("{engine}, {start}");
        if let Some(from) = &from {
            canonical.push_str(if shorthand { ", " } else { " FROM " });
            canonical.push_str(&from.text.canonical);
        }
        if let Some(length) = &length {
            canonical.push_str(if shorthand { ", " } else { " FOR " });
            canonical.push_str(&length.text.canonical);
            engine = format!("{engine}, {}", small(length)?);
        }
        let (word, name) = if shorthand { ("SUBSTR", "substr") } else { ("SUBSTRING", "substring") };
        let text = Text::new(format!("{word}({canonical})"), format!("substring({engine})"));
        Ok(Term::value(text, Type::Text).named(name))
    }

    /// TRIM removes blanks unless told otherwise, and blanks only.
    pub(super) fn trim(
        &mut self,
        side: Option<&TrimWhereField>,
        characters: Option<&Expr>,
        operand: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let operand = self.value(operand, scope)?;
        let characters = characters.map(|characters| self.value(characters, scope)).transpose()?;
        let (word, function, name) = match side {
            None | Some(TrimWhereField::Both) => ("BOTH", "trim", "btrim"),
            Some(TrimWhereField::Leading) => ("LEADING", "ltrim", "ltrim"),
            Some(TrimWhereField::Trailing) => ("TRAILING", "rtrim", "rtrim"),
        };
        let characters = characters.map_or(Text::same("' '"), |characters| characters.text);
        let text = Text::new(
            format!("TRIM({word} {} FROM {})", characters.canonical, operand.text.canonical),
            format!("{function}({}, {})", operand.text.engine, characters.engine),
        );
        Ok(Term::value(text, Type::Text).named(name))
    }

    /// CEIL and FLOOR, which the parser reads apart from other functions.
    pub(super) fn rounding(
        &mut self,
        function: &str,
        operand: &Expr,
        field: &CeilFloorKind,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        if !matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime)) {
            return Err(not_allowed(format!("{function} takes one number"), place(operand)));
        }
        let operand = self.value(operand, scope)?;
        let kind = if operand.kind == Type::Numeric { Type::Numeric } else { Type::Double };
        let engine = double(&operand)?;
        let text =
            Text::new(format!("{function}({})", operand.text.canonical), format!("{function}({engine})"));
        Ok(Term::value(text, kind).named(function))
    }
}

fn unfinished(escape: char, at: Option<Place>) -> Refusal {
    not_allowed(format!("the pattern ends with its escape {escape}; write it twice to mean itself"), at)
}

/// True of a pattern whose last character is an escape of nothing.
fn ends_escaping(pattern: &str, escape: char) -> bool {
    let mut rest = pattern.chars();
    while let Some(each) = rest.next() {
        if each == escape && rest.next().is_none() {
            return true;
        }
    }
    false
}

/// A pattern of a record, NULL where it ends with an escape of nothing, on which PostgreSQL ends the question: such a
/// pattern is replaced by its escape alone, and that by NULL.
fn whole_pattern(pattern: &str, escape: char) -> String {
    let code = format!("\\x{{{:x}}}", u32::from(escape));
    let unfinished = literal(&format!("(?s)^(?:[^{code}]|{code}.)*{code}$"));
    let replacement = if escape == '\\' { "\\\\".to_owned() } else { escape.to_string() };
    let (replacement, alone) = (literal(&replacement), literal(&escape.to_string()));
    format!("nullif(regexp_replace({pattern}, {unfinished}, {replacement}), {alone})")
}

/// The engine's text of a value as PostgreSQL's text of it: a number without a fraction has no point there.
pub(super) fn printed(term: &Term) -> String {
    let engine = &term.text.engine;
    let exact = !term.sure;
    match term.kind {
        Type::Numeric | Type::Double if !exact => {
            format!("regexp_replace(CAST({engine} AS VARCHAR), '\\.0$', '')")
        }
        Type::Boolean
        | Type::Integer
        | Type::Numeric
        | Type::Double
        | Type::Text
        | Type::Date
        | Type::Timestamp
        | Type::Time
        | Type::Interval
        | Type::Array
        | Type::Unknown => engine.clone(),
    }
}

/// The same in `concat`, which prints a truth by its first letter.
pub(super) fn output(term: &Term) -> String {
    if term.kind == Type::Boolean {
        return format!("left(CAST({} AS VARCHAR), 1)", term.text.engine);
    }
    printed(term)
}

/// `x ~ 'pattern'` and its kin.
pub(super) fn matched(left: &Term, symbol: &str, pattern: &Term, at: Option<Place>) -> Result<Term, Refusal> {
    let regular = regular_literal(pattern, at)?;
    let options = if symbol.ends_with('*') { "is" } else { "s" };
    let not = if symbol.starts_with('!') { "NOT " } else { "" };
    Ok(Term::value(
        Text::new(
            format!("{} {symbol} {}", left.text.canonical, pattern.text.canonical),
            format!("({not}regexp_matches({}, {}, '{options}'))", left.text.engine, literal(&regular)),
        ),
        Type::Boolean,
    ))
}

/// A literal pattern in the engine's words.
pub(super) fn regular_literal(pattern: &Term, at: Option<Place>) -> Result<String, Refusal> {
    let Some(held) = &pattern.literal else {
        return Err(not_allowed("write a regular expression as a literal text", at));
    };
    patterns::regular(held).map_err(|what| {
        not_allowed(
            format!("this regular expression uses what the engine does not know; leave out {what}"),
            at,
        )
    })
}
