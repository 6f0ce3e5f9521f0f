//! How values look in the OpenAPI document.

/// Gives a type the schema of a JSON string. `$builder` adds to an `ObjectBuilder` what is particular.
macro_rules! text_schema {
    ($name:ident, $builder:expr) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let text = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::Type::String);
                let with: fn(utoipa::openapi::ObjectBuilder) -> utoipa::openapi::ObjectBuilder = $builder;
                with(text).into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

pub(crate) use text_schema;
