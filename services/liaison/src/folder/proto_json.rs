//! Protos as canonical proto JSON, by reflection over [`contracts::pool`]. [`one`] and [`many`] are for
//! `#[serde(with = "…")]` on fields.

use prost::{Message, Name};
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

/// A message that no contract declares, or a text that is not its JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProtoJsonError(String);

fn descriptor<M: Name>() -> Result<MessageDescriptor, ProtoJsonError> {
    let name = M::full_name();
    contracts::pool().get_message_by_name(&name).ok_or_else(|| ProtoJsonError(format!("no contract declares {name}")))
}

fn dynamic<M: Message + Name>(message: &M) -> Result<DynamicMessage, ProtoJsonError> {
    let mut out = DynamicMessage::new(descriptor::<M>()?);
    out.transcode_from(message).map_err(|error| ProtoJsonError(error.to_string()))?;
    Ok(out)
}

/// A message as canonical proto JSON.
///
/// # Errors
/// Where the message is of no contract, or holds an `Any` of none.
pub fn to_value<M: Message + Name>(message: &M) -> Result<Value, ProtoJsonError> {
    serde_json::to_value(dynamic(message)?).map_err(|error| ProtoJsonError(error.to_string()))
}

/// A message from canonical proto JSON; unknown fields are refused.
///
/// # Errors
/// Where the JSON is not that of such a message.
pub fn from_value<M: Message + Name + Default>(value: &Value) -> Result<M, ProtoJsonError> {
    one::deserialize(value).map_err(|error: serde_json::Error| ProtoJsonError(error.to_string()))
}

/// A message as a field.
pub mod one {
    use super::{Deserializer, DynamicMessage, Message, Name, Serialize, Serializer, de, descriptor, dynamic};

    /// For serde.
    ///
    /// # Errors
    /// As [`super::to_value`], or the serializer's.
    pub fn serialize<M: Message + Name, S: Serializer>(message: &M, serializer: S) -> Result<S::Ok, S::Error> {
        dynamic(message).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }

    /// For serde.
    ///
    /// # Errors
    /// As [`super::from_value`].
    pub fn deserialize<'de, M: Message + Name + Default, D: Deserializer<'de>>(deserializer: D) -> Result<M, D::Error> {
        let descriptor = descriptor::<M>().map_err(de::Error::custom)?;
        DynamicMessage::deserialize(descriptor, deserializer)?.transcode_to().map_err(de::Error::custom)
    }
}

/// A list of messages as a field.
pub mod many {
    use super::{Deserialize, Deserializer, List, Message, Name, Serialize, Serializer};

    /// For serde.
    ///
    /// # Errors
    /// As [`super::to_value`], or the serializer's.
    pub fn serialize<M: Message + Name, S: Serializer>(messages: &[M], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(messages.iter().map(Borrowed))
    }

    /// For serde.
    ///
    /// # Errors
    /// As [`super::from_value`].
    pub fn deserialize<'de, M: Message + Name + Default, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<M>, D::Error> {
        List::deserialize(deserializer).map(|list| list.0)
    }

    struct Borrowed<'a, M>(&'a M);

    impl<M: Message + Name> Serialize for Borrowed<'_, M> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            super::one::serialize(self.0, serializer)
        }
    }
}

/// Messages as a whole file.
#[derive(Clone, Debug, PartialEq)]
pub struct List<M>(pub Vec<M>);

impl<M: Message + Name> Serialize for List<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        many::serialize(&self.0, serializer)
    }
}

impl<'de, M: Message + Name + Default> Deserialize<'de> for List<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(bound = "M: Message + Name + Default")]
        struct Item<M>(#[serde(with = "one")] M);
        let items = Vec::<Item<M>>::deserialize(deserializer)?;
        Ok(Self(items.into_iter().map(|item| item.0).collect()))
    }
}
