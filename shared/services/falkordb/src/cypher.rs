//! Query texts with parameters.

use crate::error::Error;

/// A query with its parameters in front, as the server expects them: `CYPHER name='value' … query`.
///
/// Inside single quotes only the quote and the backslash are special. The module takes every other character as it is,
/// including line breaks and all of Unicode. It does not know `\u` escapes. It would lose the text after a NUL, so a
/// NUL is refused. (FalkorDB/docs `commands/graph.query.md`, "Parametrized queries"; tried on 4.16.3.)
pub(crate) fn query(parameters: &[(&'static str, &str)], text: &str) -> Result<String, Error> {
    let mut query = String::from("CYPHER ");
    for (name, value) in parameters {
        if value.contains('\0') {
            return Err(Error::BadName);
        }
        query.push_str(name);
        query.push_str("='");
        for character in value.chars() {
            if matches!(character, '\'' | '\\') {
                query.push('\\');
            }
            query.push(character);
        }
        query.push_str("' ");
    }
    query.push_str(text);
    Ok(query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        let value = r"a' MATCH (n) DELETE n // \";
        assert_eq!(
            query(&[("id", value), ("b", "\n\"")], "RETURN $id").as_deref(),
            Ok("CYPHER id='a\\' MATCH (n) DELETE n // \\\\' b='\n\"' RETURN $id")
        );
        assert_eq!(query(&[("id", "a\0b")], "RETURN $id"), Err(Error::BadName));
    }
}
