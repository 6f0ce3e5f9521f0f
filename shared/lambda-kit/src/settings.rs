//! Settings: environment variables, parsed once when the process starts.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

/// The environment variables of the process, or of a test. An empty variable counts as absent.
#[derive(Clone, Default)]
pub struct Settings(Arc<BTreeMap<String, String>>);

/// Shows names only: the process's credentials for AWS are among the values.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Settings {
    /// The variables of the process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The text of a variable that is there and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// One setting. If it is not set, `default` is used; without a default it is required.
    pub fn read<T: FromStr<Err: Display>>(&self, name: &str, default: Option<&str>) -> Result<T, Misconfigured> {
        let text = self.text(name).or(default).ok_or_else(|| Misconfigured::of(format!("{name} is not set")))?;
        text.parse().map_err(|error| Misconfigured::of(format!("{name} {error}")))
    }
}

impl FromIterator<(String, String)> for Settings {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(Arc::new(variables.into_iter().collect()))
    }
}

/// Everything that is wrong with a function's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Misconfigured(Vec<String>);

impl Misconfigured {
    /// One error in the settings.
    #[must_use]
    pub fn of(what: impl Into<String>) -> Self {
        Self(vec![what.into()])
    }

    /// The value, or `None` after its errors were added to the others.
    pub fn note<T>(&mut self, outcome: Result<T, Self>) -> Option<T> {
        outcome.map_err(|wrong| self.0.extend(wrong.0)).ok()
    }
}

impl Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

/// A comma-separated list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(Vec<T>);

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: FromStr> FromStr for List<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_empty_variable_takes_the_default() {
        for given in [&[][..], &[("N", "")]] {
            assert_eq!(settings(given).read::<u8>("N", Some("7")), Ok(7));
        }
        assert_eq!(settings(&[("N", "8")]).read::<u8>("N", Some("7")), Ok(8));
    }

    #[test]
    fn every_bad_value_is_named_at_once() {
        let settings = settings(&[("A", "x"), ("B", "1")]);
        let mut wrong = Misconfigured::default();
        assert_eq!(wrong.note(settings.read::<u8>("A", None)), None);
        assert_eq!(wrong.note(settings.read::<u8>("B", None)), Some(1));
        assert_eq!(wrong.note(settings.read::<u8>("C", None)), None);
        let text = wrong.to_string();
        assert!(text.contains("A invalid digit") && text.contains("C is not set") && !text.contains('B'), "{text}");
    }

    #[test]
    fn a_list_with_a_bad_item_is_refused() {
        assert_eq!("1, 2,".parse::<List<u8>>().expect("valid").as_ref(), [1, 2]);
        assert!("1,x".parse::<List<u8>>().is_err());
    }
}
