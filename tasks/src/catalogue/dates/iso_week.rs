//! The ISO 8601 week of a date.

use jiff::civil::Date;

use super::calendar;
use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Dates, "iso_week", "ISO week")
        .asks(
            "Implement a function iso_week(date: str) -> str that returns the ISO 8601 week date \
             of a date of the Gregorian calendar written YYYY-MM-DD, in the form 2021-W07-3: the \
             year to which the week belongs, the number of the week in two digits, and the number \
             of the day from 1 for Monday to 7 for Sunday. Week 1 is the one with the year's first \
             Thursday. ValueError is raised if the text is not of exactly this form (ten \
             characters, digits 0-9) or names a day that does not exist. Years are 1600 to 2400.",
        )
        .solved_by(
            r#"
import re
from datetime import date as Date


def iso_week(date: str) -> str:
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", date):
        raise ValueError("not a date")
    year, week, day = Date(*map(int, date.split("-"))).isocalendar()
    return f"{year:04}-W{week:02}-{day}"
"#,
        )
        .mutant("the_year_of_the_date", r#"return f"{year:04}"#, r#"return f"{int(date[:4]):04}"#)
        .mutant(
            "takes_any_form",
            r#"not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", date)"#,
            "False",
        )
        .mutant("sunday_is_0", "-{day}", "-{day % 7}")
        .mutant("one_digit_weeks", "W{week:02}", "W{week}")
        .wrong(
            "counts_from_january_1st",
            r#"
from datetime import date as Date


def iso_week(date):
    day = Date.fromisoformat(date)
    return day.strftime("%Y-W%W-%u")
"#,
        )
        .example(("2021-02-17",), "2021-W07-3")
        .example(("2021-01-03",), "2020-W53-7")
        .example(("2021-2-17",), Check::raises("ValueError"))
        .case("no_such_day", ("2100-02-29",), Check::raises("ValueError"))
        .case("compact", ("20210217",), Check::raises("ValueError"))
        .case("a_week_date", ("2021-W07-3",), Check::raises("ValueError"))
        .case("a_line", ("2021-02-17\n",), Check::raises("ValueError"))
        .case("the_next_year", ("2018-12-31",), "2019-W01-1")
        .generated(26, || (calendar::dates(),), |(date,)| week(*date))
        .generated(18, || (calendar::last_days(),), |(date,)| week(*date))
        .generated(
            6,
            || ("2[0-3][0-9]{2}-(02-30|04-31|13-01|00-10|11-00|1-031)",),
            |_| Check::raises("ValueError"),
        )
}

fn week(date: Date) -> String {
    let week = date.iso_week_date();
    format!("{:04}-W{:02}-{}", week.year(), week.week(), week.weekday().to_monday_one_offset())
}
