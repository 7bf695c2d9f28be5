//! The three ways in which an origin writes a time.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

const HTTP: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);
const SQL: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const ISO: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

fn write(at: OffsetDateTime, format: &[BorrowedFormatItem<'_>]) -> String {
    at.format(format).expect("every part is within its range")
}

pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// `Sun, 22 Nov 2026 10:00:57 GMT`, as in a `Date` header, `skew` seconds from now.
pub fn http_date(skew: i64) -> String {
    write(now() + Duration::seconds(skew), HTTP)
}

/// `2026-11-22 10:00:57`, as SQLite's `datetime('now')` writes it.
pub fn sql(at: OffsetDateTime) -> String {
    write(at, SQL)
}

/// `2026-11-22T10:00:57.097Z`, as JavaScript's `toISOString` writes it.
pub fn iso(at: OffsetDateTime) -> String {
    write(at, ISO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn writes_each_form() {
        let at = datetime!(2026-11-02 03:04:05.067 UTC);
        assert_eq!(sql(at), "2026-11-02 03:04:05");
        assert_eq!(iso(at), "2026-11-02T03:04:05.067Z");
        assert_eq!(write(at, HTTP), "Mon, 02 Nov 2026 03:04:05 GMT");
    }
}
