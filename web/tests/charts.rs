//! Charts: golden drawings, and what holds for any counts and labels.

use flip_web::{
    Page,
    chart::{
        BARS_MAX, Bar, Category, Chart, Column, Marks, NumberLine, PANELS_MAX, Panel, Summary, bars, columns,
    },
    pages::Query,
};

#[test]
fn drawings_are_as_they_were() {
    let beside = chart(
        &["Northmoor", "Saltmarsh"],
        &[("0-9", vec![Bar::Withheld, Bar::Absent]), ("10-19", vec![Bar::Count(24), Bar::Count(1_150)])],
    );
    let above = chart(&["Northmoor"], &[("condition_concept_id & \"friends\"", vec![Bar::Count(0)])]);
    assert_golden("beside.svg", include_str!("golden/beside.svg"), &bars(&beside));
    assert_golden("above.svg", include_str!("golden/above.svg"), &bars(&above));
    let line = number_line(&[
        (None, Some(10.0), Bar::Withheld),
        (Some(10.0), Some(20.0), Bar::Count(24)),
        (Some(20.0), Some(40.0), Bar::Count(1_150)),
    ]);
    assert_golden("columns.svg", include_str!("golden/columns.svg"), &columns(&line));
}

/// With `FLIP_WEB_GOLDEN=write` in the environment, the file is written instead.
fn assert_golden(name: &str, golden: &str, drawn: &str) {
    if std::env::var("FLIP_WEB_GOLDEN").is_ok_and(|mode| mode == "write") {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        std::fs::write(folder.join(name), format!("{drawn}\n")).expect("the folder is there");
    } else {
        assert_eq!(golden.trim_end(), drawn, "{name}");
    }
}

#[test]
fn any_counts_make_finite_numbers_within_the_drawing() {
    let sizes = [0, 1, 9, 10, 999, 1_000_000, u64::from(u32::MAX), u64::MAX - 1, u64::MAX];
    for first in sizes {
        for second in sizes {
            for series in [1, 2, 8, 9, 40] {
                let names: Vec<_> = (0..series).map(|index| format!("Trust {index}")).collect();
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                let cells = vec![Bar::Count(first), Bar::Count(second), Bar::Withheld];
                check(&bars(&chart(&names, &[("a", cells.clone()), ("a longer label than fits", cells)])));
            }
        }
    }
}

#[test]
fn a_chart_without_categories_or_series_is_still_a_chart() {
    check(&bars(&chart(&[], &[])));
    check(&bars(&chart(&["T"], &[])));
    check(&bars(&chart(&[], &[("a", vec![Bar::Count(3)])])));
    assert!(bars(&chart(&["T"], &[])).contains("There is no count to show"));
}

#[test]
fn hostile_labels_are_escaped_everywhere() {
    let hostile = "</title></svg><script>alert('\"&\u{0}')</script>";
    let mut chart = chart(&[hostile], &[(hostile, vec![Bar::Count(1)]), (hostile, vec![Bar::Withheld])]);
    (chart.title, chart.unit, chart.id) = (hostile.to_owned(), hostile.to_owned(), hostile.to_owned());
    let svg = bars(&chart);
    check(&svg);
    assert!(!svg.contains("<script") && !svg.contains('\u{0}'), "{svg}");
    assert_eq!(svg.matches("</svg>").count(), 1);
    assert!(svg.contains("id=\"titlesvgscriptalertscript-title\""), "{svg}");
}

#[test]
fn a_withheld_or_unreported_cell_is_no_count() {
    let svg =
        bars(&chart(&["T", "U"], &[("a", vec![Bar::Withheld]), ("b", vec![Bar::Count(7), Bar::Count(8)])]));
    assert!(svg.contains("a, T: withheld") && svg.contains("a, U: not reported"), "{svg}");
    assert_eq!(svg.matches("class=\"bar ").count(), 2, "only counts are bars");
    assert!(!svg.contains(">0</text></g>"), "{svg}");
}

#[test]
fn a_long_label_is_cut_and_its_whole_text_kept() {
    let long = "a_column_with_a_very_long_name_".repeat(8);
    let svg = bars(&chart(&["T"], &[(&long, vec![Bar::Count(1)])]));
    assert!(svg.contains(&format!("<title>{long}</title>")) && svg.contains('…'));
    assert!(svg.contains(&format!(">{}…</text>", &long[..43])), "{svg}");
}

#[test]
fn many_categories_are_cut_and_the_rest_is_announced() {
    let labels: Vec<_> = (0..500).map(|index| format!("c{index}")).collect();
    let cells: Vec<_> =
        labels.iter().map(|label| (label.as_str(), vec![Bar::Count(5), Bar::Count(6)])).collect();
    let svg = bars(&chart(&["T", "U"], &cells));
    check(&svg);
    assert_eq!(svg.matches("class=\"bar ").count(), BARS_MAX);
    assert!(svg.contains("and 440 more categories in the table"));
}

