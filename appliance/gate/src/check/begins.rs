//! Where a part of the question begins.
//!
//! What must stay true: finding a place takes one loop along the leftmost branch, never a recursion; the parser's
//! own spans recurse with large frames.

use sqlparser::ast::{
    Array, Expr, ObjectName, ObjectNamePart, Query, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    TableFactor, TableWithJoins, With,
};

use crate::refusal::Place;

/// A part of the parser's tree.
pub(super) trait Begins {
    /// Where it begins in the text, if the parser kept it.
    fn begins(&self) -> Option<Place>;
}

impl Begins for Expr {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other forms have no place of their own")]
    fn begins(&self) -> Option<Place> {
        let mut expr = self;
        loop {
            expr = match expr {
                Self::Identifier(ident) => return Place::of(ident.span),
                Self::CompoundIdentifier(idents) => {
                    return idents.first().and_then(|ident| Place::of(ident.span));
                }
                Self::Value(value) => return Place::of(value.span),
                Self::TypedString(typed) => return Place::of(typed.value.span),
                Self::Function(function) => return function.name.begins(),
                Self::Case { case_token, .. } => return Place::of(case_token.0.span),
                Self::Subquery(query) | Self::Exists { subquery: query, .. } => return query.begins(),
                Self::Array(array) => return array.begins(),
                Self::Interval(interval) => &interval.value,
                Self::Tuple(parts) => parts.first()?,
                Self::BinaryOp { left, .. } | Self::AnyOp { left, .. } | Self::AllOp { left, .. } => left,
                Self::CompoundFieldAccess { root, .. } => root,
                Self::AtTimeZone { timestamp, .. } => timestamp,
                Self::IsFalse(inner)
                | Self::IsNotFalse(inner)
                | Self::IsTrue(inner)
                | Self::IsNotTrue(inner)
                | Self::IsNull(inner)
                | Self::IsNotNull(inner)
                | Self::IsUnknown(inner)
                | Self::IsNotUnknown(inner)
                | Self::IsDistinctFrom(inner, _)
                | Self::IsNotDistinctFrom(inner, _)
                | Self::Nested(inner)
                | Self::UnaryOp { expr: inner, .. }
                | Self::Cast { expr: inner, .. }
                | Self::In { expr: inner, .. }
                | Self::Between { expr: inner, .. }
                | Self::Like { expr: inner, .. }
                | Self::ILike { expr: inner, .. }
                | Self::SimilarTo { expr: inner, .. }
                | Self::Extract { expr: inner, .. }
                | Self::Ceil { expr: inner, .. }
                | Self::Floor { expr: inner, .. }
                | Self::Position { expr: inner, .. }
                | Self::Substring { expr: inner, .. }
                | Self::Trim { expr: inner, .. }
                | Self::Collate { expr: inner, .. } => inner,
                _ => return None,
            };
        }
    }
}

impl Begins for Query {
    fn begins(&self) -> Option<Place> {
        let mut query = self;
        loop {
            if let Some(with) = &query.with {
                return with.begins();
            }
            let body = leftmost(&query.body);
            let SetExpr::Query(inner) = body else { return body.begins() };
            query = inner;
        }
    }
}

impl Begins for SetExpr {
    fn begins(&self) -> Option<Place> {
        match leftmost(self) {
            Self::Select(select) => Place::of(select.select_token.0.span),
            Self::Query(query) => query.begins(),
            // The parser does not keep the word VALUES.
            Self::Values(values) => Place::of(values.rows.first()?.opening_token.0.span),
            Self::SetOperation { .. }
            | Self::Insert(_)
            | Self::Update(_)
            | Self::Delete(_)
            | Self::Merge(_)
            | Self::Table(_) => None,
        }
    }
}

fn leftmost(mut body: &SetExpr) -> &SetExpr {
    while let SetExpr::SetOperation { left, .. } = body {
        body = left;
    }
    body
}

impl Begins for With {
    fn begins(&self) -> Option<Place> {
        Place::of(self.with_token.0.span)
    }
}

impl Begins for Array {
    fn begins(&self) -> Option<Place> {
        self.elem.first().and_then(Begins::begins)
    }
}

impl Begins for ObjectName {
    fn begins(&self) -> Option<Place> {
        match self.0.first()? {
            ObjectNamePart::Identifier(ident) => Place::of(ident.span),
            ObjectNamePart::Function(_) => None,
        }
    }
}

impl Begins for SelectItem {
    fn begins(&self) -> Option<Place> {
        match self {
            Self::UnnamedExpr(expr)
            | Self::ExprWithAlias { expr, .. }
            | Self::ExprWithAliases { expr, .. }
            | Self::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(expr), _) => expr.begins(),
            Self::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => name.begins(),
            Self::Wildcard(options) => Place::of(options.wildcard_token.0.span),
        }
    }
}

impl Begins for TableWithJoins {
    fn begins(&self) -> Option<Place> {
        self.relation.begins()
    }
}

impl Begins for TableFactor {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other forms have no place of their own")]
    fn begins(&self) -> Option<Place> {
        let mut factor = self;
        loop {
            match factor {
                Self::Table { name, .. } | Self::Function { name, .. } => return name.begins(),
                Self::Derived { subquery, .. } => return subquery.begins(),
                Self::UNNEST { array_exprs, .. } => return array_exprs.first().and_then(Begins::begins),
                Self::NestedJoin { table_with_joins, .. } => factor = &table_with_joins.relation,
                _ => return None,
            }
        }
    }
}
