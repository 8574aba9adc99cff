//! Writes the lists of routes and functions in `Cargo.toml` and in the documents from the declaration in
//! `shared/aws/src/routes.rs`. Prints each file that changes.

use coinolio_tests::declared;
use std::io::{self, Write};

fn main() -> io::Result<()> {
    for file in declared::files() {
        if file.found != file.wanted {
            std::fs::write(&file.path, file.wanted)?;
            writeln!(io::stdout(), "{}", file.path.display())?;
        }
    }
    Ok(())
}
