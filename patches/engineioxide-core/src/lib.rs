// The original's, with the one word changed by build.rs.
include!(concat!(env!("OUT_DIR"), "/lib.rs"));
