//! Modules, scripts and files that are not there, against the image's tree: where they lie instead.

use super::clue::{Clue, Language};
use super::meaning::of_tree;
use super::{Found, Signs, access};
use crate::check::Cause;
use crate::image::start::is_below;
use crate::image::{Kind as File, Lookup};

/// Python modules that packages of another name bring.
const PACKAGES: &[(&str, &str)] = &[
    ("yaml", "pyyaml"),
    ("cv2", "opencv-python-headless"),
    ("PIL", "pillow"),
    ("sklearn", "scikit-learn"),
    ("bs4", "beautifulsoup4"),
    ("dotenv", "python-dotenv"),
    ("MySQLdb", "mysqlclient"),
    ("psycopg2", "psycopg2-binary"),
    ("dateutil", "python-dateutil"),
    ("jwt", "pyjwt"),
    ("Crypto", "pycryptodome"),
    ("google", "protobuf"),
];

/// Modules that are nobody's package, but the image's own code.
const OWN: &[&str] = &[
    "app",
    "main",
    "wsgi",
    "asgi",
    "server",
    "application",
    "index",
    "manage",
    "config",
    "settings",
    "api",
    "src",
    "handler",
];

/// A module of a language.
pub(super) fn module(language: Language, name: &str, signs: &Signs<'_>) -> Found {
    if name.starts_with(['/', '.']) {
        return script(name, signs);
    }
    let top = name.split(['.', '/']).next().unwrap_or(name);
    let package = PACKAGES.iter().find(|(module, _)| *module == top).map_or(top, |(_, name)| name);
    let cwd = signs.scene.plan.working_dir.trim_end_matches('/');
    let (what, fix) = match language {
        Language::Python if OWN.contains(&top) => (
            "Python",
            format!(
                "COPY {top}.py {cwd}/    # or set WORKDIR to where it is: it is looked for there"
            ),
        ),
        Language::Python => ("Python", format!("RUN pip install {package}")),
        Language::Node => {
            ("Node.js", format!("RUN npm install {name}    # or npm ci, in the last stage"))
        }
        Language::Ruby => {
            ("Ruby", format!("RUN gem install {top}    # or bundle install, in the last stage"))
        }
        Language::Perl => {
            ("Perl", format!("RUN cpan {}", name.trim_end_matches(".pm").replace('/', "::")))
        }
        Language::Lua => ("Lua", format!("RUN luarocks install {top}")),
    };
    let mut found =
        Found::new(Cause::Exited, format!("the {what} module `{name}` is missing"), fix);
    if let Some(place) = elsewhere(language, top, signs) {
        found.what =
            format!("{}; it is at `{}`, where it is not looked for", found.what, place.path);
        found.fix = place.fix;
    }
    found
}

/// A module has not what it was to have: perhaps another one of that name is meant.
pub(super) fn attribute(clue: &Clue, signs: &Signs<'_>) -> Found {
    let module = clue.subject.as_deref().unwrap_or_default();
    match elsewhere(Language::Python, module, signs) {
        Some(place) => Found::new(
            Cause::Exited,
            format!(
                "the Python module `{module}` that it finds is not the one at `{}`",
                place.path
            ),
            format!("WORKDIR {}    # or gunicorn --chdir", parent(&place.path)),
        ),
        None => Found::new(
            Cause::Exited,
            format!("it says `{}`", clue.line),
            "name what the module really defines: gunicorn MODULE:NAME",
        ),
    }
}

/// Where a module lies instead.
struct Elsewhere {
    path: String,
    fix: String,
}

