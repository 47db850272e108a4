//! The same image with the next engine, and what it leads to against the first one's.

use super::Work;
use crate::check::Check;
use crate::image::{Blobs, Image};
use crate::report::{ImageReport, Trouble};
use crate::rules::{self, Judged, Look};
use crate::run::Silent;

impl Work<'_> {
    /// Boots with the other engines, and compares. The first `looked_at` checks of the report
    /// are of the image alone, and no engine's.
    pub(super) fn compare(
        &mut self,
        image: &Image,
        blobs: &dyn Blobs,
        looked_at: usize,
    ) -> Result<(), Trouble> {
        let mut rules = self.live_rules().filter(|rule| matches!(rule.look, Look::Engines(_)));
        if !rules.any(|rule| self.wants(rule)) || self.report.engine.is_none() {
            return Ok(());
        }
        let first = self.report.engine.clone().unwrap_or_default();
        let mut others: Vec<(&str, ImageReport)> = Vec::new();
        for engine in &self.job.compare_with {
            let mut other = Work::new(self.job, &Silent, self.cancel);
            other.report.image.clone_from(&self.report.image);
            if let Err(trouble) = other.boot(engine.as_ref(), image, blobs) {
                self.stop_if_cancelled()?;
                other.report.trouble = Some(trouble);
            }
            others.push((engine.name(), other.report));
        }
        let own: &[Check] = &self.report.checks[looked_at..];
        let judged = others.iter().map(|(engine, report)| Judged {
            engine,
            checks: &report.checks,
            trouble: report.trouble.as_ref().map(|trouble| trouble.message.as_str()),
        });
        let one = Judged { engine: &first, checks: own, trouble: None };
        let judged: Vec<Judged<'_>> = std::iter::once(one).chain(judged).collect();
        let check = rules::look_at_engines(&judged, &self.job.function);
        let names: Vec<&str> = judged.iter().map(|one| one.engine).collect();
        let names = names.join(",");
        self.report.engine = Some(names);
        self.add([check]);
        Ok(())
    }
}
