//! Text to the parser's tree, within bounds.
//!
//! What must stay true: a text is measured before it is parsed, so that neither the parser, nor the walk, nor the
//! drop of the tree can exhaust the stack. Only the grammar of queries is offered to the parser; every other
//! statement is refused by its first word.

use sqlparser::ast::Query;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, TokenizerError};

use crate::bounds::{CHARACTERS_MAX, JOINS_MAX, NESTING_MAX, OPERATORS_MAX, PARSER_LEVELS_MAX};
use crate::refusal::{Code, Place, Refusal};

/// A text that is too long is not even looked at.
pub(crate) fn measure_characters(sql: &str) -> Result<(), Refusal> {
    if let Some((offset, _)) = sql.char_indices().nth(CHARACTERS_MAX) {
        return Err(Refusal::new(
            Code::TooLong,
            format!(
                "a question has at most {CHARACTERS_MAX} characters, and this has {}; write a list of concepts as a \
                 join with concept_ancestor",
                sql.chars().count()
            ),
            Some(Place::of_offset(sql, offset)),
        ));
    }
    Ok(())
}

/// Where the keywords of a text stand; the parser's tree has no place for most of its clauses.
#[derive(Debug, Default)]
pub(crate) struct Words(Vec<Word>);

#[derive(Debug)]
struct Word {
    keyword: Keyword,
    place: Place,
    /// Brackets that are open around it.
    depth: usize,
}

impl Words {
    fn of(tokens: &[TokenWithSpan]) -> Self {
        let (mut words, mut depth) = (Vec::new(), 0_usize);
        for each in tokens {
            if each.token == Token::LParen {
                depth += 1;
            } else if each.token == Token::RParen {
                depth = depth.saturating_sub(1);
            } else if let Token::Word(word) = &each.token
                && word.keyword != Keyword::NoKeyword
            {
                words.extend(Place::of(each.span).map(|place| Word { keyword: word.keyword, place, depth }));
            }
        }
        Self(words)
    }

    /// Where the clause of this keyword begins in the query that begins at `query`; where the query begins, if there is no
    /// such word in it.
    pub(crate) fn clause(&self, keyword: Keyword, query: Option<Place>) -> Option<Place> {
        let begins = self.0.iter().position(|word| Some(word.place) == query)?;
        // A query in brackets has its clauses after them.
        let depth = self.0[begins].depth;
        let found = self.0[begins..].iter().find(|word| word.keyword == keyword && word.depth <= depth);
        found.map(|word| word.place).or(query)
    }

    /// Where the first of these keywords stands.
    pub(crate) fn first(&self, keywords: &[Keyword]) -> Option<Place> {
        self.0.iter().find(|word| keywords.contains(&word.keyword)).map(|word| word.place)
    }
}

/// The one query of the text, and where its keywords stand.
pub(crate) fn parse(sql: &str) -> Result<(Query, Words), Refusal> {
    if let Some(offset) = sql.find('\0') {
        let place = Some(Place::of_offset(sql, offset));
        return Err(Refusal::new(Code::NotSql, "the text holds a null character; leave it out", place));
    }
    let dialect = PostgreSqlDialect {};
    let tokens =
        Tokenizer::new(&dialect, sql).tokenize_with_location().map_err(|error| unreadable(&error))?;
    first_word(&tokens)?;
    measure(&tokens)?;
    let words = Words::of(&tokens);

    let mut parser =
        Parser::new(&dialect).with_recursion_limit(PARSER_LEVELS_MAX).with_tokens_with_locations(tokens);
    while parser.consume_token(&Token::SemiColon) {}
    let query = parser.parse_query().map_err(|error| not_parsed(&error))?;
    end(&mut parser)?;
    Ok((*query, words))
}

/// Nothing may follow the query but semicolons.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
fn end(parser: &mut Parser) -> Result<(), Refusal> {
    let mut ended = false;
    loop {
        let next = parser.next_token();
        let place = Place::of(next.span);
        match next.token {
            Token::EOF => return Ok(()),
            Token::SemiColon => ended = true,
            token if ended => {
                return Err(Refusal::new(
                    Code::ManyStatements,
                    format!("a question is one statement, and {token} begins another; ask it separately"),
                    place,
                ));
            }
            token => {
                let comma = if matches!(token, Token::Word(_)) { " (is a comma missing?)" } else { "" };
                return Err(Refusal::new(
                    Code::NotSql,
                    format!(
                        "the query is complete before {token}{comma}; leave out what follows, or write it where it belongs"
                    ),
                    place,
                ));
            }
        }
    }
}

