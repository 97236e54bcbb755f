//! Man pages and shell completions, made from the options' table: `cargo run -p parshall-config --example manual -- FOLDER`.
//!
//! Writes `man/parshall.1`, `man/parshall-run.1` and so on, and `completions/parshall.bash`, `_parshall`, `parshall.fish`.

use clap_complete::{Shell, generate_to};
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("say where to: FOLDER")?;
    let (pages, completions) = (Path::new(&folder).join("man"), Path::new(&folder).join("completions"));
    std::fs::create_dir_all(&pages)?;
    std::fs::create_dir_all(&completions)?;
    let mut grammar = parshall_config::grammar();
    clap_mangen::generate_to(grammar.clone(), &pages)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut grammar, "parshall", &completions)?;
    }
    Ok(())
}
