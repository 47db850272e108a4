//! Reports in files: whole or not at all.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anstream::StripStream;
use scf_conform::report::{Page, Report};

use super::settings::ReportFile;

/// Why a report cannot be written where it is wanted, before anything is run.
pub(super) fn refusal(file: &ReportFile) -> Option<(String, Option<String>)> {
    let path = &file.path;
    if path.is_dir() {
        return Some((format!("report {}: it is a directory", named(file)), None));
    }
    let parent = directory(path);
    (!parent.is_dir()).then(|| {
        let message =
            format!("report {}: there is no directory `{}`", named(file), parent.display());
        (message, Some(format!("mkdir -p {}", parent.display())))
    })
}

/// Writes one report. What was there before stays until the new one is whole.
pub(super) fn write(file: &ReportFile, report: &Report) -> Result<(), String> {
    // A file has no colours, whatever the terminal has.
    let mut plain = StripStream::new(Vec::new());
    (file.format.write)(report, Page::default(), &mut plain)
        .and_then(|()| put(&file.path, &plain.into_inner()))
        .map_err(|error| format!("write report {}: {error}", named(file)))
}

fn named(file: &ReportFile) -> String {
    format!("`{}={}`", file.format.name, file.path.display())
}

/// Puts bytes into a file, whole or not at all.
pub(super) fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link stays a link: what it leads to is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
        // A device or a pipe: `/dev/null` is written to, not replaced.
        return OpenOptions::new().write(true).open(&path)?.write_all(bytes);
    }
    let mut neighbour = tempfile::Builder::new()
        .prefix(".scf-conform-")
        .permissions(Permissions::from_mode(0o666)) // less what the umask takes
        .tempfile_in(directory(&path))?;
    neighbour.write_all(bytes)?;
    neighbour.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

fn directory(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "looks at what was written")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("report.json");
        let link = dir.path().join("link.json");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        for (to, text) in [(&path, "a long first text"), (&path, "second"), (&link, "third")] {
            put(to, text.as_bytes()).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("read"), text);
        }
        assert!(link.is_symlink());
        assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 2, "nothing is left");
    }

    #[test]
    fn a_device_is_written_to() {
        put(Path::new("/dev/null"), b"gone").expect("written");
        assert!(!fs::metadata("/dev/null").expect("there").is_file());
    }
}
