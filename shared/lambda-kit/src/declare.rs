//! The macros that declare what a function may reach.

/// Declares a struct whose fields are all [`Need`](crate::Need)s, and opens them together.
///
/// ```
/// use lambda_kit::{Read, needs};
/// use secrets::StripeSecret;
///
/// needs! {
///     /// Asks Stripe.
///     pub struct AskStripe {
///         stripe: Read<StripeSecret>,
///     }
/// }
/// ```
#[macro_export]
macro_rules! needs {
    // What is in the request is enough.
    ($(#[$meta:meta])* $vis:vis struct $name:ident;) => {
        $(#[$meta])*
        $vis struct $name;

        #[allow(clippy::disallowed_types, reason = "only these macros open a function's needs")]
        impl $crate::Need for $name {
            fn declare(_: &mut $crate::Declaration) {}

            fn open(_: &$crate::Platform) -> Result<Self, $crate::Misconfigured> {
                Ok(Self)
            }
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $need:ty),* $(,)? }) => {
        $(#[$meta])*
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $need),* }

        #[allow(clippy::disallowed_types, reason = "only these macros open a function's needs")]
        impl $crate::Need for $name {
            fn declare(declaration: &mut $crate::Declaration) {
                $(<$need as $crate::Need>::declare(declaration);)*
            }

            fn open(platform: &$crate::Platform) -> Result<Self, $crate::Misconfigured> {
                let mut wrong = $crate::Misconfigured::default();
                $(let $field = wrong.note(<$need as $crate::Need>::open(platform));)*
                let ($(Some($field),)*) = ($($field,)*) else { return Err(wrong) };
                Ok(Self { $($field),* })
            }
        }
    };
}

/// Declares the settings of one concern. Each field names its variable, and its default if it has one.
///
/// ```
/// use lambda_kit::settings;
///
/// settings! {
///     /// How an index is made.
///     pub struct IndexSettings {
///         /// Copies of each shard.
///         pub replicas: u8 = "KNN_REPLICAS" or "1",
///         /// Where the pipeline is.
///         pub state_machine: String = "STATE_MACHINE_ARN",
///     }
/// }
/// ```
#[macro_export]
macro_rules! settings {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $kind:ty = $variable:literal $(or $default:expr)?),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $kind),+ }

        #[allow(clippy::disallowed_types, reason = "only these macros open a function's needs")]
        impl $crate::Need for $name {
            fn declare(declaration: &mut $crate::Declaration) {
                declaration.settings.extend([$($variable),+]);
            }

            fn open(platform: &$crate::Platform) -> Result<Self, $crate::Misconfigured> {
                let mut wrong = $crate::Misconfigured::default();
                $(let $field = wrong.note(platform.settings().read($variable, [$($default)?].first().copied()));)+
                let ($(Some($field),)+) = ($($field,)+) else { return Err(wrong) };
                Ok(Self { $($field),+ })
            }
        }
    };
}
