//! How the program ends: numbers that others rely on.

use std::process::ExitCode;

use scf_conform::report::Verdict;

/// How the program ends. Ordered: of several, the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// Every image conforms, or what was asked for was done.
    Conforms,
    /// An image does not conform.
    DoesNotConform,
    /// Usage, configuration or a suite is wrong; nothing was run.
    Usage,
    /// Something could not be checked or written.
    NotChecked,
    /// Nothing was selected.
    NothingSelected,
    /// Interrupted, after clean-up.
    Interrupted,
}

impl Exit {
    /// The number that the operating system gets.
    pub(super) fn number(self) -> u8 {
        match self {
            Exit::Conforms => 0,
            Exit::DoesNotConform => 1,
            Exit::Usage => 2,
            Exit::NotChecked => 3,
            Exit::NothingSelected => 4,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Conforms => Exit::Conforms,
            Verdict::DoesNotConform => Exit::DoesNotConform,
            Verdict::NotChecked => Exit::NotChecked,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.number())
    }
}
