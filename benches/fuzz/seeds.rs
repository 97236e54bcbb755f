//! Writes a corpus to start from: `cargo run --bin seeds` in this folder fills corpus/TARGET for every target.

#[path = "bodies/mod.rs"]
mod bodies;

use std::path::Path;

fn main() -> std::io::Result<()> {
    for (target, _) in bodies::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in bodies::seeds::of(target).into_iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
    }
    Ok(())
}
