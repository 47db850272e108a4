//! Tars in memory, good and bad ones, read back.

use super::*;

/// A tar in memory.
struct Bytes<'a>(&'a [u8]);

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Tape for Bytes<'_> {
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.0.len());
        self.0 = &self.0[count..];
        Ok(count as u64)
    }
}

/// The entries' paths, links and contents as lines, and then the error if there is one.
fn told(tar: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let result = each_entry(&mut Bytes(tar), &mut |entry| {
        let mut content = String::new();
        entry.content.read_to_string(&mut content)?;
        let short = |text: &str| text.chars().take(12).collect::<String>();
        let (path, link) = (short(&entry.path), short(&entry.link));
        lines.push(format!("{path} {link} {} {content}", entry.size).replace("  ", " "));
        Ok(())
    });
    lines.extend(result.err().map(|error| format!("! {error}")));
    lines
}

fn header(path: &str, kind: u8, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_path(path).expect("a short path");
    header.set_entry_type(EntryType::new(kind));
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

fn entry(path: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(path, kind, content.len() as u64).as_bytes().to_vec();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let length = (1..5000_usize).find(|all| all.to_string().len() + rest.len() == *all);
        text.push_str(&length.expect("some length fits").to_string());
        text.push_str(&rest);
    }
    entry("pax", b'x', text.as_bytes())
}

#[track_caller]
fn check(tar: &[Vec<u8>], expected: &[&str]) {
    let mut bytes = tar.concat();
    bytes.extend([0; 1024]);
    assert_eq!(told(&bytes), expected);
}

#[test]
fn entries_come_in_order() {
    check(&[entry("a", b'0', b"one"), entry("b/", b'5', b"")], &["a 3 one", "b/ 0 "]);
    check(&[], &[]);
    assert_eq!(told(&entry("a", b'0', b"one")), ["a 3 one"], "no end mark is an end too");
    assert_eq!(told(&[]), [""; 0]);
}

#[test]
fn extended_headers_are_believed() {
    let long = "x".repeat(300);
    check(&[entry("l", b'L', long.as_bytes()), entry("a", b'0', b"1")], &["xxxxxxxxxxxx 1 1"]);
    check(&[entry("l", b'K', b"to\0"), entry("a", b'2', b"")], &["a to 0 "]);
    check(
        &[pax(&[("path", "new\nname"), ("linkpath", "t")]), entry("a", b'1', b"")],
        &["new\nname t 0 "],
    );
    // What stands before one entry says nothing of the next.
    check(
        &[pax(&[("path", "p")]), entry("a", b'0', b""), entry("b", b'0', b"")],
        &["p 0 ", "b 0 "],
    );
    // Of all that follow: not believed.
    check(&[entry("g", b'g', b"9 path=x\n"), entry("a", b'0', b"")], &["a 0 "]);
}

#[test]
fn the_size_of_an_extended_header_counts() {
    let mut file = header("a", b'0', 0).as_bytes().to_vec();
    file.extend(b"12345");
    file.resize(1024, 0);
    check(&[pax(&[("size", "5")]), file, entry("b", b'0', b"2")], &["a 5 12345", "b 1 2"]);
}

#[test]
fn a_link_has_no_bytes() {
    let mut link = header("a", b'1', 700);
    link.set_link_name("t").expect("short");
    link.set_cksum();
    check(&[link.as_bytes().to_vec(), entry("b", b'0', b"2")], &["a t 0 ", "b 1 2"]);
}

#[test]
fn damage_is_told_with_its_place() {
    let whole = [entry("a", b'0', b"one"), entry("b", b'0', &[b'x'; 600])].concat();
    let check = |bytes: &[u8], expected: &str| {
        assert_eq!(told(bytes).last().map(String::as_str), Some(expected));
    };
    check(&whole[..1100], "! the header at byte 1024 ends after 76 of 512 bytes");
    check(&whole[..1636], "! `b` ends after 100 of 600 bytes");
    check(&[b'x'; 512], "! the header at byte 0 has a wrong checksum");
    let hole = [&[0; 512][..], &entry("a", b'0', b"")].concat();
    check(&hole, "! one block of zeros and more entries, at byte 512");
    check(&entry("a", b'S', b""), "! `a` is stored with holes (sparse), which is not read");
    check(
        &header("l", b'L', 1 << 40).as_bytes()[..],
        "! a name or extended header of 1099511627776 bytes, at byte 512",
    );
    check(&entry("p", b'x', b"99 path=x\n"), "! an extended header is damaged");
    check(&pax(&[("size", "much")]), "! an extended header's size is no number");
    let most = [pax(&[("size", &u64::MAX.to_string())]), entry("a", b'0', b"")].concat();
    check(&most, "! `a` has 18446744073709551615 bytes, more than any file has");
}
