//! Questions that are just within each bound of the gate: their canonical texts, which may be longer than a question may
//! be, say the same again.

use flip_gate::{CHARACTERS_MAX, Code, Plan, admit, admit_again};

/// A question of so many like pieces.
struct Shape {
    begins: &'static str,
    /// `{}` is the piece's number.
    piece: &'static str,
    between: &'static str,
    ends: &'static str,
}

const fn shape(
    begins: &'static str,
    piece: &'static str,
    between: &'static str,
    ends: &'static str,
) -> Shape {
    Shape { begins, piece, between, ends }
}

/// Written as densely as SQL allows, so that canonical SQL is longer; and nested or chained up to the bounds.
const SHAPES: &[Shape] = &[
    shape("select person_id from person where year_of_birth in(", "1", ",", ")"),
    shape("select person_id from person where gender_source_value in(", "''", ",", ")"),
    shape("select person_id,", "year_of_birth a{}", ",", " from person"),
    shape("select person_id,", "now()a{}", ",", " from person"),
    shape("select person_id,", "1::int a{}", ",", " from person"),
    shape("select person_id,", "date'2020-01-01'a{}", ",", " from person"),
    shape("select person_id,", "interval'1 day'a{}", ",", " from person"),
    shape("select person_id from person where ", "year_of_birth=1", " or ", ""),
    shape("select person_id from person where ", "true", " or ", ""),
    shape("select person_id from person where ", "year_of_birth!=1", "and ", ""),
    shape("select person_id from person where ", "year_of_birth between 1and 2", " and ", ""),
    shape("select person_id from person where ", "gender_source_value like'a'", "or ", ""),
    shape("select person_id from person where ", "birth_datetime is null", " or ", ""),
    shape("select person_id from person where 0<", "year_of_birth", "+", ""),
    shape("select person_id from person where 0<", "1.5", "*", ""),
    shape("select person_id from person where ''<", "gender_source_value", "||", ""),
    shape("select person_id,year_of_birth", "::text::int", "", " a from person"),
    shape("select person_id,", "case when year_of_birth=1then 1end a{}", ",", " from person"),
    shape("select person_id,", "coalesce(year_of_birth,1)a{}", ",", " from person"),
    shape("select person_id,", "substring(gender_source_value from 1for 1)a{}", ",", " from person"),
    shape("select person_id,", "extract(year from birth_datetime)a{}", ",", " from person"),
    shape("select person_id,", "row_number()over(partition by person_id order by 1)a{}", ",", " from person"),
    shape("select a.person_id from person a ", "join death t{} using(person_id)", "", ""),
    shape("", "select person_id from note", " union ", ""),
    shape("", "(select person_id from note)", "union all", ""),
    shape("with ", "w{} as(select person_id from note)", ",", " select person_id from w1"),
    shape("select person_id from person where ", "person_id in(select person_id from note)", "and ", ""),
    shape("select person_id from person order by ", "year_of_birth", ",", ""),
    shape("select person_id from person group by person_id,", "year_of_birth", ",", ""),
];

/// Pieces around each other, as deep as they go: what opens, what is inside, what closes.
const NESTED: &[(&str, &str, &str, &str, &str)] = &[
    ("select person_id from person where ", "not(", "true", ")", ""),
    ("select person_id from person where 0<", "-(", "year_of_birth", ")", ""),
    ("select person_id,", "abs(", "year_of_birth", ")", " a from person"),
    ("select person_id,", "(", "year_of_birth", ")::int", " a from person"),
    ("select person_id,", "case when true then ", "1", " end", " a from person"),
    ("", "select person_id from(", "select person_id from note", ")x", ""),
    (
        "select person_id from person where ",
        "person_id in(select person_id from note where ",
        "true",
        ")",
        "",
    ),
    ("select person_id from person where 0<", "(1+", "year_of_birth", ")", ""),
    ("select person_id,", "coalesce(", "gender_source_value", ",'')", " a from person"),
];

impl Shape {
    fn question(&self, pieces: usize) -> String {
        let pieces: Vec<String> = (1..=pieces).map(|at| self.piece.replace("{}", &at.to_string())).collect();
        format!("{}{}{}", self.begins, pieces.join(self.between), self.ends)
    }
}

/// The plan of the largest question of a form that is let in, and how many pieces it has.
fn largest(question: &dyn Fn(usize) -> String) -> (usize, Plan) {
    let (mut within, mut beyond) = (1, CHARACTERS_MAX);
    let mut plan = admit(&question(1)).unwrap_or_else(|refusal| panic!("{}\n{refusal}", question(1)));
    while within + 1 < beyond {
        let middle = usize::midpoint(within, beyond);
        match admit(&question(middle)) {
            Ok(larger) => (within, plan) = (middle, larger),
            Err(_) => beyond = middle,
        }
    }
    (within, plan)
}

/// What is wrong with a plan's canonical text.
fn complaint(plan: &Plan) -> Option<String> {
    let characters = plan.canonical().chars().count();
    let asked = admit(plan.canonical());
    match admit_again(plan) {
        Ok(again) if again != *plan => return Some("another plan".to_owned()),
        Ok(_) => {}
        Err(refusal) => return Some(format!("refused: {refusal}")),
    }
    match asked {
        Ok(_) if characters <= CHARACTERS_MAX => None,
        Err(refusal) if characters > CHARACTERS_MAX && refusal.code == Code::TooLong => {
            let told = refusal.message.contains(&format!("this has {characters};"));
            (!told).then(|| refusal.message.clone())
        }
        other => Some(format!("{characters} characters: {other:?}")),
    }
}

#[test]
fn what_is_just_within_a_bound_is_said_again_by_its_canonical_text() {
    let (mut complaints, mut longer) = (Vec::new(), 0);
    let mut look = |name: &str, question: &dyn Fn(usize) -> String| {
        let (pieces, plan) = largest(question);
        longer += u32::from(plan.canonical().chars().count() > CHARACTERS_MAX);
        if let Some(wrong) = complaint(&plan) {
            complaints
                .push(format!("{pieces} times {name}: {}", wrong.chars().take(300).collect::<String>()));
        }
    };
    for shape in SHAPES {
        look(shape.piece, &|pieces| shape.question(pieces));
    }
    for (begins, opens, inside, closes, ends) in NESTED {
        look(opens, &|pieces| {
            format!("{begins}{}{inside}{}{ends}", opens.repeat(pieces), closes.repeat(pieces))
        });
    }
    assert_eq!(complaints, [""; 0], "{}", complaints.join("\n"));
    assert!(longer >= 10, "{longer} canonical texts are longer than a question may be");
}
