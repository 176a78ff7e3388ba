//! Pages of long lists.

use serde::Serialize;
use utoipa::ToSchema;

/// Which page of a list this is. A page after the last one has no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Paging {
    /// The number of the page, from 1.
    page: usize,
    /// How many pages there are, at least 1.
    pages: usize,
    /// The maximum number of rows per page.
    per_page: usize,
    /// The number of rows of all pages: those that the filters let pass.
    matching: usize,
}

impl Paging {
    pub(super) fn new(page: usize, per_page: usize, matching: usize) -> Self {
        Self {
            page,
            pages: matching.div_ceil(per_page).max(1),
            per_page,
            matching,
        }
    }

    /// The rows of the page.
    pub(super) fn rows<T>(self, rows: &[T]) -> &[T] {
        let start = (self.page - 1).saturating_mul(self.per_page);
        let rest = rows.get(start..).unwrap_or_default();
        &rest[..rest.len().min(self.per_page)]
    }

    /// Whether the page is not after the last one.
    pub(super) fn exists(self) -> bool {
        self.page <= self.pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_divide_the_rows_and_those_after_the_last_are_empty() {
        let rows: Vec<_> = (0..5).collect();
        let page = |page, per_page| Paging::new(page, per_page, rows.len());
        assert_eq!(page(1, 2).rows(&rows), [0, 1]);
        assert_eq!(page(3, 2).rows(&rows), [4]);
        assert_eq!(page(2, 4).rows(&rows), [4]);
        assert_eq!(page(1, 5).rows(&rows), [0, 1, 2, 3, 4]);
        assert!(page(2, 5).rows(&rows).is_empty());
        assert!(page(usize::MAX, usize::MAX).rows(&rows).is_empty());
        assert_eq!((page(1, 5).pages, page(1, 4).pages), (1, 2));
        assert_eq!(Paging::new(1, 5, 0).pages, 1);
        assert!(page(3, 2).exists() && !page(4, 2).exists());
    }
}
