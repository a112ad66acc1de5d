//! Count the working days between two dates.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

use super::calendar;
use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Dates, "working_days", "Working days")
        .asks(
            "Implement a function working_days(first: str, last: str, holidays: list[str]) -> int \
             that returns how many of the days from first to last, both included, are from Monday \
             to Friday and no holidays. Dates are written YYYY-MM-DD and exist, in the Gregorian \
             calendar. Holidays may repeat, be on a weekend or lie outside. If last is before \
             first, the answer is 0. The dates may be 500 years apart.",
        )
        .solved_by(
            r"
from datetime import date as Date, timedelta


def working_days(first: str, last: str, holidays: list[str]) -> int:
    start, end = Date.fromisoformat(first), Date.fromisoformat(last)
    days = max(0, (end - start).days + 1)
    weeks, rest = divmod(days, 7)
    count = 5 * weeks
    count += sum((start + timedelta(days=i)).weekday() < 5 for i in range(rest))
    free = {Date.fromisoformat(day) for day in holidays}
    return count - sum(start <= day <= end and day.weekday() < 5 for day in free)
",
        )
        .mutant("leaves_out_the_last_day", ".days + 1)", ".days)")
        .mutant(
            "holidays_count_twice",
            "{Date.fromisoformat(day) for day in holidays}",
            "[Date.fromisoformat(day) for day in holidays]",
        )
        .mutant("weekend_holidays_count", " and day.weekday() < 5 for", " for")
        .mutant("holidays_outside_count", "start <= day <= end and ", "")
        .mutant("works_on_saturdays", "weekday() < 5 for i", "weekday() < 6 for i")
        .example(("2024-05-01", "2024-05-07", vec!["2024-05-01"]), 4)
        .case("one_day", ("2024-05-03", "2024-05-03", none()), 1)
        .case("one_free_day", ("2024-05-04", "2024-05-04", none()), 0)
        .case("backwards", ("2024-05-07", "2024-05-01", vec!["2024-05-03"]), 0)
        .case("twice", ("2024-05-06", "2024-05-10", vec!["2024-05-08", "2024-05-08"]), 4)
        .generated(32, || spans(9..90), |(first, last, holidays)| count(*first, *last, holidays))
        .generated(
            4,
            || spans(1000..130_000),
            |(first, last, holidays)| count(*first, *last, holidays),
        )
}

fn none() -> Vec<String> {
    Vec::new()
}

/// Two dates and holidays near the first one, including weekends, repeats and dates outside the range.
fn spans(days: std::ops::Range<i64>) -> impl Strategy<Value = (Date, Date, Vec<Date>)> {
    let near = collection::vec(-20_i64..70, 4..12);
    (calendar::dates(), days, near).prop_map(|(first, days, mut near)| {
        near.push(near[0]);
        near.extend(0..7);
        near.push(-1);
        let later =
            |days: i64| first.checked_add(days.days()).expect("jiff covers years up to 9999");
        (first, later(days), near.into_iter().map(later).collect())
    })
}

fn count(first: Date, last: Date, holidays: &[Date]) -> usize {
    let weekend = |day: &Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let days = first.series(1.day()).take_while(|day| *day <= last);
    days.filter(|day| !weekend(day) && !holidays.contains(day)).count()
}
