//! From settings to what the library is asked to do.

use std::sync::Arc;

use scf_conform::contract::{Function, FunctionType};
use scf_conform::engine::{Engine, EngineError};
use scf_conform::oci::{Reference, ReferenceError};
use scf_conform::pipeline::Job;
use scf_conform::registry::Access;
use scf_conform::rules::{self, Look, RULES};
use scf_conform::run::Cancel;
use scf_conform::source::Local;
use scf_conform::suite::{Style, Suite, Unset, builtin, checked_as, number};

use super::engines::{self, Places};
use super::settings::Settings;
use super::suites;

/// What is the same for all images of a run.
pub(super) struct Jobs<'a> {
    settings: &'a Settings,
    /// Given, or that of the user's suites.
    kind: Option<FunctionType>,
    suites: Arc<Vec<Suite>>,
    /// The first boots for the report; the others are compared with it.
    engines: Vec<Arc<dyn Engine>>,
}

/// An image that is to be checked.
pub(super) struct Wanted {
    /// As the user wrote it.
    pub(super) text: String,
    /// The name that it shall have, where that is another.
    pub(super) known_as: Option<Reference>,
    shown: String,
}

impl Wanted {
    /// An image under its own name.
    pub(super) fn new(text: &str) -> Wanted {
        Wanted { text: text.to_owned(), known_as: None, shown: text.to_owned() }
    }

    /// An image that shall have another name.
    pub(super) fn named(text: &str, name: Reference) -> Wanted {
        Wanted { text: text.to_owned(), shown: name.to_string(), known_as: Some(name) }
    }

    /// How reports call it.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }
}

/// A line of `--list`.
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) title: String,
}

impl<'a> Jobs<'a> {
    /// Reads the user's suites. An error is what to print: quoted lines for a mistake in one.
    pub(super) fn new(settings: &'a Settings, style: Style) -> Result<Jobs<'a>, String> {
        let mut suites = Vec::new();
        let mut problems = Vec::new();
        for file in &settings.suites {
            match suites::read(file, &settings.given, Unset::Told) {
                Ok(suite) => suites.push(suite),
                Err(unread) => problems.push(unread.render(style)),
            }
        }
        problems.extend(settings.given.undeclared(&suites));
        let kind = match checked_as(settings.function.kind, &suites) {
            Ok(kind) => kind,
            Err(other) => {
                problems.push(format!("error: {other}\n  help: leave --type out, or the suite"));
                None
            }
        };
        if !problems.is_empty() {
            return Err(problems.join("\n"));
        }
        number(&mut suites);
        Ok(Jobs { settings, kind, suites: Arc::new(suites), engines: Vec::new() })
    }

    /// What is checked as the suites are for, and not as the image answers, is told.
    pub(super) fn note(&self) -> Option<String> {
        let kind = self.kind.filter(|_| self.settings.function.kind.is_none())?;
        Some(format!(
            "checked as {} functions, as the suites are for; --type says it otherwise",
            kind.word()
        ))
    }

    /// Finds who boots, unless nothing is to be booted.
    pub(super) fn find_engine(&mut self) -> Result<(), EngineError> {
        if self.settings.static_only {
            return Ok(());
        }
        let places =
            Places { cache: &self.settings.cache_dir, surroundings: &self.settings.surroundings };
        self.engines = engines::find(&self.settings.engine, &places)?;
        Ok(())
    }

    /// What would be checked, for functions of the type that is set, or of both.
    pub(super) fn listed(&self) -> Vec<Listed> {
        let Settings { selection, static_only, engine, .. } = self.settings;
        let kinds = match self.kind {
            Some(kind) => vec![kind],
            None => vec![FunctionType::Event, FunctionType::Http],
        };
        let rules = RULES
            .iter()
            .filter(|rule| rules::concerns(rule, self.kind))
            .filter(|rule| match rule.look {
                Look::Engines(_) => !static_only && engine.are_several(),
                look => look.is_static() || !static_only,
            })
            .filter(|rule| selection.wants(rule.id, rule.title, &[]))
            .map(|rule| Listed { id: rule.id.to_owned(), title: rule.title.to_owned() });
        let own = self.suites.iter().filter(|suite| kinds.contains(&suite.kind));
        let built_in = kinds.iter().filter_map(|kind| builtin(*kind));
        let built_in = built_in.filter(|_| self.settings.builtin);
        let cases = built_in
            .chain(own)
            .filter(|_| !static_only)
            .flat_map(|suite| &suite.cases)
            .filter(|case| selection.wants(&case.id, &case.name, &case.tags))
            .map(|case| Listed { id: case.id.clone(), title: case.name.clone() });
        rules.chain(cases).collect()
    }

    /// The job for one image.
    pub(super) fn job(&self, image: &Wanted, cancel: &Cancel) -> Result<Job, ReferenceError> {
        let settings = self.settings;
        Ok(Job {
            reference: Reference::parse(&image.text, std::path::Path::exists)?,
            known_as: image.known_as.clone(),
            function: Function { kind: self.kind, ..settings.function.clone() },
            engine: self.engines.first().cloned(),
            compare_with: self.engines.iter().skip(1).cloned().collect(),
            suites: Arc::clone(&self.suites),
            builtin: settings.builtin,
            selection: settings.selection.clone(),
            boots: settings.boots,
            measure: settings.measure,
            local: self.local(cancel),
        })
    }

    /// What is used of this machine to read images.
    pub(super) fn local(&self, cancel: &Cancel) -> Local {
        let cancel = cancel.clone();
        let stopped = Arc::new(move || cancel.cancelled());
        Local {
            scratch: self.settings.cache_dir.clone(),
            surroundings: self.settings.surroundings.clone(),
            registry: Access { stopped, ..self.settings.registry.clone() },
        }
    }
}
