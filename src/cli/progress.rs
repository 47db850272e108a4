//! What is being done right now, on stderr and only where that is a terminal.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use scf_conform::check::{Check, Status};
use scf_conform::report::{Detail, printable};
use scf_conform::run::{Progress, Stage};
use scf_conform::units;

/// One line for each image that is being checked.
pub(super) struct Live {
    bars: MultiProgress,
    images: Mutex<HashMap<String, Bar>>,
}

struct Bar {
    line: ProgressBar,
    /// Checks decided, and those of them that failed.
    checks: usize,
    failed: usize,
    stage: String,
}

impl Live {
    /// Draws nothing where stderr is no terminal, or nothing is to be told.
    pub(super) fn new(detail: Detail) -> Live {
        let target = match detail {
            Detail::Brief => ProgressDrawTarget::hidden(),
            Detail::Normal | Detail::Full => ProgressDrawTarget::stderr(),
        };
        Live { bars: MultiProgress::with_draw_target(target), images: Mutex::default() }
    }

    /// Takes an image's line away.
    pub(super) fn done(&self, image: &str) {
        if let Some(bar) = self.lock().remove(image) {
            bar.line.finish_and_clear();
        }
    }

    /// Runs something that writes to the terminal, with the lines out of its way.
    pub(super) fn aside<T>(&self, act: impl FnOnce() -> T) -> T {
        self.bars.suspend(act)
    }

    fn update(&self, image: &str, change: impl FnOnce(&mut Bar)) {
        let mut images = self.lock();
        let bar = images.entry(image.to_owned()).or_insert_with(|| Bar {
            line: self.line(),
            checks: 0,
            failed: 0,
            stage: String::new(),
        });
        change(bar);
        bar.line.set_message(bar.text(image));
    }

    fn line(&self) -> ProgressBar {
        let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed:>4}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let line = self.bars.add(ProgressBar::new_spinner().with_style(style));
        line.enable_steady_tick(Duration::from_millis(100));
        line
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Bar>> {
        // Lines of progress are never half changed in a way that matters.
        self.images.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Bar {
    fn text(&self, image: &str) -> String {
        let decided = match (self.checks, self.failed) {
            (0, _) => String::new(),
            (checks, 0) => format!("  {checks} checks"),
            (checks, failed) => format!("  {checks} checks, {failed} failed"),
        };
        format!("{}  {}{decided}", printable(image), self.stage)
    }
}

impl Progress for Live {
    fn stage(&self, image: &str, stage: Stage) {
        self.update(image, |bar| bar.stage = told(stage));
    }

    fn check(&self, image: &str, check: &Check) {
        self.update(image, |bar| {
            bar.checks += 1;
            bar.failed += usize::from(check.status == Status::Fail);
        });
    }
}

fn told(stage: Stage) -> String {
    match stage {
        Stage::Reading { done, of } => {
            format!("reading {} of {}", units::size(done), units::size(of))
        }
        Stage::Exporting => "waiting for the engine's export".to_owned(),
        Stage::Compressing { done, of } => {
            format!("compressing as a push would, {} of {}", units::size(done), units::size(of))
        }
        Stage::Booting => "booting".to_owned(),
        Stage::Listening => "waiting for it to listen".to_owned(),
        Stage::Tier { megabytes } => format!("trying {megabytes} MB"),
        Stage::Running => "running".to_owned(),
        Stage::Invoking { done, of } => format!("invoking, {done} of {of}"),
        Stage::Pushing { of: 0, .. } => "pushing".to_owned(),
        Stage::Pushing { done, of } => {
            format!("pushing {} of {}", units::size(done), units::size(of))
        }
        Stage::Stopping => "stopping".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_told_with_numbers() {
        for (stage, text) in [
            (Stage::Reading { done: 1 << 20, of: 3 << 20 }, "reading 1 MiB of 3 MiB"),
            (Stage::Invoking { done: 3, of: 21 }, "invoking, 3 of 21"),
            (Stage::Booting, "booting"),
        ] {
            assert_eq!(told(stage), text);
        }
    }
}
