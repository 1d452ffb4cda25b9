//! Socket.IO packets as text, and how a value is found in one. Parsing would cost a bench more than it costs the servers
//! to relay.

/// `join`, with the first callback.
pub fn join(id: &str, username: &str, room: &str) -> String {
    enter("join", id, username, room)
}

/// `reconnect`, with the first callback.
pub fn reconnect(id: &str, username: &str, room: &str) -> String {
    enter("reconnect", id, username, room)
}

fn enter(event: &str, id: &str, username: &str, room: &str) -> String {
    format!(r#"420["{event}",{{"id":"{id}","username":"{username}","roomname":"{room}"}}]"#)
}

/// The first string of that name, which is given with the quote before it: `"\"memberId"`.
pub fn field<'a>(heard: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = heard;
    loop {
        let (_, after) = rest.split_once(name)?;
        if let Some(value) = after.strip_prefix("\":\"") {
            return value.split('"').next();
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let heard = r#"42["answer",{"remoteConnectorId":"r","connectorId":"c","memberId":"m"}]"#;
        assert_eq!(field(heard, "\"connectorId"), Some("c"));
        assert_eq!(field(heard, "\"memberId"), Some("m"));
        assert_eq!(field(heard, "\"id"), None);
    }
}
