//! The limits that clients reach, by the variables that set them: what the log and the metrics call them.

macro_rules! limits {
    ($($variant:ident = $variable:literal,)+) => {
        /// A limit on what somebody may do or have, named by its variable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum LimitName {
            $($variant,)+
        }

        impl LimitName {
            /// Each of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The variable that sets it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $variable,)+
                }
            }
        }
    };
}

limits! {
    BytesPerSocket = "BYTES_PER_SOCKET",
    GuessesPerMinute = "GUESSES_PER_MINUTE",
    HandshakesPerAddress = "HANDSHAKES_PER_ADDRESS",
    JoinsPerAddress = "JOINS_PER_ADDRESS",
    JoinsPerRoom = "JOINS_PER_ROOM",
    JoinsPerSocket = "JOINS_PER_SOCKET",
    JournalBacklog = "JOURNAL_BACKLOG",
    MaxAnswers = "MAX_ANSWERS",
    MaxConnections = "MAX_CONNECTIONS",
    MaxConnectionsPerAddress = "MAX_CONNECTIONS_PER_ADDRESS",
    MaxHeldMemory = "MAX_HELD_MEMORY",
    MaxHeldPerAddress = "MAX_HELD_PER_ADDRESS",
    MaxQuestions = "MAX_QUESTIONS",
    MaxRoomMembers = "MAX_ROOM_MEMBERS",
    MaxSessionPeople = "MAX_SESSION_PEOPLE",
    MaxSessionPeoplePerAddress = "MAX_SESSION_PEOPLE_PER_ADDRESS",
    MaxStreams = "MAX_STREAMS",
    MaxTakeovers = "MAX_TAKEOVERS",
    MaxUnjoinedPerAddress = "MAX_UNJOINED_PER_ADDRESS",
    MaxWaitingPerPair = "MAX_WAITING_PER_PAIR",
    MessagesPerSocket = "MESSAGES_PER_SOCKET",
    MinFreeDisk = "MIN_FREE_DISK",
    ReadsPerAddress = "READS_PER_ADDRESS",
    RefusalsPerAddress = "REFUSALS_PER_ADDRESS",
    RefusalsPerRoom = "REFUSALS_PER_ROOM",
    RefusalsPerSocket = "REFUSALS_PER_SOCKET",
    RelaysPerPair = "RELAYS_PER_PAIR",
    RoomsPerAddress = "ROOMS_PER_ADDRESS",
    TurnCredentialsPerMember = "TURN_CREDENTIALS_PER_MEMBER",
}
