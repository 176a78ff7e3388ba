//! Scripts that complete the command line in a shell, generated from its definition.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Arguments;

/// Arguments of the command `completions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub struct Completions {
    /// The shell that reads the script.
    pub shell: Shell,
}

impl Completions {
    /// The script.
    #[must_use]
    pub fn script(self) -> String {
        let mut script = Vec::new();
        let mut command = Arguments::command();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, &name, &mut script);
        // The script for bash spells a name with hyphens in two ways, and so completes nothing behind a command:
        // https://github.com/clap-rs/clap/issues/6421
        let wrong = name.replace('-', "__subcmd__");
        String::from_utf8_lossy(&script).replace(&wrong, &name.replace('-', "__"))
    }
}
