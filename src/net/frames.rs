//! What a WebSocket's client sends, looked at while it passes: how many frames, which of them ask for a new Socket.IO
//! connect, how much of a message waits for its rest. The library above judges frames; it never sees more of a large
//! one than a piece.
//!
//! The library reads a whole frame into a buffer that keeps its size for the connection's life, so a large frame is
//! handed on as fragments: the same message (RFC 6455, 5.4), in frames of [`PIECE`] bytes.

/// The largest frame that is handed on as it came. A multiple of four, so that the mask fits every piece.
pub(super) const PIECE: u64 = 8 * 1024;

/// The longest header of a frame.
const MOST_HEADER: usize = 14;

const FINAL: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
/// From here on opcodes are control frames'.
const CONTROL: u8 = 8;
const MASKED: u8 = 0x80;

/// How Socket.IO's connect begins as Engine.IO carries it.
pub(super) const CONNECT: [u8; 2] = *b"40";

/// What began in the bytes that passed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) frames: u32,
    /// Messages that ask for a Socket.IO connect: the engine starts a task for each.
    pub(crate) connects: u32,
}

/// Where a connection is among its client's frames.
#[derive(Debug)]
pub(super) struct Frames {
    /// A frame of more bytes is left to the library as it is, which refuses it at its header.
    most: u64,
    /// The header that is arriving, or the last one.
    header: [u8; MOST_HEADER],
    arrived: usize,
    /// Bytes of the frame that are still to come, and of the piece of it that is being handed on.
    left: u64,
    piece: u64,
    /// Bytes of the frame that have come.
    passed: u64,
    /// Bytes of the message that has begun, over all its frames.
    message: u64,
    start: Start,
}

/// How a text message begins, until that is known.
#[derive(Debug, Default)]
struct Start {
    bytes: [u8; 2],
    /// 2 also where nobody asks.
    known: usize,
}

