//! What the API's document says of ids, times and names.

use utoipa::openapi::schema::{self, Schema};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::id::{LinkId, MemberId, ParticipantId, ReviewLinkId, RoomName, SessionId, Username};
use super::time::Timestamp;

/// A type that is written as text.
macro_rules! written {
    ($name:ident, $format:ident) => {
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let format = SchemaFormat::KnownFormat(KnownFormat::$format);
                ObjectBuilder::new()
                    .schema_type(schema::Type::String)
                    .format(Some(format))
                    .into()
            }
        }

        impl ToSchema for $name {}
    };
}

written!(Timestamp, DateTime);
written!(SessionId, Uuid);
written!(ParticipantId, Uuid);
written!(LinkId, Uuid);
written!(MemberId, Uuid);
written!(ReviewLinkId, Uuid);

/// No control characters (the category Cc), and one at least that is no white space.
const TYPED: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";

/// A text that people type.
macro_rules! typed {
    ($name:ident) => {
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(schema::Type::String)
                    .min_length(Some(1))
                    .max_length(Some(Self::MAX_CHARS))
                    .pattern(Some(TYPED))
                    .into()
            }
        }

        impl ToSchema for $name {}
    };
}

typed!(RoomName);
typed!(Username);
