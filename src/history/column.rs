//! How ids and times leave the database.

use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Sqlite, Type};
use uuid::Uuid;

use crate::model::id::{LinkId, ParticipantId, ReviewLinkId, SessionId};
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
column!(ReviewLinkId, Uuid);
