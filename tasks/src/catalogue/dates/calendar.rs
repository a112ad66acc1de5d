//! Strategies for dates. The expected values are computed with jiff.

use jiff::civil::Date;

use crate::prelude::*;
use crate::value::Value;

impl From<Date> for Value {
    fn from(date: Date) -> Self {
        Self::Str(date.to_string())
    }
}

/// Dates within four centuries, far enough from jiff's limits for additions.
pub fn dates() -> impl Strategy<Value = Date> {
    (1800_i16..2200, 1_i8..=12, 1_i8..=31).prop_map(|(year, month, day)| {
        let first = Date::constant(year, month, 1);
        Date::constant(year, month, day.min(first.days_in_month()))
    })
}

/// The last days of months and the days around the turn of the year.
pub fn last_days() -> impl Strategy<Value = Date> {
    let turn = (1800_i16..2200, 28_i8..=31).prop_map(|(year, day)| Date::constant(year, 12, day));
    let start = (1800_i16..2200, 1_i8..=4).prop_map(|(year, day)| Date::constant(year, 1, day));
    prop_oneof![2 => dates().prop_map(Date::last_of_month), 1 => turn, 1 => start]
}
