//! How ids and times leave the database, and how times are written for people.

use serde::{Serialize, Serializer};
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Sqlite, Type};
use utoipa::openapi::schema::{self, Schema};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::model::id::{LinkId, MemberId, ParticipantId, RoomName, SessionId, Username};
use crate::model::time::Timestamp;

macro_rules! column {
    ($name:ident, $inner:ty) => {
        impl Type<Sqlite> for $name {
            fn type_info() -> SqliteTypeInfo {
                <$inner as Type<Sqlite>>::type_info()
            }

            fn compatible(info: &SqliteTypeInfo) -> bool {
                <$inner as Type<Sqlite>>::compatible(info)
            }
        }

        impl<'r> Decode<'r, Sqlite> for $name {
            fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
                <$inner as Decode<'r, Sqlite>>::decode(value).map($name)
            }
        }
    };
}

column!(Timestamp, i64);
column!(SessionId, Uuid);
column!(ParticipantId, Uuid);
column!(LinkId, Uuid);

/// What the API's document says of a type that is written as text.
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

/// No control characters (the category Cc), and one at least that is no white space.
const TYPED: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";

/// What the API's document says of a text that people type.
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

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}