#[test]
fn more_series_than_colours_are_named_at_their_bars() {
    let names: Vec<_> = (0..9).map(|index| format!("Trust number {index}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let many = chart(&names, &[("a", vec![Bar::Count(3); 9])]);
    assert!(many.labelled_directly());
    let svg = bars(&many);
    assert!(names.iter().all(|name| svg.contains(&format!("3 · {name}</text>"))), "{svg}");
    assert!(!svg.contains("bar s1"));
}

#[test]
fn any_number_line_makes_finite_numbers_within_the_drawing() {
    let ends = [f64::MIN, -1e9, -1.0, 0.0, 1e-300, 1.0, 1e9, f64::MAX, f64::INFINITY, f64::NAN];
    for from in ends {
        for to in ends {
            for bar in [Bar::Count(0), Bar::Count(u64::MAX), Bar::Withheld, Bar::Absent] {
                let mut line = number_line(&[
                    (None, Some(from), bar),
                    (Some(from), Some(to), bar),
                    (Some(to), None, bar),
                ]);
                line.panels[0].summary = Some(Summary { mean: from, spread: to });
                for marks in [Marks::Edges, Marks::Middles] {
                    check(&columns(&NumberLine { marks, ..line.clone() }));
                }
            }
        }
    }
    check(&columns(&number_line(&[])));
    check(&columns(&number_line(&[(None, None, Bar::Count(3))])));
    check(&columns(&NumberLine { panels: Vec::new(), ..number_line(&[]) }));
}

#[test]
fn a_wide_column_is_as_low_as_its_area_asks() {
    let line =
        number_line(&[(Some(0.0), Some(10.0), Bar::Count(100)), (Some(10.0), Some(30.0), Bar::Count(100))]);
    let svg = columns(&line);
    let heights: Vec<f64> = svg
        .split("class=\"bin ")
        .skip(1)
        .map(|bin| bin.split("height=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
        .collect();
    assert!((heights[0] - 2.0 * heights[1]).abs() < 0.2, "{heights:?}");
}

#[test]
fn a_number_line_hides_nothing_and_escapes_everything() {
    let hostile = "</title></svg><script>alert(1)</script>";
    let mut line =
        number_line(&[(Some(0.0), Some(1.0), Bar::Count(7)), (Some(1.0), Some(2.0), Bar::Withheld)]);
    (line.title, line.unit, line.id) = (hostile.to_owned(), hostile.to_owned(), hostile.to_owned());
    let panel = &mut line.panels[0];
    (panel.series, panel.beside) = (hostile.to_owned(), Some(hostile.to_owned()));
    panel.columns[0].label = hostile.to_owned();
    line.panels = vec![line.panels[0].clone(); PANELS_MAX + 3];
    let svg = columns(&line);
    check(&svg);
    assert!(!svg.contains("<script") && svg.matches("</svg>").count() == 1, "{svg}");
    assert_eq!(svg.matches("class=\"bin ").count(), PANELS_MAX, "a withheld bin is no count");
    assert!(svg.contains("withheld</title>") && svg.contains("and 3 more in the table"), "{svg}");
}

fn number_line(sides: &[(Option<f64>, Option<f64>, Bar)]) -> NumberLine {
    let column = |(from, to, bar): &(Option<f64>, Option<f64>, Bar)| Column {
        label: "a bin".to_owned(),
        from: *from,
        to: *to,
        bar: *bar,
    };
    NumberLine {
        id: "c".to_owned(),
        title: "Title".to_owned(),
        unit: "persons".to_owned(),
        marks: Marks::Edges,
        panels: vec![Panel {
            series: "Northmoor".to_owned(),
            columns: sides.iter().map(column).collect(),
            summary: Some(Summary { mean: 21.5, spread: 4.25 }),
            beside: None,
        }],
    }
}

#[test]
fn the_samples_are_drawn_too() {
    for field in Query::samples().into_iter().flat_map(|query| query.fields) {
        check(&bars(&field.chart));
        field.line.iter().for_each(|line| check(&columns(line)));
    }
}

fn chart(series: &[&str], categories: &[(&str, Vec<Bar>)]) -> Chart {
    Chart {
        id: "c".to_owned(),
        title: "Title".to_owned(),
        unit: "persons".to_owned(),
        series: series.iter().map(|&name| name.to_owned()).collect(),
        categories: categories
            .iter()
            .map(|(label, bars)| Category { label: (*label).to_owned(), bars: bars.clone() })
            .collect(),
    }
}

/// What holds for every drawing: finite coordinates, shares within the width, no inline style, a name.
fn check(svg: &str) {
    assert!(svg.starts_with("<svg class=\"chart\"") && svg.ends_with("</svg>"), "{svg}");
    assert!(svg.contains("role=\"img\"") && svg.contains("<title id=") && svg.contains("<desc id="), "{svg}");
    assert!(!svg.contains("style=") && !svg.contains("NaN") && !svg.contains("=\"inf"), "{svg}");
    for attribute in ["x", "x1", "x2", "y", "y1", "y2", "width", "height"] {
        let marker = format!(" {attribute}=\"");
        for value in svg.split(marker.as_str()).skip(1).filter_map(|rest| rest.split('"').next()) {
            let number: f64 =
                value.trim_end_matches('%').parse().unwrap_or_else(|_| panic!("{attribute}={value}"));
            assert!(number.is_finite(), "{attribute}={value}");
            assert!(!value.ends_with('%') || (0.0..=100.0).contains(&number), "{attribute}={value}");
        }
    }
}
