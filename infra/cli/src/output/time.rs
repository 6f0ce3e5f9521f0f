//! Time as people read it.

use jiff::{SignedDuration, Timestamp, Unit};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long ago a moment was.
pub fn relative(moment: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(moment).as_secs();
    match seconds {
        ..0 => absolute(moment),
        0..MINUTE => format!("{seconds} s ago"),
        MINUTE..HOUR => format!("{} min ago", seconds / MINUTE),
        HOUR..DAY => format!("{} h ago", seconds / HOUR),
        DAY.. => format!("{} d ago", seconds / DAY),
    }
}

/// A moment to the second, in UTC.
pub fn absolute(moment: Timestamp) -> String {
    moment.round(Unit::Second).unwrap_or(moment).to_string()
}

/// How long something took.
pub fn span(duration: SignedDuration) -> String {
    let milliseconds = duration.as_millis().max(0);
    let seconds = milliseconds / 1000;
    match seconds {
        0..10 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        10..120 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_grows_with_the_time() {
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let ago = |seconds| relative(now - SignedDuration::from_secs(seconds), now);
        assert_eq!([ago(0), ago(59), ago(60), ago(3_599)], ["0 s ago", "59 s ago", "1 min ago", "59 min ago"]);
        assert_eq!([ago(3_600), ago(86_400), ago(-5)], ["1 h ago", "1 d ago", "2026-11-28T12:00:05Z"]);
    }

    #[test]
    fn short_spans_have_a_tenth() {
        let text = |milliseconds| span(SignedDuration::from_millis(milliseconds));
        assert_eq!([text(0), text(140), text(9_999)], ["0.0 s", "0.1 s", "9.9 s"]);
        assert_eq!([text(41_200), text(120_000)], ["41 s", "2 min 00 s"]);
    }
}
