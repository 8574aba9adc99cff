//! Updates the lists of routes, functions and errors in `Cargo.toml`, in the documents and in the example client, from
//! the declarations in `shared/aws/src/routes.rs` and `shared/core/src/error/action.rs`. Prints the name of each file
//! that changes.

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
