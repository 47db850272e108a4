//! What an ELF file's headers say, as far as starting it depends on them; read as the file
//! goes by, with bounded memory.

use std::io::{self, Read};

use object::elf;
use object::endian::Endianness;
use object::pod;
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader};

use super::Kind;

/// The headers of one ELF file.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ElfFacts {
    /// 32 or 64.
    pub bits: u8,
    /// `e_machine`: 62 is x86-64, 183 is AArch64.
    pub machine: u16,
    /// `PT_INTERP`; `None` for a static program or a library.
    pub interpreter: Option<String>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<String>,
    /// `DT_RPATH`, split at colons.
    pub rpath: Vec<String>,
    /// `DT_RUNPATH`, split at colons.
    pub runpath: Vec<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// Why the dynamic section could not be read, where it could not: a damaged file, or one
    /// whose tables lie farther apart than is kept in memory.
    pub unread: Option<String>,
}

impl ElfFacts {
    /// Bytes that the names take, roughly.
    pub(super) fn bytes(&self) -> usize {
        let lists = [&self.needed, &self.rpath, &self.runpath].into_iter().flatten();
        let single = [&self.interpreter, &self.soname].into_iter().flatten();
        let names = lists.chain(single).map(|name| size_of::<String>() + name.len());
        size_of::<ElfFacts>() + names.sum::<usize>()
    }
}

/// Bytes from the beginning that are kept while a file goes by. The tables that matter come
/// early in nearly every file.
const PREFIX: u64 = 16 << 20;
/// Bytes that are enough for the header and its table of segments, in nearly every file.
const HEADERS: u64 = 4 << 10;
/// Memory that is kept from one file to the next, in bytes.
const LARGEST_SPARE: usize = 1 << 20;
/// The largest table that is kept from beyond the prefix.
const LARGEST_TABLE: u64 = 4 << 20;
/// The longest name that is believed.
const LONGEST_NAME: usize = 4096;
/// Names that are believed of one file.
const MOST_NAMES: usize = 4096;
/// The kernel reads this much of a script's first line, `#!` included.
const SCRIPT_LINE: usize = 256;

/// The first four bytes of a script with a byte order mark.
const MARKED: &[u8] = b"\xef\xbb\xbf#";

/// Tells programs, scripts and other files apart, with one buffer for all of them.
#[derive(Default)]
pub(super) struct Sniffer {
    /// From the file's beginning.
    seen: Vec<u8>,
    /// The last range from behind the prefix, which ends where the file was read to.
    beyond: Vec<u8>,
    /// Bytes of the file that went by.
    read: u64,
}

impl Sniffer {
    /// Looks at a file of `size` bytes as far as is needed, and leaves the rest unread.
    pub(super) fn kind(&mut self, file: &mut dyn Read, size: u64) -> io::Result<Kind> {
        self.seen.clear();
        self.seen.shrink_to(LARGEST_SPARE);
        self.beyond.clear();
        self.beyond.shrink_to(LARGEST_SPARE);
        self.read = 0;
        self.upto(file, 4)?;
        if self.seen.starts_with(b"#!") {
            self.upto(file, SCRIPT_LINE as u64)?;
            let line = self.seen[2..].split(|byte| *byte == b'\n').next().unwrap_or_default();
            return Ok(Kind::Script { size, line: line.to_vec() });
        }
        if self.seen.starts_with(MARKED) {
            // No script to the kernel, and meant as one: the mark is kept with the line.
            self.upto(file, SCRIPT_LINE as u64)?;
            let line = self.seen.split(|byte| *byte == b'\n').next().unwrap_or_default();
            if line.starts_with(b"\xef\xbb\xbf#!") {
                return Ok(Kind::Script { size, line: line.to_vec() });
            }
            return Ok(Kind::File { size });
        }
        if self.seen != elf::ELFMAG[..] {
            return Ok(Kind::File { size });
        }
        let facts = self.facts(file, size)?;
        Ok(Kind::Elf { size, facts: Box::new(facts) })
    }

