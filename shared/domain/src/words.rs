//! Closed sets of words, and the error for a text that is not one of them.

/// A text that is not a value of the type. The message says what the type accepts. A caller may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);

/// A closed set of words, with its one spelling for JSON, database and outside systems.
macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident, $message:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The one spelling.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::words::Invalid;

            fn from_str(text: &str) -> Result<Self, $crate::words::Invalid> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err($crate::words::Invalid($message)) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        $crate::schema::text_schema!($name, |text| text
            .description(Some([$($doc),*].join(" ").trim()))
            .enum_values(Some($name::ALL.iter().map(|word| word.as_str()))));
    };
}

pub(crate) use words;
