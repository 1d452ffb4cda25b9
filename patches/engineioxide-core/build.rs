//! Fetches the source of engineioxide-core, and changes one word of it.
//!
//! The engine queues what it sends as lists that hold two packets in place, of 80 bytes each, though nearly all that
//! is ever sent is one; tokio's channels make room for 32 such lists at once, for every socket. Lists that hold none
//! in place take 6 KiB less for each socket, as docs/performance.md measures. To be offered to its authors; once a
//! release has it, this folder and the lines of `[patch.crates-io]` in the workspace's Cargo.toml go.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const NAME: &str = "engineioxide-core";
const FROM: &str = "pub type PacketBuf = SmallVec<[Packet; 2]>;";
const TO: &str = "pub type PacketBuf = SmallVec<[Packet; 0]>;";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=upstream");
    let to = PathBuf::from(env::var("OUT_DIR")?);
    copy(&upstream()?.join("src"), &to)?;
    edit(&to.join("packet.rs"), |text| match text.matches(FROM).count() {
        1 => Ok(text.replace(FROM, TO)),
        _ => Err(format!("packet.rs of {NAME} does not say `{FROM}` once: is the patch still needed?").into()),
    })?;
    // An included file cannot have attributes of the crate.
    edit(&to.join("lib.rs"), |text| Ok(text.replace("#![", "// #![")))
}

/// Where cargo has put the original, which it fetches if it must.
fn upstream() -> Result<PathBuf, Box<dyn Error>> {
    let output = Command::new(env::var("CARGO")?)
        .args([
            "metadata",
            "--locked",
            "--format-version",
            "1",
            "--filter-platform",
            &env::var("TARGET")?,
        ])
        .args(["--manifest-path", "upstream/Cargo.toml"])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"]
        .as_array()
        .ok_or("cargo metadata names no packages")?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == NAME)
        .and_then(|package| package["manifest_path"].as_str())
        .ok_or("cargo metadata does not name the original")?;
    Ok(Path::new(manifest)
        .parent()
        .ok_or("a manifest without a folder")?
        .to_owned())
}

fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy_to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &copy_to)?;
        } else {
            // Not `fs::copy`: what cannot be written there could not be changed here.
            fs::write(copy_to, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

fn edit(file: &Path, change: impl FnOnce(String) -> Result<String, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    Ok(fs::write(file, change(fs::read_to_string(file)?)?)?)
}
