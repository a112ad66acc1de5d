//! Calendars and laid-out text.

mod calendar;

suites! {
    add_months,
    iso_week,
    wrap_text,
    working_days,
}