/// A query begins with SELECT, WITH or a bracket.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
fn first_word(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let first = tokens.iter().find(|each| !matches!(each.token, Token::Whitespace(_) | Token::SemiColon));
    let Some(first) = first else {
        return Err(Refusal::new(Code::Empty, "the question is empty; write a SELECT", None));
    };
    let place = Place::of(first.span);
    match &first.token {
        Token::EOF => Err(Refusal::new(Code::Empty, "the question is empty; write a SELECT", None)),
        Token::LParen => Ok(()),
        Token::Word(word) if word.quote_style.is_none() => match word.keyword {
            Keyword::SELECT | Keyword::WITH => Ok(()),
            Keyword::NoKeyword => Err(Refusal::new(
                Code::NotSql,
                format!("{word} does not begin a query; begin with SELECT or WITH"),
                place,
            )),
            _ => Err(Refusal::new(
                Code::NotARead,
                format!(
                    "{word} is not a question; write a SELECT, with WITH and set operations where they help"
                ),
                place,
            )),
        },
        token => Err(Refusal::new(
            Code::NotSql,
            format!("a query does not begin with {token}; begin with SELECT"),
            place,
        )),
    }
}

/// Counts brackets and operators before anything recurses over them.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named counts as an operator")]
fn measure(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let (mut open, mut operators, mut joins) = (0_usize, 0_usize, 0_usize);
    for each in tokens {
        match &each.token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                open += 1;
                operators += usize::from(each.token != Token::LParen);
            }
            Token::RParen | Token::RBracket | Token::RBrace => open = open.saturating_sub(1),
            Token::Word(word) => match word.keyword {
                Keyword::CASE => open += 1,
                Keyword::JOIN => joins += 1,
                Keyword::END => open = open.saturating_sub(1),
                Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::IS
                | Keyword::IN
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::SIMILAR
                | Keyword::BETWEEN
                | Keyword::COLLATE
                | Keyword::AT
                | Keyword::OPERATOR
                | Keyword::UNION
                | Keyword::INTERSECT
                | Keyword::EXCEPT
                | Keyword::ARRAY => operators += 1,
                _ => {}
            },
            Token::EOF
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::Comma
            | Token::Period
            | Token::SemiColon
            | Token::Whitespace(_) => {}
            _ => operators += 1,
        }
        if open > NESTING_MAX {
            return Err(too_deep(Place::of(each.span)));
        }
        if joins > JOINS_MAX {
            return Err(Refusal::new(
                Code::TooDeep,
                format!("a question has at most {JOINS_MAX} JOINs; ask in steps"),
                Place::of(each.span),
            ));
        }
        if operators > OPERATORS_MAX {
            return Err(Refusal::new(
                Code::TooDeep,
                format!(
                    "a question has at most {OPERATORS_MAX} operators; write a list of values as x IN (...)"
                ),
                Place::of(each.span),
            ));
        }
    }
    Ok(())
}

/// The refusal of what nests beyond [`NESTING_MAX`].
pub(crate) fn too_deep(place: Option<Place>) -> Refusal {
    Refusal::new(
        Code::TooDeep,
        format!(
            "brackets, subqueries and operators nest more than {NESTING_MAX} levels; write the steps apart, in WITH"
        ),
        place,
    )
}

fn unreadable(error: &TokenizerError) -> Refusal {
    let TokenizerError { message, location } = error;
    Refusal::new(
        Code::NotSql,
        format!("this is not SQL: {message}; close what is opened here, or leave the character out"),
        Place::at(*location),
    )
}

fn not_parsed(error: &ParserError) -> Refusal {
    match error {
        ParserError::RecursionLimitExceeded => too_deep(None),
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
            let (message, location) = split_location(message);
            let instead = if message.ends_with("found: @") {
                "fill in the template: write omop in place of @cdm_database_schema"
            } else if message.ends_with("found: `") {
                "use double quotes around a name, or none"
            } else if message.contains("Expected: AND, found") {
                "write x BETWEEN low AND high, the lower bound first and without SYMMETRIC"
            } else {
                "write one SELECT as PostgreSQL reads it"
            };
            Refusal::new(
                Code::NotSql,
                format!("this is not SQL: {message}; {instead}"),
                location.and_then(Place::at),
            )
        }
    }
}

/// The parser puts the place at the end of its message.
fn split_location(message: &str) -> (&str, Option<Location>) {
    let split = message.rsplit_once(" at Line: ").and_then(|(words, numbers)| {
        let (line, column) = numbers.split_once(", Column: ")?;
        Some((words, Location { line: line.parse().ok()?, column: column.parse().ok()? }))
    });
    match split {
        Some((words, location)) => (words, Some(location)),
        None => (message, None),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::refusal::{Code, Place};

    #[test]
    fn a_mistake_has_its_place() {
        let refusal = parse("SELECT person_id\nFROM person WHERE = 3").unwrap_err();
        assert_eq!((refusal.code, refusal.place), (Code::NotSql, Some(Place { line: 2, column: 19 })));
    }

    #[test]
    fn between_is_told_with_its_bounds() {
        for bounds in ["SYMMETRIC 3 AND 1", "1, 3"] {
            let refusal =
                parse(&format!("SELECT person_id FROM person WHERE year_of_birth BETWEEN {bounds}"));
            let text = refusal.unwrap_err().message;
            assert!(text.contains("write x BETWEEN low AND high, the lower bound first"), "{text}");
        }
    }

    #[test]
    fn an_open_string_has_its_place() {
        let refusal = parse("SELECT 'abc").unwrap_err();
        assert_eq!((refusal.code, refusal.place), (Code::NotSql, Some(Place { line: 1, column: 8 })));
    }
}
