//! One message of a link as bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The most bytes of one: a client's largest message as an event, whose JSON another node has written.
pub(super) const MOST_BYTES: usize = 4 << 20;

/// A message that no node sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame that no node sends")]
pub(super) struct Malformed;

pub(super) fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, Malformed> {
    postcard::to_allocvec(message).map_err(|_| Malformed)
}

/// The whole of it, and nothing more.
pub(super) fn decode<T: DeserializeOwned>(frame: &[u8]) -> Result<T, Malformed> {
    match postcard::take_from_bytes(frame) {
        Ok((message, [])) => Ok(message),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::question::{FromEdge, FromOwner};
    use crate::signaling::remote::ToOwner;

    #[test]
    fn what_is_sent_is_what_arrives_and_nothing_else_does() {
        let say = ToOwner::Say {
            text: r#"["offer",{"connectorId":"é\u0000"}]"#.to_owned(),
            is_binary: false,
            callback: Some(7),
            is_entry: true,
        };
        let say = FromEdge::Client(u64::MAX, say);
        let frame = encode(&say).unwrap();
        assert_eq!(decode(&frame), Ok(say));
        for cut in 0..frame.len() {
            assert_eq!(decode::<FromEdge>(&frame[..cut]), Err(Malformed), "{cut} bytes");
        }
        let longer = [frame.as_slice(), &[0]].concat();
        assert_eq!(decode::<FromEdge>(&longer), Err(Malformed));
        assert_eq!(decode::<FromOwner>(&[0, 1, 99]), Err(Malformed), "no such message");
        // A length that no frame could have.
        assert_eq!(decode::<FromOwner>(&[0, 1, 0, 255, 255, 255, 255, 15]), Err(Malformed));
    }
}
