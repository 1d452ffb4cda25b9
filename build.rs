//! Embedding a migration is a fact of the build that cargo cannot see by itself.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
