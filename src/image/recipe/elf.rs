//! ELF files that have all headers and no code: enough for whoever only reads them.

use serde::Deserialize;

use super::Machine;

/// What a synthetic ELF file says of itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SyntheticElf {
    /// The kind of machine.
    pub machine: Machine,
    /// `PT_INTERP`.
    pub interpreter: Option<String>,
    /// `DT_NEEDED`.
    pub needed: Vec<String>,
    /// `DT_RPATH`, with its colons.
    pub rpath: Option<String>,
    /// `DT_RUNPATH`, with its colons.
    pub runpath: Option<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
}

/// Place of `e_machine` in the header, 64-bit and 32-bit alike.
const MACHINE_AT: usize = 18;

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;

/// A copy of an ELF file that says it is for another machine.
pub(super) fn with_machine(program: &[u8], machine: Machine) -> Vec<u8> {
    let mut program = program.to_vec();
    if let Some(field) = program.get_mut(MACHINE_AT..MACHINE_AT + 2) {
        field.copy_from_slice(&machine.number().to_le_bytes());
    }
    program
}

impl Machine {
    /// `e_machine`.
    fn number(self) -> u16 {
        match self {
            Machine::X86_64 => 62,
            Machine::Aarch64 => 183,
            Machine::I386 => 3,
        }
    }
}

impl SyntheticElf {
    /// The file: header, program headers, interpreter, strings, dynamic section. Addresses
    /// are places in the file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut strings = vec![0];
        let mut dynamic: Vec<(u64, u64)> = Vec::new();
        let texts = self.needed.iter().map(|name| (DT_NEEDED, name));
        let texts = texts
            .chain(self.soname.iter().map(|name| (DT_SONAME, name)))
            .chain(self.rpath.iter().map(|path| (DT_RPATH, path)))
            .chain(self.runpath.iter().map(|path| (DT_RUNPATH, path)));
        for (tag, text) in texts {
            dynamic.push((tag, strings.len() as u64));
            strings.extend(text.bytes().chain([0]));
        }
        let interpreter: Vec<u8> = match &self.interpreter {
            Some(path) => path.bytes().chain([0]).collect(),
            None => Vec::new(),
        };
        let is_dynamic = !dynamic.is_empty() || self.interpreter.is_some();
        let headers = 1 + usize::from(self.interpreter.is_some()) + usize::from(is_dynamic);
        let interpreter_at = HEADER + headers * PROGRAM_HEADER;
        let strings_at = interpreter_at + interpreter.len();
        let dynamic_at = (strings_at + strings.len()).next_multiple_of(8);
        dynamic.extend([
            (DT_STRTAB, strings_at as u64),
            (DT_STRSZ, strings.len() as u64),
            (DT_NULL, 0),
        ]);
        let dynamic_size = if is_dynamic { dynamic.len() * 16 } else { 0 };
        let end = dynamic_at + dynamic_size;

        let mut file = self.header(headers);
        if self.interpreter.is_some() {
            program_header(&mut file, PT_INTERP, interpreter_at, interpreter.len());
        }
        program_header(&mut file, PT_LOAD, 0, end);
        if is_dynamic {
            program_header(&mut file, PT_DYNAMIC, dynamic_at, dynamic_size);
        }
        file.extend(interpreter);
        file.extend(strings);
        file.resize(dynamic_at, 0);
        if is_dynamic {
            for (tag, value) in dynamic {
                file.extend(tag.to_le_bytes());
                file.extend(value.to_le_bytes());
            }
        }
        file
    }

    fn header(&self, program_headers: usize) -> Vec<u8> {
        let mut header = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0];
        header.resize(16, 0);
        header.extend(3u16.to_le_bytes()); // ET_DYN, libraries and programs alike
        header.extend(self.machine.number().to_le_bytes());
        header.extend(1u32.to_le_bytes());
        header.extend(0u64.to_le_bytes()); // no code, no entry
        header.extend((HEADER as u64).to_le_bytes());
        header.extend(0u64.to_le_bytes()); // no sections
        header.extend(0u32.to_le_bytes());
        let count = u16::try_from(program_headers).unwrap_or(u16::MAX);
        for half in [64, 56, count, 64, 0, 0] {
            header.extend(half.to_le_bytes());
        }
        header
    }
}

fn program_header(file: &mut Vec<u8>, kind: u32, at: usize, size: usize) {
    let (at, size) = (at as u64, size as u64);
    file.extend(kind.to_le_bytes());
    file.extend(5u32.to_le_bytes()); // read and execute
    for value in [at, at, at, size, size, if kind == PT_LOAD { 4096 } else { 8 }] {
        file.extend(value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use object::Endianness;
    use object::elf::FileHeader64;
    use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _};

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let wanted = SyntheticElf {
            machine: Machine::Aarch64,
            interpreter: Some("/lib/ld.so".to_owned()),
            needed: vec!["liba.so".to_owned(), "libb.so".to_owned()],
            runpath: Some("$ORIGIN/lib".to_owned()),
            ..SyntheticElf::default()
        };
        let bytes = wanted.bytes();
        let header = FileHeader64::<Endianness>::parse(bytes.as_slice()).expect("a header");
        assert_eq!(header.e_machine(Endianness::Little).0, 183);
        let programs = header.program_headers(Endianness::Little, bytes.as_slice()).expect("them");
        let interpreter = programs
            .iter()
            .find_map(|one| one.interpreter(Endianness::Little, bytes.as_slice()).ok().flatten());
        assert_eq!(interpreter, Some(b"/lib/ld.so".as_slice()));
        let dynamic = programs
            .iter()
            .find_map(|one| one.dynamic(Endianness::Little, bytes.as_slice()).ok().flatten())
            .expect("a dynamic section");
        let tags = dynamic.iter().map(|one| one.d_tag(Endianness::Little).0.cast_unsigned());
        let wanted = [DT_NEEDED, DT_NEEDED, DT_RUNPATH, DT_STRTAB, DT_STRSZ, DT_NULL];
        assert!(tags.eq(wanted));
    }

    #[test]
    fn a_static_one_has_no_dynamic_section() {
        let bytes = SyntheticElf::default().bytes();
        let header = FileHeader64::<Endianness>::parse(bytes.as_slice()).expect("a header");
        let programs = header.program_headers(Endianness::Little, bytes.as_slice()).expect("them");
        assert_eq!(programs.len(), 1);
    }
}
