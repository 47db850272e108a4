//! `check`: from the command line to images checked side by side, results and exit code.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use chrono::NaiveDate;

use scf_conform::catalogue;
use scf_conform::engine::EngineError;
use scf_conform::pipeline::conform;
use scf_conform::report::{ImageReport, Page, Report, Trouble, Verdict, text};
use scf_conform::run::Cancel;
use scf_conform::suite::Style;
use scf_conform::waiver::{self, Waiver};

use super::args::{Check, Options};
use super::clock::Clock;
use super::environment::Environment;
use super::exit::Exit;
use super::gathered::{self, Gathered};
use super::jobs::{Jobs, Listed, Wanted};
use super::progress::Live;
use super::settings::Settings;
use super::term::{self, Results};
use super::{signals, written};

/// Runs the command.
pub(super) fn run(arguments: &Check, environment: &Environment) -> Exit {
    ready(&arguments.images, &arguments.options, environment, |settings, jobs, cancel| {
        let wanted: Vec<Wanted> = settings.images.iter().map(|text| Wanted::new(text)).collect();
        all(&wanted, settings, jobs, cancel).0
    })
}

/// Makes ready for checks, and goes on with `then`. What is wrong has been told.
pub(super) fn ready(
    images: &[String],
    options: &Options,
    environment: &Environment,
    then: impl FnOnce(&Settings, &Jobs<'_>, &Cancel) -> Exit,
) -> Exit {
    let Gathered { settings, notes } = match gathered::gather(
        images,
        options.layer(environment.color.as_ref()),
        options.config.as_ref(),
        environment,
    ) {
        Ok(gathered) => gathered,
        Err(exit) => return exit,
    };
    term::colours(settings.color);
    for note in &notes {
        term::note(note);
    }
    let mut jobs = match Jobs::new(&settings, Style::Coloured) {
        Ok(jobs) => jobs,
        Err(quoted) => {
            term::quoted(|_| quoted);
            return Exit::Usage;
        }
    };
    if let Some(note) = jobs.note() {
        term::note(&note);
    }
    let listed = jobs.listed();
    if settings.list {
        return list(&listed);
    }
    if settings.images.is_empty() {
        return usage("no image is named", Some("scf-conform check fixture:hello"));
    }
    if listed.is_empty() {
        return nothing_selected();
    }
    for file in &settings.reports {
        if let Some((message, help)) = written::refusal(file) {
            return usage(&message, help.as_deref());
        }
    }
    if let Err(error) = jobs.find_engine() {
        let hint = match &error {
            EngineError::Unavailable { hint, .. } => Some(hint.as_str()),
            _ => None,
        };
        term::error(&error.to_string(), hint);
        term::note("--static checks the image without starting it");
        return Exit::NotChecked;
    }
    let cancel = Cancel::default();
    if let Err(error) = signals::watch(&cancel) {
        term::error(&format!("watch for signals: {error}"), None);
        return Exit::NotChecked;
    }
    then(&settings, &jobs, &cancel)
}

/// Checks all images, prints and writes what was found out.
pub(super) fn all(
    images: &[Wanted],
    settings: &Settings,
    jobs: &Jobs<'_>,
    cancel: &Cancel,
) -> (Exit, Vec<ImageReport>) {
    let clock = Clock::start();
    let mut printer = Printer::new(settings);
    let live = Live::new(settings.detail);
    let waiving = Waiving::new(&settings.waivers, clock.today());
    let reports = side_by_side(images, settings, jobs, &live, cancel, &waiving, |image| {
        live.aside(|| printer.image(image));
    });
    if cancel.cancelled() {
        term::error("interrupted; everything that ran is ended and removed", None);
        return (Exit::Interrupted, reports);
    }
    if reports.len() < images.len() {
        term::note(&format!("{} images not checked: --fail-fast", images.len() - reports.len()));
    }
    let report = Report {
        started: clock.started(),
        images: reports,
        duration: clock.elapsed(),
        fail_on: settings.fail_on,
    };
    printer.end(&report);
    waiving.unused(&report);
    let mut exit = Exit::from(report.verdict());
    if report.counts().checks == 0 && report.images.iter().all(|image| image.trouble.is_none()) {
        exit = nothing_selected();
    }
    for file in &settings.reports {
        if let Err(message) = written::write(file, &report) {
            term::error(&message, None);
            exit = exit.max(Exit::NotChecked);
        }
    }
    if printer.failed {
        exit = exit.max(Exit::NotChecked);
    }
    (exit, report.images)
}

/// Checks images on several threads. `done` gets each in the order in which they were named,
/// as soon as its turn has come; all of them are returned.
fn side_by_side(
    images: &[Wanted],
    settings: &Settings,
    jobs: &Jobs<'_>,
    live: &Live,
    cancel: &Cancel,
    waiving: &Waiving<'_>,
    mut done: impl FnMut(&ImageReport),
) -> Vec<ImageReport> {
    let threads =
        settings.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, Into::into));
    let next = AtomicUsize::new(0);
    let stop = Cancel::default();
    let (sender, receiver) = mpsc::channel();
    let mut waiting: Vec<Option<ImageReport>> = images.iter().map(|_| None).collect();
    let mut reports = Vec::new();
    thread::scope(|scope| {
        for _ in 0..threads.min(images.len()) {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || {
                while !cancel.cancelled() && !stop.cancelled() {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(image) = images.get(at) else { break };
                    let mut report = one(image, jobs, live, cancel);
                    waiving.apply(&mut report);
                    live.done(image.shown());
                    if settings.fail_fast && report.verdict(settings.fail_on) != Verdict::Conforms {
                        stop.cancel();
                    }
                    if sender.send((at, report)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (at, report) in receiver {
            waiting[at] = Some(report);
            while let Some(report) = waiting.get_mut(reports.len()).and_then(Option::take) {
                if !cancel.cancelled() {
                    done(&report);
                }
                reports.push(report);
            }
        }
    });
    reports
}

/// Accepts failures, and knows which waivers were of use.
struct Waiving<'a> {
    waivers: &'a [Waiver],
    today: NaiveDate,
    used: Vec<AtomicBool>,
}

impl<'a> Waiving<'a> {
    fn new(waivers: &'a [Waiver], today: NaiveDate) -> Waiving<'a> {
        Waiving { waivers, today, used: waivers.iter().map(|_| AtomicBool::new(false)).collect() }
    }

    fn apply(&self, report: &mut ImageReport) {
        let used = waiver::apply(&mut report.checks, self.waivers, self.today);
        for (one, all) in used.into_iter().zip(&self.used) {
            all.fetch_or(one, Ordering::Relaxed);
        }
    }

    /// Tells waivers that no failure was there for: what they were for is mended, or was never
    /// called so. Where not everything was looked at, nothing can be said.
    fn unused(&self, report: &Report) {
        if report.images.iter().any(|image| image.trouble.is_some()) {
            return;
        }
        let unused =
            self.waivers.iter().zip(&self.used).filter(|(_, used)| !used.load(Ordering::Relaxed));
        for (waiver, _) in unused {
            let Waiver { text, line, .. } = waiver;
            if let (true, Err(Some(meant))) = (like_an_id(text), catalogue::find(text)) {
                let told = format!(
                    "the waiver of `{text}` (line {line}) is of no check; did you mean `{meant}`?"
                );
                term::note(&told);
                continue;
            }
            term::note(&format!("the waiver of `{text}` (line {line}) waives nothing"));
        }
    }
}

/// Whether a text is written as the id of a built-in check is.
fn like_an_id(text: &str) -> bool {
    let mut letters = text.chars();
    let first = letters.next().is_some_and(|first| "MRFBEHJS".contains(first.to_ascii_uppercase()));
    first && letters.as_str().len() >= 3 && letters.all(|letter| letter.is_ascii_digit())
}

/// Checks one image. A bug in the checker is not the image's fault, and not the end of the
/// others.
pub(super) fn one(image: &Wanted, jobs: &Jobs<'_>, live: &Live, cancel: &Cancel) -> ImageReport {
    let job = match jobs.job(image, cancel) {
        Ok(job) => job,
        Err(error) => {
            let message = error.to_string();
            return ImageReport::not_checked(image.shown(), Trouble { message, hint: None });
        }
    };
    catch_unwind(AssertUnwindSafe(|| conform(&job, live, cancel))).unwrap_or_else(|_| {
        let message =
            format!("check `{}`: the checker itself failed, which is a bug in it", image.shown());
        let hint = Some("report it, with the lines that stand on stderr".to_owned());
        ImageReport::not_checked(image.shown(), Trouble { message, hint })
    })
}

/// Prints to stdout: text image by image, other formats at the end.
struct Printer<'a> {
    settings: &'a Settings,
    page: Page,
    results: Results,
    begun: bool,
    failed: bool,
}

impl<'a> Printer<'a> {
    fn new(settings: &'a Settings) -> Printer<'a> {
        let page = Page { width: term::width(), detail: settings.detail };
        Printer { settings, page, results: Results::default(), begun: false, failed: false }
    }

    fn is_text(&self) -> bool {
        self.settings.format.name == text::FORMAT.name
    }

    fn image(&mut self, image: &ImageReport) {
        // Whoever reads the text sees it there; everybody else is told here.
        if let (Some(trouble), false) =
            (&image.trouble, self.is_text() && term::stdout_is_terminal())
        {
            term::error(&trouble.message, trouble.hint.as_deref());
        }
        if self.is_text() {
            let (page, fail_on) = (self.page, self.settings.fail_on);
            let between = std::mem::replace(&mut self.begun, true);
            self.put(|out| {
                let mut part = Vec::new();
                text::image(image, fail_on, page, &mut part)?;
                if between && !part.is_empty() {
                    writeln!(out)?;
                }
                out.write_all(&part)
            });
        }
    }

    fn end(&mut self, report: &Report) {
        let page = self.page;
        if self.is_text() {
            self.put(|out| text::end(report, page, out));
        } else {
            let format = self.settings.format;
            self.put(|out| (format.write)(report, page, out));
        }
    }

    fn put(&mut self, write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) {
        if self.failed {
            return;
        }
        if let Err(error) = term::results(&mut self.results, write) {
            term::error(&format!("write the results to stdout: {error}"), None);
            self.failed = true;
        }
    }
}

fn list(listed: &[Listed]) -> Exit {
    if listed.is_empty() {
        return nothing_selected();
    }
    let mut results = Results::default();
    let width = listed.iter().map(|line| line.id.len()).max().unwrap_or(0);
    let printed = term::results(&mut results, |out| {
        listed.iter().try_for_each(|line| writeln!(out, "{:width$}  {}", line.id, line.title))
    });
    match printed {
        Ok(()) => Exit::Conforms,
        Err(error) => {
            term::error(&format!("write the list to stdout: {error}"), None);
            Exit::NotChecked
        }
    }
}

fn nothing_selected() -> Exit {
    term::error(
        "nothing is selected: no check and no case fits --only, --skip and --tag",
        Some("scf-conform check --list names all"),
    );
    Exit::NothingSelected
}

pub(super) fn usage(message: &str, help: Option<&str>) -> Exit {
    term::error(message, help);
    Exit::Usage
}