    /// Keeps the file's bytes up to an offset, or to its end.
    fn upto(&mut self, file: &mut dyn Read, offset: u64) -> io::Result<()> {
        let more = offset.saturating_sub(self.read);
        // Exactly: doubling what is large already would be most of the memory.
        self.seen.reserve_exact(usize::try_from(more).unwrap_or(0));
        let count = file.take(more).read_to_end(&mut self.seen)?;
        self.read += count as u64;
        Ok(())
    }

    fn facts(&mut self, file: &mut dyn Read, size: u64) -> io::Result<ElfFacts> {
        self.upto(file, HEADERS)?;
        let mut facts = ElfFacts::default();
        if self.seen.get(4) == Some(&elf::ELFCLASS32.0) {
            facts.bits = 32;
            if let Ok(header) = elf::FileHeader32::<Endianness>::parse(&*self.seen) {
                facts.machine = header.endian().map_or(0, |endian| header.e_machine(endian).0);
            }
            return Ok(facts);
        }
        facts.bits = 64;
        let Some(layout) = Layout::of(&self.seen, &mut facts) else {
            facts.unread.get_or_insert_with(|| "its ELF header is damaged".to_owned());
            return Ok(facts);
        };
        self.names(file, size, &layout, &mut facts)?;
        Ok(facts)
    }

    fn names(
        &mut self,
        file: &mut dyn Read,
        size: u64,
        layout: &Layout,
        facts: &mut ElfFacts,
    ) -> io::Result<()> {
        let unread = |facts: &mut ElfFacts, what: &str| facts.unread = Some(what.to_owned());
        if let Some(interpreter) = layout.interpreter {
            let Some(bytes) = self.range(file, interpreter)? else {
                unread(facts, "its interpreter's name lies out of reach");
                return Ok(());
            };
            facts.interpreter = text(bytes, 0);
        }
        let Some(dynamic) = layout.dynamic else { return Ok(()) };
        let Some(bytes) = self.range(file, dynamic)? else {
            unread(facts, "its dynamic section lies out of reach");
            return Ok(());
        };
        let table = Dynamic::parse(bytes, layout.endian);
        let Some((address, length)) = table.strings else { return Ok(()) };
        let Some(offset) = layout.offset(address) else {
            unread(facts, "its table of names is in no segment");
            return Ok(());
        };
        let strings = (offset, length.min(size.saturating_sub(offset)));
        let Some(strings) = self.range(file, strings)? else {
            unread(facts, "its table of names lies out of reach");
            return Ok(());
        };
        let name = |at: &u64| usize::try_from(*at).ok().and_then(|at| text(strings, at));
        let list = |at: &Option<u64>| {
            let joined = at.as_ref().and_then(name).unwrap_or_default();
            joined.split(':').filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        facts.needed = table.needed.iter().filter_map(name).collect();
        facts.soname = table.soname.as_ref().and_then(name);
        facts.rpath = list(&table.rpath);
        facts.runpath = list(&table.runpath);
        Ok(())
    }

    /// A range of the file's bytes; `None` where it went by, or is too large to keep.
    fn range(
        &mut self,
        file: &mut dyn Read,
        (offset, length): (u64, u64),
    ) -> io::Result<Option<&[u8]>> {
        let Some(end) = offset.checked_add(length) else { return Ok(None) };
        if end <= PREFIX {
            if self.beyond.is_empty() {
                self.upto(file, end)?;
            }
            return Ok(slice(&self.seen, offset, end));
        }
        // The prefix is kept whole before anything behind it is: names come early, and the
        // table that leads to them late.
        if self.beyond.is_empty() {
            self.upto(file, PREFIX)?;
        }
        if offset < self.read || length > LARGEST_TABLE {
            let start = self.read.saturating_sub(self.beyond.len() as u64);
            let inside = offset.checked_sub(start).zip(end.checked_sub(start));
            return Ok(inside.and_then(|(from, to)| slice(&self.beyond, from, to)));
        }
        io::copy(&mut (&mut *file).take(offset - self.read), &mut io::sink())?;
        self.beyond.clear();
        let count = file.take(length).read_to_end(&mut self.beyond)?;
        self.read = offset + count as u64;
        Ok(Some(&self.beyond))
    }
}

/// A part of some bytes, cut where they end; `None` where it begins behind them.
fn slice(bytes: &[u8], from: u64, to: u64) -> Option<&[u8]> {
    let from = usize::try_from(from).ok()?;
    let to = usize::try_from(to).unwrap_or(usize::MAX).min(bytes.len());
    bytes.get(from..to)
}

/// Where in a file the parts are that matter.
struct Layout {
    endian: Endianness,
    interpreter: Option<(u64, u64)>,
    dynamic: Option<(u64, u64)>,
    /// Address, file offset and length of the loaded segments.
    loaded: Vec<(u64, u64, u64)>,
}

impl Layout {
    fn of(bytes: &[u8], facts: &mut ElfFacts) -> Option<Layout> {
        let header = elf::FileHeader64::<Endianness>::parse(bytes).ok()?;
        let endian = header.endian().ok()?;
        facts.machine = header.e_machine(endian).0;
        let segments = header.program_headers(endian, bytes).ok()?;
        let mut layout = Layout { endian, interpreter: None, dynamic: None, loaded: Vec::new() };
        for segment in segments {
            let range = (segment.p_offset(endian), segment.p_filesz(endian));
            match segment.p_type(endian) {
                elf::PT_INTERP if range.1 <= LONGEST_NAME as u64 => {
                    layout.interpreter = Some(range);
                }
                elf::PT_DYNAMIC => layout.dynamic = Some(range),
                elf::PT_LOAD => layout.loaded.push((segment.p_vaddr(endian), range.0, range.1)),
                _ => {}
            }
        }
        Some(layout)
    }

