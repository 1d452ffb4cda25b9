//! What pages of the load say to each other, as text on the wire.

use std::sync::LazyLock;
use std::time::Instant;

/// A candidate as Chromium gives it, up to where the time goes.
const CANDIDATE: &str = r#"{"candidate":"candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.17.1 rport 46154 generation 0 ufrag sXP5 network-cost 999","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"sXP5","at":""#;

/// What a message with a time in it ends with, after the time.
const AFTER_TIME: &str = r#""}}]"#;
const TIME_DIGITS: usize = 16;

/// A session description of 3.5 KB, as JSON.
pub static SDP: LazyLock<String> = LazyLock::new(|| {
    let mut sdp =
        String::from(r#"{"type":"offer","sdp":"v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"#);
    let mut number = 96;
    while sdp.len() < 3_500 {
        sdp.push_str(&format!(
            r"a=rtpmap:{number} VP8/90000\r\na=rtcp-fb:{number} goog-remb\r\na=rtcp-fb:{number} transport-cc\r\na=rtcp-fb:{number} ccm fir\r\n"
        ));
        number += 1;
    }
    sdp.push_str(r#""}"#);
    sdp
});

/// The load's own clock.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since the load's first look at its clock.
pub fn now() -> u64 {
    START.elapsed().as_nanos() as u64
}

/// An id in the form of a UUID, different for each number and kind.
pub fn uuid(kind: u32, number: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{number:012x}")
}

/// `leave` of everyone, with a callback.
pub const LEAVE: &str = r#"421["leave",[]]"#;

/// `offer`
pub fn offer(connector: &str, member: &str) -> String {
    let sdp = SDP.as_str();
    format!(r#"42["offer",{{"connectorId":"{connector}","offer":{sdp},"memberId":"{member}","streamType":"user"}}]"#)
}

/// `answer`
pub fn answer(remote_connector: &str, connector: &str, member: &str) -> String {
    let sdp = SDP.as_str();
    format!(
        r#"42["answer",{{"remoteConnectorId":"{remote_connector}","connectorId":"{connector}","answer":{sdp},"memberId":"{member}","streamType":"user"}}]"#
    )
}

/// `icecandidate`, with a time in it.
pub fn candidate(remote_connector: &str, member: &str, at: u64) -> String {
    format!(
        r#"42["icecandidate",{{"remoteConnectorId":"{remote_connector}","memberId":"{member}","candidate":{CANDIDATE}{at:016x}{AFTER_TIME}"#
    )
}

/// The time in an `icecandidate` that was heard. `None` if it is anything else.
pub fn time(heard: &str) -> Option<u64> {
    let end = heard.len().checked_sub(AFTER_TIME.len())?;
    u64::from_str_radix(heard.get(end.checked_sub(TIME_DIGITS)?..end)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_comes_back() {
        assert_eq!(time(&candidate("c", "m", 12_345)), Some(12_345));
        assert_eq!(time(r#"42["getOffer",{"memberId":"m"}]"#), None);
    }
}
