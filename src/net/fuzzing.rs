//! What reads WebSocket frames, for [`crate::fuzzing`].

use super::frames::{CONNECT, Frames, PIECE, Seen};

/// The largest message here.
const MOST: usize = 20_000;
/// The most bytes that are passed.
const MOST_BYTES: usize = 50_000;

/// Stands for a run: two bytes say how often the third comes. So a short input has large frames.
const RUN: u8 = 0xee;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Passes any bytes in any parts, as the first of them say: the same messages come out, in frames that no buffer grows
/// for, and what was counted is what is there.
pub(crate) fn frames(bytes: &[u8]) {
    let (parts, bytes) = bytes.split_at(bytes.len().min(4));
    let bytes = unfold(bytes);
    let (in_parts, seen) = pass(&bytes, parts);
    let (at_once, seen_at_once) = pass(&bytes, &[]);
    assert_eq!(seen, seen_at_once);
    assert_eq!(in_parts, at_once);
    let sent = Read::all(&bytes);
    let passed = Read::all(&at_once);
    assert_eq!(passed.rest, 0, "nothing is handed on of a header that is not complete");
    assert_eq!(seen, sent.count());
    for frame in &passed.frames {
        let is_data = frame.opcode() <= 2;
        assert!(
            !is_data || frame.size <= PIECE || frame.size > MOST as u64,
            "{} bytes",
            frame.size
        );
    }
    assert!(sent.joined() == passed.joined(), "other messages");
}

fn unfold(bytes: &[u8]) -> Vec<u8> {
    let (mut unfolded, mut rest) = (Vec::new(), bytes);
    while let [first, more @ ..] = rest {
        if let (RUN, [high, low, byte, more @ ..]) = (*first, more) {
            let count = u16::from_be_bytes([*high, *low]);
            unfolded.resize(unfolded.len() + usize::from(count), *byte);
            rest = more;
        } else {
            unfolded.push(*first);
            rest = more;
        }
        if unfolded.len() > MOST_BYTES {
            break;
        }
    }
    unfolded.truncate(MOST_BYTES);
    unfolded
}

/// What is handed on, and what was seen of it.
fn pass(bytes: &[u8], parts: &[u8]) -> (Vec<u8>, Seen) {
    let mut frames = Frames::new(MOST);
    let (mut passed, mut all) = (Vec::new(), Seen::default());
    // Small parts, and those that a read of the system brings.
    let sizes = parts.iter().map(|part| match part {
        0..128 => usize::from(*part) + 1,
        _ => usize::from(*part - 127) * 64,
    });
    let mut sizes = sizes.cycle();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (part, more) = rest.split_at(sizes.next().unwrap_or(rest.len()).min(rest.len()));
        let seen = frames.pass(part, |slice| passed.extend_from_slice(slice));
        all.frames += seen.frames;
        all.connects += seen.connects;
        rest = more;
        assert!(frames.unfinished() <= bytes.len() - rest.len());
    }
    assert_eq!(frames.unfinished(), Read::all(bytes).unfinished());
    (passed, all)
}

/// Frames as RFC 6455 (5.2) has them, read again in the plainest way.
struct Read {
    frames: Vec<Frame>,
    /// Bytes of a header that is not complete.
    rest: usize,
}

#[derive(Clone, PartialEq, Eq)]
struct Frame {
    first: u8,
    is_masked: bool,
    /// What its header says.
    size: u64,
    /// What there is of it, without its mask.
    payload: Vec<u8>,
}

impl Frame {
    fn opcode(&self) -> u8 {
        self.first & 0x0f
    }

    fn is_control(&self) -> bool {
        self.opcode() >= 8
    }

    fn is_whole(&self) -> bool {
        self.payload.len() as u64 == self.size
    }

    fn is_last(&self) -> bool {
        self.is_whole() && self.first & FINAL != 0
    }
}

impl Read {
    fn all(bytes: &[u8]) -> Self {
        let (mut frames, mut rest) = (Vec::new(), bytes);
        while let Some((frame, more)) = frame(rest) {
            frames.push(frame);
            rest = more;
        }
        Self {
            frames,
            rest: rest.len(),
        }
    }

    fn count(&self) -> Seen {
        let (mut connects, mut start) = (0, None::<Vec<u8>>);
        for frame in self.frames.iter().filter(|frame| !frame.is_control()) {
            match frame.opcode() {
                1 => start = Some(Vec::new()),
                2 => start = None,
                _ => {}
            }
            if let Some(mut begun) = start.take() {
                begun.extend(&frame.payload);
                connects += u32::from(begun.starts_with(&CONNECT));
                start = Some(begun).filter(|begun| begun.len() < CONNECT.len() && !frame.is_last());
            }
        }
        Seen {
            frames: self.frames.len() as u32,
            connects,
        }
    }

    fn unfinished(&self) -> usize {
        let (mut message, mut control) = (0, 0);
        for frame in &self.frames {
            if frame.is_control() {
                control = if frame.is_whole() { 0 } else { frame.payload.len() };
                continue;
            }
            if matches!(frame.opcode(), 1 | 2) {
                message = 0;
            }
            message = if frame.is_last() {
                0
            } else {
                message + frame.payload.len()
            };
        }
        message + control
    }

    /// The frames, as if no message were fragmented more than control frames in it make necessary.
    fn joined(&self) -> Vec<(u8, bool, Vec<u8>)> {
        let mut joined: Vec<(u8, bool, Vec<u8>)> = Vec::new();
        for frame in &self.frames {
            // Whether it is the last of its message shows at its end.
            let ends = if frame.is_whole() { frame.first & FINAL } else { 0 };
            let first = frame.first & !FINAL | ends;
            match joined.last_mut() {
                Some((begun, is_masked, payload))
                    if *begun & FINAL == 0
                        && *begun & 0x0f <= 2
                        && first & !FINAL == 0
                        && *is_masked == frame.is_masked =>
                {
                    *begun |= ends;
                    payload.extend(&frame.payload);
                }
                _ => joined.push((first, frame.is_masked, frame.payload.clone())),
            }
        }
        joined
    }
}

fn frame(bytes: &[u8]) -> Option<(Frame, &[u8])> {
    let ([first, second], rest) = bytes.split_first_chunk()?;
    let (size, rest) = match second & !MASKED {
        126 => rest
            .split_first_chunk()
            .map(|(size, rest)| (u16::from_be_bytes(*size).into(), rest))?,
        127 => rest
            .split_first_chunk()
            .map(|(size, rest)| (u64::from_be_bytes(*size), rest))?,
        short => (u64::from(short), rest),
    };
    let is_masked = second & MASKED != 0;
    let (mask, rest) = if is_masked {
        rest.split_first_chunk()?
    } else {
        (&[0; 4], rest)
    };
    let (payload, rest) = rest.split_at(rest.len().min(usize::try_from(size).unwrap_or(usize::MAX)));
    let frame = Frame {
        first: *first,
        is_masked,
        size,
        payload: payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect(),
    };
    Some((frame, rest))
}
