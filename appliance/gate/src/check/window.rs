//! Windows: OVER, named windows and frames.
//!
//! What must stay true: a frame's bounds are literals; a window over records of persons stays within one.

use sqlparser::ast::{Expr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType};

use super::{Checker, not_allowed, place};
use crate::names::{Name, quoted};
use crate::refusal::{Code, Place, Refusal};
use crate::scope::Scope;
use crate::term::Text;

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
        if !order_by.is_empty() {
            pieces.push(Text::between("ORDER BY ", &self.order_terms(order_by, scope, true)?, ""));
        }
        if let Some(frame) = window_frame {
            pieces.push(self.frame(frame, scope)?);
        }
        Ok(Text::join(&pieces, " "))
    }

    fn frame(&mut self, frame: &WindowFrame, scope: &Scope<'_>) -> Result<Text, Refusal> {
        let WindowFrame { units, start_bound, end_bound } = frame;
        let words = match units {
            WindowFrameUnits::Rows => "ROWS",
            WindowFrameUnits::Range => "RANGE",
            WindowFrameUnits::Groups => "GROUPS",
        };
        let start = self.bound(start_bound, scope)?;
        Ok(match end_bound {
            None => Text::between(&format!("{words} "), &start, ""),
            Some(end) => {
                let mut text = Text::between(&format!("{words} BETWEEN "), &start, " AND ");
                text.append(&self.bound(end, scope)?);
                text
            }
        })
    }

    fn bound(&mut self, bound: &WindowFrameBound, scope: &Scope<'_>) -> Result<Text, Refusal> {
        let (distance, words) = match bound {
            WindowFrameBound::CurrentRow => return Ok(Text::same("CURRENT ROW")),
            WindowFrameBound::Preceding(distance) => (distance, " PRECEDING"),
            WindowFrameBound::Following(distance) => (distance, " FOLLOWING"),
        };
        match distance.as_deref() {
            None => Ok(Text::same(format!("UNBOUNDED{words}"))),
            Some(distance @ (Expr::Value(_) | Expr::Interval(_))) => {
                Ok(Text::between("", &self.value(distance, scope)?.text, words))
            }
            Some(other) => Err(not_allowed(
                "a frame's bound is a number or an interval, as in 3 PRECEDING",
                place(other),
            )),
        }
    }
}

fn named(name: &Name, scope: &Scope<'_>) -> Result<Text, Refusal> {
    if !scope.windows.contains(&name.folded) {
        let message = format!("no WINDOW is called {}; define it after HAVING", name.folded);
        return Err(Refusal::new(Code::UnknownColumn, message, name.place));
    }
    Ok(Text::new(name.canonical.clone(), quoted(&name.folded)))
}
