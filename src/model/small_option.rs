//! Optional numbers that take no more memory than the numbers.

use std::fmt;

/// An optional number in the size of the number: the least number stands for `None`.
///
/// No time of the API is that number, since dates end long before it. A count can only be that number if the server is
/// broken; it is kept as the next one, so it is still visible that it is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SmallOption<T>(T);

/// An integer that a [`SmallOption`] can hold.
pub trait Integer: Copy + Eq {
    /// The least number, which stands for `None`.
    const LEAST: Self;

    /// The number after the least one.
    const SECOND: Self;
}

// === impl Integer ===

impl Integer for i32 {
    const LEAST: Self = Self::MIN;
    const SECOND: Self = Self::MIN + 1;
}

impl Integer for i64 {
    const LEAST: Self = Self::MIN;
    const SECOND: Self = Self::MIN + 1;
}

// === impl SmallOption ===

impl<T: Integer> SmallOption<T> {
    /// No number.
    pub const NONE: Self = Self(T::LEAST);

    /// The number.
    #[inline]
    #[must_use]
    pub fn get(self) -> Option<T> {
        (self.0 != T::LEAST).then_some(self.0)
    }
}

impl<T: Integer> Default for SmallOption<T> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<T: Integer> From<Option<T>> for SmallOption<T> {
    fn from(number: Option<T>) -> Self {
        match number {
            None => Self::NONE,
            Some(least) if least == T::LEAST => Self(T::SECOND),
            Some(number) => Self(number),
        }
    }
}

impl<T: Integer + fmt::Debug> fmt::Debug for SmallOption<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_but_the_least_is_kept() {
        for number in [i64::MIN + 1, -1, 0, 1, i64::MAX] {
            assert_eq!(SmallOption::from(Some(number)).get(), Some(number));
        }
        for number in [i32::MIN + 1, -1, 0, 1, i32::MAX] {
            assert_eq!(SmallOption::from(Some(number)).get(), Some(number));
        }
        assert_eq!(SmallOption::from(None::<i64>).get(), None);
        assert_eq!(SmallOption::<i32>::default().get(), None);
    }

    #[test]
    fn the_least_number_is_not_taken_for_an_absent_one() {
        let (time, count) = (Some(i64::MIN).into(), Some(i32::MIN).into());
        assert_eq!(SmallOption::<i64>::get(time), Some(i64::MIN + 1));
        assert_eq!(SmallOption::<i32>::get(count), Some(i32::MIN + 1));
    }
}
