//! Calendars and laid-out text.

suites! {}
