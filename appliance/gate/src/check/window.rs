//! Windows: OVER, named windows and frames.
//!
//! What must stay true: a frame's bounds are literals, and adding them to a key cannot fail; a window over records of persons stays within one.

use sqlparser::ast::{
    Expr, OrderByExpr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use super::types::double;
use super::{Checker, not_allowed, place};
use crate::bounds::COPY_BYTES_MAX;
use crate::names::{Name, quoted};
use crate::refusal::{Code, Place, Refusal};
use crate::scope::Scope;
use crate::term::{Text, Type};

impl Checker {
    /// What follows OVER.
    pub(super) fn over(
        &mut self,
        window: &WindowType,
        scope: &Scope<'_>,
        at: Option<Place>,
    ) -> Result<Text, Refusal> {
        match window {
            WindowType::WindowSpec(spec) => Ok(Text::between("(", &self.window_spec(spec, scope, at)?, ")")),
            WindowType::NamedWindow(ident) => named(&Name::of(ident)?, scope),
        }
    }

    /// A window between its brackets.
    pub(super) fn window_spec(
        &mut self,
        spec: &WindowSpec,
        scope: &Scope<'_>,
        at: Option<Place>,
    ) -> Result<Text, Refusal> {
        let WindowSpec { window_name, partition_by, order_by, window_frame } = spec;
        let mut pieces = Vec::new();
        // A window that builds upon another keeps its partitions.
        let mut apart = window_name.is_some();
        if let Some(ident) = window_name {
            pieces.push(named(&Name::of(ident)?, scope)?);
        }
        if !partition_by.is_empty() {
            let mut keys = Vec::new();
            for key in partition_by {
                let term = self.expression(key, scope)?;
                apart |= self.owned(term.lineage, &term.sources).keeps_apart();
                keys.push(term.text);
            }
            pieces.push(Text::between("PARTITION BY ", &Text::join(&keys, ", "), ""));
        }
        if !apart {
            self.reading().mixes(
                "this window reaches over several persons; write PARTITION BY person_id, from a table whose row is \
                 always there",
                at,
            );
        }
        if window_frame.as_ref().is_some_and(measures) {
            pieces.push(self.measured_order(order_by, window_frame.as_ref(), scope, at)?);
        } else if !order_by.is_empty() {
            pieces.push(Text::between("ORDER BY ", &self.order_terms(order_by, scope, true)?, ""));
        }
        if let Some(frame) = window_frame {
            pieces.push(self.frame(frame, scope)?);
        }
        Ok(Text::join(&pieces, " "))
    }

    /// The ORDER BY of a frame that reaches by a distance in values. The engine adds the distance to each key, so a
    /// key is a double, which does not overflow, or a date of the years 1 to 9999.
    fn measured_order(
        &mut self,
        order_by: &[OrderByExpr],
        frame: Option<&WindowFrame>,
        scope: &Scope<'_>,
        at: Option<Place>,
    ) -> Result<Text, Refusal> {
        let [key] = order_by else {
            return Err(not_allowed(
                "RANGE with a distance needs one key: ORDER BY x between the same brackets",
                at,
            ));
        };
        let (expr, direction) = super::order::parts(key)?;
        let term = self.value(expr, scope)?;
        let bounds = frame.into_iter().flat_map(|frame| distances(frame).into_iter().flatten());
        let intervals = bounds.filter(|bound| matches!(bound, Expr::Interval(_))).count() > 0;
        let engine = &term.text.engine;
        let is_day = matches!(term.kind, Type::Date | Type::Timestamp);
        let engine = if term.kind.is_number() && !intervals {
            double(&term)?
        } else if is_day && intervals && engine.len() <= COPY_BYTES_MAX {
            format!("CASE WHEN {engine} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN {engine} END")
        } else {
            return Err(not_allowed(
                "RANGE with a distance: over numbers write a number, over dates an INTERVAL",
                at,
            ));
        };
        Ok(Text::new(
            format!("ORDER BY {}{direction}", term.text.canonical),
            format!("ORDER BY {engine}{direction}"),
        ))
    }

    fn frame(&mut self, frame: &WindowFrame, scope: &Scope<'_>) -> Result<Text, Refusal> {
        let WindowFrame { units, start_bound, end_bound } = frame;
        let words = match units {
            WindowFrameUnits::Rows => "ROWS",
            WindowFrameUnits::Range => "RANGE",
            WindowFrameUnits::Groups => "GROUPS",
        };
        let start = self.bound(start_bound, *units, scope)?;
        Ok(match end_bound {
            None => Text::between(&format!("{words} "), &start, ""),
            Some(end) => {
                let mut text = Text::between(&format!("{words} BETWEEN "), &start, " AND ");
                text.append(&self.bound(end, *units, scope)?);
                text
            }
        })
    }

    fn bound(
        &mut self,
        bound: &WindowFrameBound,
        units: WindowFrameUnits,
        scope: &Scope<'_>,
    ) -> Result<Text, Refusal> {
        let (distance, words) = match bound {
            WindowFrameBound::CurrentRow => return Ok(Text::same("CURRENT ROW")),
            WindowFrameBound::Preceding(distance) => (distance, " PRECEDING"),
            WindowFrameBound::Following(distance) => (distance, " FOLLOWING"),
        };
        match distance.as_deref() {
            None => Ok(Text::same(format!("UNBOUNDED{words}"))),
            Some(distance @ Expr::Value(_)) if matches!(units, WindowFrameUnits::Range) => {
                let term = self.value(distance, scope)?;
                let text = Text::new(term.text.canonical.clone(), double(&term)?);
                Ok(Text::between("", &text, words))
            }
            Some(distance @ Expr::Value(_)) if super::literal::whole_number(distance).is_some() => {
                Ok(Text::between("", &self.value(distance, scope)?.text, words))
            }
            Some(distance @ Expr::Interval(_)) if matches!(units, WindowFrameUnits::Range) => {
                let text = self.value(distance, scope)?.text;
                if text.engine.contains('-') {
                    return Err(not_allowed("a frame's distance is not negative", place(distance)));
                }
                Ok(Text::between("", &text, words))
            }
            Some(other) => Err(not_allowed(
                "a frame's bound takes a whole number or an interval: write 3 PRECEDING",
                place(other),
            )),
        }
    }
}

/// The distances of a frame's bounds.
fn distances(frame: &WindowFrame) -> [Option<&Expr>; 2] {
    fn distance(bound: &WindowFrameBound) -> Option<&Expr> {
        match bound {
            WindowFrameBound::Preceding(distance) | WindowFrameBound::Following(distance) => {
                distance.as_deref()
            }
            WindowFrameBound::CurrentRow => None,
        }
    }
    [distance(&frame.start_bound), frame.end_bound.as_ref().and_then(distance)]
}

/// True of a frame that reaches by a distance in values.
fn measures(frame: &WindowFrame) -> bool {
    matches!(frame.units, WindowFrameUnits::Range) && distances(frame).iter().any(Option::is_some)
}

fn named(name: &Name, scope: &Scope<'_>) -> Result<Text, Refusal> {
    if !scope.windows.contains(&name.folded) {
        let message = format!("no WINDOW is called {}; define it after HAVING", name.folded);
        return Err(Refusal::new(Code::UnknownColumn, message, name.place));
    }
    Ok(Text::new(name.canonical.clone(), quoted(&name.folded)))
}