fn elsewhere(language: Language, top: &str, signs: &Signs<'_>) -> Option<Elsewhere> {
    let tree = signs.scene.tree;
    let names = [top.to_owned(), format!("{top}.py")];
    let is_package = |node| tree.child(node, "__init__.py").is_some();
    let found = tree.walk().find(|(path, node)| {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_directory = tree.node(*node).kind == File::Directory;
        match language {
            // As installed, in one of Python's own directories; or as part of the image's code.
            Language::Python => {
                let named = names[usize::from(!is_directory)] == name;
                let code = is_of_code(path) && (!is_directory || is_package(*node));
                named && (directory.ends_with("-packages") || code)
            }
            Language::Node => {
                let of_another = path.matches("/node_modules/").count() > 1;
                is_directory && name == top && directory.ends_with("/node_modules") && !of_another
            }
            Language::Ruby | Language::Perl | Language::Lua => false,
        }
    });
    let (path, _) = found?;
    let directory = parent(&path).to_owned();
    // There, and still not found: something else is wrong with it.
    if signs.scene.plan.working_dir == directory {
        return None;
    }
    let variable = if language == Language::Node { "NODE_PATH" } else { "PYTHONPATH" };
    let hidden = access::hidden_by_tmp(&path, signs.scene);
    let fix = hidden.map_or_else(|| format!("ENV {variable}={directory}"), |(_, fix)| fix);
    Some(Elsewhere { path, fix })
}

/// What it was to run is not there.
pub(super) fn script(path: &str, signs: &Signs<'_>) -> Found {
    let found = not_there(path, signs);
    let full = absolute(path, &signs.scene.plan.working_dir);
    let name = path.rsplit('/').next().unwrap_or(path);
    let fix = if full.contains("/vendor/") {
        "RUN composer install --no-dev    # in the image's last stage".to_owned()
    } else if found.fix.starts_with("RUN mkdir") {
        format!("COPY {name} {full}")
    } else {
        found.fix
    };
    Found { fix, ..found }
}

/// A file that is not there; perhaps it is in the image's `/tmp`, or lies elsewhere.
pub(super) fn not_there(path: &str, signs: &Signs<'_>) -> Found {
    let scene = signs.scene;
    if let Some((what, fix)) = access::hidden_by_tmp(path, scene) {
        return Found::new(Cause::Exited, what, fix);
    }
    let cwd = &scene.plan.working_dir;
    let named = if path.starts_with('/') { String::new() } else { format!(" in {cwd}") };
    if let Lookup::Found { .. } = scene.tree.lookup(path, cwd) {
        // What a script names is there: then what runs it, or what it runs on, is not.
        if let Some(found) = of_tree(path, signs) {
            return found;
        }
        return Found::new(
            Cause::Exited,
            format!("it did not find `{path}`, which is in the image"),
            "see the last log lines",
        );
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let other = scene.tree.walk().find(|(found, node)| {
        let file = matches!(
            scene.tree.node(*node).kind,
            File::File { .. } | File::Script { .. } | File::Elf { .. }
        );
        file && found.rsplit('/').next() == Some(name) && is_of_code(found)
    });
    let full = absolute(path, cwd);
    let what = format!("the file `{path}` is not there{named}");
    if let Some((other, _)) = other {
        return Found::new(
            Cause::Exited,
            format!("{what}; the image has `{other}`"),
            format!("name it as `{other}`, or: WORKDIR {}", parent(&other)),
        );
    }
    match scene.tree.lookup(path, cwd) {
        Lookup::Missing(component) | Lookup::NotDirectory(component) if component != full => {
            Found::new(
                Cause::Exited,
                format!("`{path}` is not there, nor is `{component}`"),
                format!("RUN mkdir -p {}    # to write there; to read, COPY it", parent(&full)),
            )
        }
        _ => Found::new(Cause::Exited, what, format!("COPY {name} {full}")),
    }
}

fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// Whether a path is likely to be of what the image is for, and of no package.
fn is_of_code(path: &str) -> bool {
    const SYSTEM: [&str; 8] =
        ["/proc", "/sys", "/dev", "/usr/share", "/usr/lib", "/usr/include", "/var", "/etc"];
    let package = path.contains("/node_modules/") || path.contains("-packages/");
    !package && !SYSTEM.iter().any(|top| is_below(path, top))
}

fn absolute(path: &str, cwd: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{}/{}", cwd.trim_end_matches('/'), path.trim_start_matches("./"))
    }
}
