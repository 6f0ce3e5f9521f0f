//! Lines of CSV (RFC 4180).

/// What such an answer is.
pub(crate) const MEDIA_TYPE: &str = "text/csv; charset=utf-8";

/// One line with its end. A field is quoted if it could be read as more than one.
pub(crate) fn line(fields: &[impl AsRef<str>]) -> String {
    let quoted = fields.iter().map(|field| match field.as_ref() {
        field if field.contains(['"', ',', '\r', '\n']) => format!("\"{}\"", field.replace('"', "\"\"")),
        field => field.to_owned(),
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}
