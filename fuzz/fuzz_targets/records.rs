#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chatroom_server::fuzzing::run("records", bytes));
