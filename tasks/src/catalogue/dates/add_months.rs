//! Add months to a date, clamped to the last day of the month.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::calendar;
use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Dates, "add_months", "Months later")
        .asks(
            "Implement a function add_months(date: str, months: int) -> str. The date is written \
             YYYY-MM-DD, in the Gregorian calendar, and exists. Return the date that is so many \
             months later, or earlier if months is negative, written the same way: the same day of \
             the month or, if that month has no such day, its last day. All dates are in the years \
             1600 to 2400.",
        )
        .solved_by(
            r#"
import calendar


def add_months(date: str, months: int) -> str:
    year, month, day = map(int, date.split("-"))
    year, month = divmod(12 * year + month - 1 + months, 12)
    day = min(day, calendar.monthrange(year, month + 1)[1])
    return f"{year:04}-{month + 1:02}-{day:02}"
"#,
        )
        .mutant("every_month_has_28_days", "calendar.monthrange(year, month + 1)[1]", "28")
        .mutant("one_month_off", "month - 1 + months", "month + months - 1 * (months > 0)")
        .mutant(
            "forgets_leap_years",
            "calendar.monthrange(year, month + 1)[1]",
            "calendar.monthrange(2001, month + 1)[1]",
        )
        .mutant("no_zeros", "{month + 1:02}", "{month + 1}")
        .wrong(
            "thirty_days_each",
            "
from datetime import date as Date, timedelta


def add_months(date, months):
    return str(Date.fromisoformat(date) + timedelta(days=30 * months))
",
        )
        .example(("2024-01-31", 1), "2024-02-29")
        .example(("2024-03-15", -3), "2023-12-15")
        .case("no_leap_year", ("1900-01-31", 1), "1900-02-28")
        .case("a_leap_year", ("2000-01-30", 1), "2000-02-29")
        .case("to_december", ("2023-10-31", 2), "2023-12-31")
        .case("none", ("2023-05-31", 0), "2023-05-31")
        .generated(
            26,
            || (calendar::dates(), -2000_i32..2000),
            |(date, months)| later(*date, *months),
        )
        .generated(
            10,
            || (calendar::last_days(), -30_i32..30),
            |(date, months)| later(*date, *months),
        )
}

fn later(date: Date, months: i32) -> String {
    date.checked_add(months.months()).expect("the years are within jiff's limits").to_string()
}