    fn offset(&self, address: u64) -> Option<u64> {
        self.loaded.iter().find_map(|(from, offset, length)| {
            let inside = address.checked_sub(*from)?;
            (inside < *length).then(|| offset.checked_add(inside)).flatten()
        })
    }
}

/// The entries of a dynamic section that matter, as offsets into its names.
#[derive(Default)]
struct Dynamic {
    needed: Vec<u64>,
    rpath: Option<u64>,
    runpath: Option<u64>,
    soname: Option<u64>,
    strings: Option<(u64, u64)>,
}

impl Dynamic {
    fn parse(bytes: &[u8], endian: Endianness) -> Dynamic {
        type Entry = elf::Dyn64<Endianness>;
        let count = bytes.len() / size_of::<Entry>();
        let entries =
            pod::slice_from_bytes::<Entry>(bytes, count).map_or(&[][..], |(entries, _)| entries);
        let mut table = Dynamic::default();
        let (mut address, mut length) = (None, u64::MAX);
        for entry in entries {
            let value = entry.d_val(endian);
            match entry.d_tag(endian) {
                elf::DT_NULL => break,
                elf::DT_NEEDED if table.needed.len() < MOST_NAMES => table.needed.push(value),
                elf::DT_RPATH => table.rpath = Some(value),
                elf::DT_RUNPATH => table.runpath = Some(value),
                elf::DT_SONAME => table.soname = Some(value),
                elf::DT_STRTAB => address = Some(value),
                elf::DT_STRSZ => length = value,
                _ => {}
            }
        }
        table.strings = address.map(|address| (address, length));
        table
    }
}

/// The text at an offset, up to its zero byte.
fn text(bytes: &[u8], at: usize) -> Option<String> {
    let bytes = bytes.get(at..)?;
    let text = bytes.split(|byte| *byte == 0).next()?;
    (text.len() <= LONGEST_NAME).then(|| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "this test's own program is a real ELF file")]

