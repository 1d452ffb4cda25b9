//! What measures chatroom-server: load, peers, and a history of any size. `benches/run` says how to start each.
