//! Where a list of the console goes on, and in which order.

use std::fmt::Display;
use std::str::FromStr;

use flip_web::pages::{Pager, SortHead, SortHeads, Sorted};
use serde::Deserialize;

use crate::sorting::{Column, Sorting};

/// The place after which a list is shown, as its links say it.
#[derive(Deserialize)]
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
        next_href: next.map(|next| format!("{path}{mark}after={next}")),
    }
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
    fn what_is_no_place_is_the_beginning() {
        let since = |after: &str| Since { after: after.to_owned() };
        assert_eq!((since("7").place(), since("x").place::<u64>()), (Some(7), None));
    }
}
