//! WebSocket frames (RFC 6455), as far as tests and benches need them: whole text messages, and no copies.

use anyhow::{Result, bail};

/// The first byte of a frame that is a whole text message.
pub const TEXT: u8 = 0x81;
/// Of one that begins a text message, of which more is to come.
pub const TEXT_BEGINS: u8 = 0x01;
/// Of one that is a whole binary message.
pub const BINARY: u8 = 0x82;
/// Of a pong.
pub const PONG: u8 = 0x8a;

const MASKED: u8 = 0x80;
const CLOSE: u8 = 0x88;

/// Appends a client's text frame.
pub fn push_text(out: &mut Vec<u8>, parts: &[&str]) {
    push_header(out, TEXT, parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// A client's frame.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    push_header(&mut frame, first, payload.len());
    frame.extend_from_slice(payload);
    frame
}

/// Appends the header of a client's frame of `len` bytes. Its mask is zero: that is allowed, costs the server what any
/// mask costs, and leaves the payload as it is.
fn push_header(out: &mut Vec<u8>, first: u8, len: usize) {
    out.push(first);
    match len {
        0..=125 => out.push(MASKED | len as u8),
        126..=0xffff => {
            out.push(MASKED | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
}

/// Finds the first whole frame of a server: where its payload begins and ends. `None` if more is to be read.
///
/// # Errors
/// If it is not a whole text message: the server closes, or compresses, or cuts messages into pieces.
pub fn find_text(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let [kind, short, ..] = *bytes else {
        return Ok(None);
    };
    match kind {
        TEXT => {}
        CLOSE => bail!("the server closed the connection"),
        _ => bail!("a frame that is no whole text message: {kind:#x}"),
    }
    let (start, len) = match (short, bytes) {
        (126, [_, _, a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
        (127, [_, _, long @ ..]) if long.len() >= 8 => {
            let (long, _) = long.split_at(8);
            (10, long.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)))
        }
        (126 | 127, _) => return Ok(None),
        (len, _) => (2, usize::from(len)),
    };
    Ok((bytes.len() >= start + len).then_some((start, start + len)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_are_found() {
        for (head, len) in [
            (vec![0x81, 5], 5),
            (vec![0x81, 126, 1, 0], 256),
            (vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0], 65_536),
        ] {
            let mut bytes = head.clone();
            bytes.resize(head.len() + len, b'x');
            for part in 0..bytes.len() {
                assert_eq!(find_text(&bytes[..part]).unwrap(), None, "{part} of {len}");
            }
            assert_eq!(find_text(&bytes).unwrap(), Some((head.len(), head.len() + len)));
        }
        assert!(find_text(&[0x88, 0]).is_err());
    }

    #[test]
    fn a_text_goes_out_masked_with_zero() {
        let mut out = Vec::new();
        push_text(&mut out, &["4", "2"]);
        assert_eq!(out, [0x81, 0x82, 0, 0, 0, 0, b'4', b'2']);
        out.clear();
        push_text(&mut out, &[&"x".repeat(300)]);
        assert_eq!(out[..4], [0x81, 0xfe, 1, 44]);
        assert_eq!(out.len(), 8 + 300);
    }
}