    use super::*;

    fn sniff(bytes: &[u8]) -> Kind {
        Sniffer::default().kind(&mut &*bytes, bytes.len() as u64).expect("no reader fails here")
    }

    #[test]
    fn this_program_needs_its_c_library() {
        let bytes = std::fs::read(std::env::current_exe().expect("a path")).expect("readable");
        let Kind::Elf { facts, .. } = sniff(&bytes) else { panic!("no ELF file") };
        assert_eq!((facts.bits, facts.machine), (64, 62));
        assert_eq!(facts.unread, None);
        assert!(facts.needed.iter().any(|name| name.starts_with("libc.so")), "{facts:?}");
        assert!(facts.interpreter.is_some_and(|path| path.starts_with("/lib")));
    }

    /// Moves the names' table and the dynamic section of a small file to where a large one
    /// has them, behind the prefix, and wants them to be found.
    #[test]
    fn tables_behind_the_prefix_are_found() {
        let far = PREFIX + 4096;
        let mut file = vec![0u8; usize::try_from(far).expect("small") + 4096];
        let mut put = |at: u64, bytes: &[u8]| {
            let at = usize::try_from(at).expect("small");
            file[at..at + bytes.len()].copy_from_slice(bytes);
        };
        put(0, b"\x7fELF\x02\x01\x01");
        for (at, value, width) in [
            (16, 3, 2),
            (18, 62, 2),
            (20, 1, 4),
            (32, 64, 8),
            (52, 64, 2),
            (54, 56, 2),
            (56, 2, 2),
            // PT_LOAD of everything, and PT_DYNAMIC far behind.
            (64, 1, 4),
            (64 + 32, far + 4096, 8),
            (64 + 40, far + 4096, 8),
            (120, 2, 4),
            (120 + 8, far, 8),
            (120 + 32, 64, 8),
            // DT_STRTAB, DT_STRSZ, DT_NEEDED, DT_NULL.
            (far, 5, 8),
            (far + 8, 1000, 8),
            (far + 16, 10, 8),
            (far + 24, 32, 8),
            (far + 32, 1, 8),
            (far + 40, 1, 8),
        ] {
            put(at, &u64::to_le_bytes(value)[..width]);
        }
        put(1000, b"\0libfar.so.1\0");
        let Kind::Elf { facts, .. } = sniff(&file) else { panic!("no ELF file") };
        assert_eq!(facts.needed, ["libfar.so.1"], "{facts:?}");
    }

    #[test]
    fn scripts_and_others() {
        assert_eq!(
            sniff(b"#!/bin/sh\r\nx"),
            Kind::Script { size: 12, line: b"/bin/sh\r".to_vec() }
        );
        assert_eq!(sniff(b"#!"), Kind::Script { size: 2, line: Vec::new() });
        let marked = b"\xef\xbb\xbf#!/bin/sh";
        assert_eq!(
            sniff(b"\xef\xbb\xbf#!/bin/sh\n"),
            Kind::Script { size: 13, line: marked.to_vec() }
        );
        assert_eq!(sniff(b"\xef\xbb\xbf# a"), Kind::File { size: 6 });
        assert_eq!(sniff(b""), Kind::File { size: 0 });
        assert_eq!(sniff(b"text"), Kind::File { size: 4 });
    }

    #[test]
    fn damage_is_no_panic() {
        let bytes = std::fs::read(std::env::current_exe().expect("a path")).expect("readable");
        let head = &bytes[..bytes.len().min(1 << 16)];
        for end in (4..head.len()).step_by(97) {
            let _ = sniff(&head[..end]);
        }
        for at in 4..1024.min(head.len()) {
            let mut wild = head.to_vec();
            wild[at] ^= 0xff;
            let _ = sniff(&wild);
        }
    }
}
