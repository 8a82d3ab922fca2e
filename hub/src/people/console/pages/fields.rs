//! Statistics as charts.

use flip_protocol::answer::Shape;
use flip_web::chart::{Bar, Category, Chart, Column, Marks, NumberLine, Panel, Summary};
use flip_web::pages as web;
use flip_web::thousands;

use crate::combine::{CombinedField, Series, SeriesCell, ends};

/// A statistic as the query's page shows it.
pub fn of(number: usize, field: &CombinedField) -> web::Field {
    let categories = field.labels.iter().enumerate().map(|(index, label)| Category {
        label: label.clone(),
        bars: field.series.iter().map(|series| bar(series, index)).collect(),
    });
    let chart = Chart {
        id: format!("field-{number}"),
        title: field.name.clone(),
        unit: field.unit.name().to_owned(),
        series: field.series.iter().map(|series| series.trust_name.clone()).collect(),
        categories: categories.collect(),
    };
    web::Field {
        line: marks(field).map(|marks| line(field, &chart, marks)),
        chart,
        margins: field.series.iter().map(|series| series.margin).collect(),
        summaries: field.series.iter().map(summary).collect(),
        folded: field.series.iter().any(|series| series.folded),
        nothing: !field
            .series
            .iter()
            .flat_map(|series| &series.cells)
            .any(|cell| matches!(cell, SeriesCell::Count(_))),
    }
}

fn bar(series: &Series, index: usize) -> Bar {
    match series.cells.get(index) {
        Some(SeriesCell::Count(count)) => Bar::Count(*count),
        Some(SeriesCell::Withheld) => Bar::Withheld,
        Some(SeriesCell::Absent) | None => Bar::Absent,
    }
}

fn summary(series: &Series) -> Option<Summary> {
    series.summary.map(|own| Summary { mean: own.mean.value(), spread: own.spread.value() })
}

/// How a statistic lies on the number line; `None` where it does not.
fn marks(field: &CombinedField) -> Option<Marks> {
    match field.shape {
        Shape::Histogram => Some(Marks::Edges),
        Shape::Groups if field.labels.iter().any(|label| year(label).is_some()) => Some(Marks::Middles),
        Shape::Groups | Shape::TopValues => None,
    }
}

fn year(label: &str) -> Option<f64> {
    let digits = label.len() == 4 && label.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| label.parse().ok()).flatten()
}

fn line(field: &CombinedField, chart: &Chart, marks: Marks) -> NumberLine {
    let panels = field.series.iter().map(|series| {
        let bars = || field.labels.iter().enumerate().map(|(index, label)| (label, bar(series, index)));
        let placed = |label: &str| side(marks, label).is_some();
        let beside = bars().filter(|(label, _)| !placed(label)).filter_map(|(label, bar)| match bar {
            Bar::Count(count) => Some(format!("{label}: {}", thousands(count))),
            Bar::Withheld => Some(format!("{label}: withheld")),
            Bar::Absent => None,
        });
        let beside = beside.collect::<Vec<_>>().join(", ");
        Panel {
            series: series.trust_name.clone(),
            columns: bars()
                .filter_map(|(label, bar)| {
                    let (from, to) = side(marks, label)?;
                    Some(Column { label: label.clone(), from, to, bar })
                })
                .filter(|column| column.bar != Bar::Absent)
                .collect(),
            summary: summary(series),
            beside: (!beside.is_empty()).then_some(beside),
        }
    });
    NumberLine {
        id: chart.id.clone(),
        title: chart.title.clone(),
        unit: chart.unit.clone(),
        marks,
        panels: panels.collect(),
    }
}

/// Where a label lies on the number line: begin and end, each `None` where it is open.
fn side(marks: Marks, label: &str) -> Option<(Option<f64>, Option<f64>)> {
    match marks {
        Marks::Middles => year(label).map(|year| (Some(year), Some(year + 1.0))),
        Marks::Edges => {
            let (from, to) = ends(label);
            let finite = |end: f64| end.is_finite().then_some(end);
            (finite(from).is_some() || finite(to).is_some()).then(|| (finite(from), finite(to)))
        }
    }
}

#[cfg(test)]
mod tests {
    use flip_protocol::answer::Unit;

    use super::*;

    fn field(shape: Shape, labels: &[&str]) -> CombinedField {
        let series = Series {
            trust_name: "North".to_owned(),
            cells: labels.iter().map(|_| SeriesCell::Count(20)).collect(),
            folded: false,
            margin: Some(15),
            summary: None,
        };
        CombinedField {
            name: "F".to_owned(),
            unit: Unit::Persons,
            shape,
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            series: vec![series],
        }
    }

    #[test]
    fn bins_lie_where_their_labels_say() {
        let drawn = of(0, &field(Shape::Histogram, &["below 10", "10 to 20.5", "20.5 and more", "Other"]));
        let panel = drawn.line.unwrap().panels.remove(0);
        let sides: Vec<_> = panel.columns.iter().map(|column| (column.from, column.to)).collect();
        assert_eq!(sides, [(None, Some(10.0)), (Some(10.0), Some(20.5)), (Some(20.5), None)]);
        assert_eq!(panel.beside.as_deref(), Some("Other: 20"));
        assert_eq!(drawn.chart.categories.len(), 4, "the numbers beside the chart are all there");
    }

    #[test]
    fn a_statistic_without_a_count_is_not_drawn() {
        let mut all = field(Shape::TopValues, &["2019"]);
        assert!(!of(0, &all).nothing);
        all.series[0].cells[0] = SeriesCell::Withheld;
        assert!(of(0, &all).nothing && of(0, &field(Shape::TopValues, &[])).nothing);
    }

    #[test]
    fn years_are_columns_and_ages_and_top_values_are_bars() {
        assert_eq!(
            of(0, &field(Shape::Groups, &["2019", "2020", "Other"])).line.unwrap().marks,
            Marks::Middles
        );
        assert_eq!(of(0, &field(Shape::Groups, &["0-9", "90+"])).line, None);
        assert_eq!(of(0, &field(Shape::TopValues, &["2019"])).line, None);
    }
}
