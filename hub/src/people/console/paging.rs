//! Where a list of the console goes on, and in which order.

use std::fmt::Display;
use std::str::FromStr;

use flip_web::pages::{Pager, SortHead, SortHeads, Sorted};
use serde::Deserialize;

use crate::sorting::{Column, Sorting};
use crate::uri::escaped;

/// The place after which a list is shown, as its links say it.
#[derive(Default, Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    after: String,
}

impl Since {
    /// The place; `None` is the list's beginning, also where what somebody typed is no place.
    pub(super) fn place<P: FromStr>(&self) -> Option<P> {
        self.after.parse().ok()
    }
}

/// The links of the list at a path: to its beginning where it is not shown from there, and on where there is more.
pub(super) fn pager(path: &str, is_first: bool, next: Option<impl Display>) -> Pager {
    let mark = if path.contains('?') { '&' } else { '?' };
    Pager {
        first_href: (!is_first).then(|| path.to_owned()),
        next_href: next.map(|next| format!("{path}{mark}after={}", escaped(&next.to_string()))),
    }
}

/// The path of a list with what it is narrowed to; what is empty narrows nothing.
pub(super) fn narrowed(path: &str, to: &[(&str, String)]) -> String {
    let to = to.iter().filter(|(_, value)| !value.is_empty());
    let query = to.map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&");
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The heads of a list's columns; `href` gives the path of the list in an order.
pub(super) fn heads<C: Column>(sorting: Sorting<C>, href: impl Fn(&str) -> String) -> SortHeads {
    let each = C::ALL.iter().map(|(name, column, _)| {
        let way = if sorting.down { Sorted::Descending } else { Sorted::Ascending };
        let sorted = (sorting.by == *column).then_some(way);
        ((*name).to_owned(), SortHead { href: href(&sorting.clicked(*column).to_string()), sorted })
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_links_to_its_beginning_and_to_what_follows() {
        let none = None::<u64>;
        assert_eq!(pager("/people/mail", true, none), Pager::default());
        let middle = pager("/queries?project=1", false, Some(7));
        assert_eq!(middle.first_href.as_deref(), Some("/queries?project=1"));
        assert_eq!(middle.next_href.as_deref(), Some("/queries?project=1&after=7"));
        assert_eq!(pager("/decisions", true, Some(7)).next_href.as_deref(), Some("/decisions?after=7"));
    }

    #[test]
    fn what_a_list_is_narrowed_to_is_in_its_path_escaped_and_nothing_else() {
        let path = |project: &str, search: &str| {
            narrowed("/queries", &[("project", project.to_owned()), ("search", search.to_owned())])
        };
        assert_eq!(path("", ""), "/queries");
        assert_eq!(path("7", "a b&c"), "/queries?project=7&search=a%20b%26c");
        assert_eq!(path("", "100%"), "/queries?search=100%25");
    }

    #[test]
    fn what_is_no_place_is_the_beginning() {
        let since = |after: &str| Since { after: after.to_owned() };
        assert_eq!((since("7").place(), since("x").place::<u64>()), (Some(7), None));
    }
}
