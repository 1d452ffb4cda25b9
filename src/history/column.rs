//! How ids and times leave the database.

use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Type};
use uuid::Uuid;

use super::json::Millis;
use crate::model::id::{LinkId, ParticipantId, ReviewLinkId, SessionId};
use crate::model::time::Timestamp;

macro_rules! column {
    ($name:ident, $inner:ty) => {
        impl<DB: Database> Type<DB> for $name
        where
            $inner: Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <$inner as Type<DB>>::type_info()
            }

            fn compatible(info: &DB::TypeInfo) -> bool {
                <$inner as Type<DB>>::compatible(info)
            }
        }

        impl<'r, DB: Database> Decode<'r, DB> for $name
        where
            $inner: Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                <$inner as Decode<'r, DB>>::decode(value).map($name)
            }
        }
    };
}

column!(Timestamp, i64);
column!(SessionId, Uuid);
column!(ParticipantId, Uuid);
column!(LinkId, Uuid);
column!(ReviewLinkId, Uuid);
column!(Millis, i64);
