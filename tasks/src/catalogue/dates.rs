//! Calendars and text layout.

mod calendar;

tasks! {
    add_months,
    iso_week,
    wrap_text,
    working_days,
}