impl Frames {
    /// At the beginning of a connection whose messages have at most so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most as u64,
            header: [0; MOST_HEADER],
            arrived: 0,
            left: 0,
            piece: 0,
            passed: 0,
            message: 0,
            start: Start {
                known: 2,
                ..Start::default()
            },
        }
    }

    /// Looks at what has come, and gives what is to be handed on, in as few slices as it can be.
    pub(super) fn pass(&mut self, bytes: &[u8], mut hand_on: impl FnMut(&[u8])) -> Seen {
        let mut seen = Seen::default();
        // From here on nothing has been handed on yet.
        let mut run = 0;
        let mut at = 0;
        while at < bytes.len() {
            if self.left > 0 {
                at += self.take(&bytes[at..], &mut seen);
                if self.piece == 0 && self.left > 0 {
                    hand_on(&bytes[run..at]);
                    run = at;
                    self.hand_on_header(0, &mut hand_on);
                }
                continue;
            }
            let (begun, begin) = (self.arrived, at);
            at += self.take_header(&bytes[at..]);
            if self.missing() > 0 {
                hand_on(&bytes[run..begin]);
                return seen;
            }
            seen.frames += 1;
            self.open();
            if begun > 0 || self.piece < self.left {
                hand_on(&bytes[run..begin]);
                run = at;
                self.hand_on_header(self.header[0] & !FINAL, &mut hand_on);
            }
            self.arrived = 0;
            if self.left == 0 {
                self.close();
            }
        }
        hand_on(&bytes[run..]);
        seen
    }

    /// How many bytes wait above for the rest of their message or frame.
    pub(super) fn unfinished(&self) -> usize {
        let of_control = if self.is_control() { self.passed } else { 0 };
        (self.message + of_control) as usize
    }

    /// How many bytes of the header are still to come, as far as is known.
    fn missing(&self) -> usize {
        if self.arrived < 2 {
            return 2 - self.arrived;
        }
        self.header_size() - self.arrived
    }

    fn header_size(&self) -> usize {
        2 + self.length_size() + if self.is_masked() { 4 } else { 0 }
    }

    fn length_size(&self) -> usize {
        match self.header[1] & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    fn is_masked(&self) -> bool {
        self.header[1] & MASKED != 0
    }

    fn opcode(&self) -> u8 {
        self.header[0] & OPCODE
    }

    fn is_control(&self) -> bool {
        self.opcode() >= CONTROL
    }

    /// Takes what belongs to the header, which is complete if nothing is missing then.
    fn take_header(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while self.missing() > 0 && taken < bytes.len() {
            let count = self.missing().min(bytes.len() - taken);
            self.header[self.arrived..][..count].copy_from_slice(&bytes[taken..taken + count]);
            self.arrived += count;
            taken += count;
        }
        taken
    }

    /// A frame begins: its header is known.
    fn open(&mut self) {
        let length = &self.header[2..2 + self.length_size()];
        self.left = match length.len() {
            0 => u64::from(self.header[1] & !MASKED),
            _ => length.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        };
        let is_large = self.left > PIECE && self.left <= self.most && self.opcode() <= BINARY;
        self.piece = if is_large { PIECE } else { self.left };
        self.passed = 0;
        if matches!(self.opcode(), TEXT | BINARY) {
            self.message = 0;
            self.start.known = if self.opcode() == TEXT { 0 } else { 2 };
        }
    }

    /// Takes what belongs to the frame's piece.
    fn take(&mut self, bytes: &[u8], seen: &mut Seen) -> usize {
        let count = self.piece.min(bytes.len() as u64);
        let taken = count as usize;
        if self.start.known < 2 && !self.is_control() {
            self.look_at_start(&bytes[..taken], seen);
        }
        self.piece -= count;
        self.left -= count;
        self.passed += count;
        if !self.is_control() {
            self.message += count;
        }
        if self.left == 0 {
            self.close();
        }
        taken
    }

    fn look_at_start(&mut self, bytes: &[u8], seen: &mut Seen) {
        for (offset, byte) in (self.passed..).zip(bytes).take(2 - self.start.known) {
            self.start.bytes[self.start.known] = byte ^ self.mask()[(offset % 4) as usize];
            self.start.known += 1;
        }
        if self.start.known == 2 && self.start.bytes == CONNECT {
            seen.connects += 1;
        }
    }

    fn mask(&self) -> [u8; 4] {
        let mut mask = [0; 4];
        if self.is_masked() {
            mask.copy_from_slice(&self.header[self.header_size() - 4..self.header_size()]);
        }
        mask
    }

    /// A frame has ended.
    fn close(&mut self) {
        if !self.is_control() && self.header[0] & FINAL != 0 {
            self.message = 0;
            self.start.known = 2;
        }
        self.passed = 0;
    }

    /// Begins the next piece, or a frame that is handed on whole. `first` is the header's first byte, without [`FINAL`].
    fn hand_on_header(&mut self, first: u8, hand_on: &mut impl FnMut(&[u8])) {
        if self.arrived == 0 {
            self.piece = self.left.min(PIECE);
        }
        let is_last = self.piece == self.left;
        let mut header = [0; MOST_HEADER];
        header[0] = first | if is_last { self.header[0] & FINAL } else { 0 };
        let mut size = 2;
        header[1] = self.header[1];
        if is_last && self.arrived > 0 {
            size = self.header_size();
            header[1..size].copy_from_slice(&self.header[1..size]);
        } else {
            header[1] = self.header[1] & MASKED | 126;
            header[2..4].copy_from_slice(&(self.piece as u16).to_be_bytes());
            size += 2;
            if self.is_masked() {
                header[4..8].copy_from_slice(&self.mask());
                size += 4;
            }
        }
        hand_on(&header[..size]);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read, Write};

    use proptest::collection::vec;
    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
    use tokio_tungstenite::tungstenite::{Message, WebSocket};

    use super::*;

    const MOST: usize = 100_000;
    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..126 => frame.push(MASKED | short as u8),
            middle @ 126..0x1_0000 => {
                frame.push(MASKED | 126);
                frame.extend((middle as u16).to_be_bytes());
            }
            long => {
                frame.push(MASKED | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    fn text(payload: &str) -> Vec<u8> {
        frame(FINAL | TEXT, payload.as_bytes())
    }

    /// What is handed on of bytes that come in parts of these sizes, and what was seen of them.
    fn pass(frames: &mut Frames, bytes: &[u8], parts: &[usize]) -> (Vec<u8>, Seen) {
        let (mut passed, mut all) = (Vec::new(), Seen::default());
        let mut rest = bytes;
        let mut parts = parts.iter().copied().filter(|part| *part > 0).cycle();
        while !rest.is_empty() {
            let (part, more) = rest.split_at(parts.next().unwrap_or(rest.len()).min(rest.len()));
            let seen = frames.pass(part, |slice| passed.extend_from_slice(slice));
            all.frames += seen.frames;
            all.connects += seen.connects;
            rest = more;
        }
        (passed, all)
    }

    struct Sent(Cursor<Vec<u8>>);

    impl Read for Sent {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.read(buf)
        }
    }

    impl Write for Sent {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            Ok(buf.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What the library makes of it, up to its first error.
    fn messages(bytes: Vec<u8>) -> Vec<Message> {
        let config = WebSocketConfig::default()
            .max_frame_size(Some(MOST))
            .max_message_size(Some(MOST));
        let mut socket = WebSocket::from_raw_socket(Sent(Cursor::new(bytes)), Role::Server, Some(config));
        std::iter::from_fn(|| socket.read().ok()).collect()
    }

    fn any_frame() -> impl Strategy<Value = Vec<u8>> {
        let opcodes = prop_oneof![4 => Just(0), 4 => Just(TEXT), 3 => Just(BINARY), 2 => 8u8..=10, 1 => 0u8..=15];
        let firsts = (opcodes, any::<bool>(), 0u8..40).prop_map(|(opcode, is_final, more)| {
            let reserved = if more == 0 { 0x40 } else { 0 };
            opcode | reserved | if is_final { FINAL } else { 0 }
        });
        let sizes = prop_oneof![
            0usize..10,
            120usize..130,
            8_180usize..8_200,
            16_380usize..25_000,
            65_530usize..110_000
        ];
        (firsts, sizes, any::<u8>()).prop_map(|(first, size, fill)| {
            let fill = if fill < 230 { b"40"[usize::from(fill % 2)] } else { fill };
            frame(first, &vec![fill; size])
        })
    }

    proptest! {
        #[test]
        fn the_same_messages_come_out_however_the_bytes_come_in(
            sent in vec(any_frame(), 0..12),
            noise in vec(any::<u8>(), 0..30),
            parts in vec(0usize..20_000, 1..6),
        ) {
            let bytes = [sent.concat(), noise].concat();
            let (passed, seen) = pass(&mut Frames::new(MOST), &bytes, &parts);
            let (at_once, seen_at_once) = pass(&mut Frames::new(MOST), &bytes, &[]);
            prop_assert_eq!(seen, seen_at_once);
            prop_assert_eq!(&passed, &at_once);
            prop_assert!(messages(bytes) == messages(passed));
        }

        #[test]
        fn noise_is_no_trouble(bytes in vec(any::<u8>(), 0..2_000), parts in vec(0usize..50, 1..6)) {
            let mut frames = Frames::new(MOST);
            let (passed, _) = pass(&mut frames, &bytes, &parts);
            prop_assert!(messages(bytes) == messages(passed));
        }
    }

    #[test]
    fn small_frames_pass_as_they_are_in_one_slice() {
        let bytes = [text("2probe"), text("5"), text(r#"42["x",{}]"#), frame(FINAL | 9, b"")].concat();
        let mut slices = 0;
        let seen = Frames::new(MOST).pass(&bytes, |slice| {
            assert_eq!(slice, bytes);
            slices += 1;
        });
        assert_eq!((slices, seen), (1, Seen { frames: 4, connects: 0 }));
    }

    #[test]
    fn a_large_frame_is_handed_on_in_pieces() {
        let sent = frame(FINAL | BINARY, &[7; 30_000]);
        let (passed, seen) = pass(&mut Frames::new(MOST), &sent, &[]);
        assert_eq!(passed.len(), 30_000 + 4 * 8);
        assert_eq!(seen, Seen { frames: 1, connects: 0 });
        assert_eq!(messages(passed), [Message::binary(vec![7; 30_000])]);
        let too_large = frame(FINAL | BINARY, &vec![7; MOST + 1]);
        assert_eq!(pass(&mut Frames::new(MOST), &too_large, &[]).0, too_large);
    }

    #[test]
    fn connects_are_known_however_they_are_cut() {
        let whole = text("40");
        let fragments = [
            frame(TEXT, b"4"),
            frame(FINAL | 9, b"hi"),
            frame(0, b""),
            frame(FINAL, b"0{}"),
        ]
        .concat();
        let others = [
            text("4"),
            text("0"),
            text("2"),
            text("42[]"),
            text("410"),
            frame(FINAL | BINARY, b"40"),
        ]
        .concat();
        for parts in [vec![], vec![1], vec![3, 5]] {
            let bytes = [whole.clone(), fragments.clone(), others.clone()].concat();
            let (passed, seen) = pass(&mut Frames::new(MOST), &bytes, &parts);
            assert_eq!(passed, bytes);
            assert_eq!(
                seen,
                Seen {
                    frames: 11,
                    connects: 2
                }
            );
        }
    }

    #[test]
    fn what_waits_for_its_rest_is_counted() {
        let mut frames = Frames::new(MOST);
        let steps = [
            (frame(TEXT, &[b'x'; 1_000]), 1_000),
            (frame(FINAL | 9, b"ping"), 1_000),
            (frame(0, &[b'x'; 10_000])[..6_008].to_vec(), 7_000),
            (vec![0; 4_000], 11_000),
            (frame(FINAL, b""), 0),
            (frame(FINAL | 9, &[0; 100])[..56].to_vec(), 50),
            (vec![0; 50], 0),
        ];
        for (bytes, waiting) in steps {
            pass(&mut frames, &bytes, &[]);
            assert_eq!(frames.unfinished(), waiting);
        }
    }
}
