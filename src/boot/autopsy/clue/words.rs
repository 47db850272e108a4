//! The words of kernels' refusals: what C libraries, loaders, shells and languages make of them.

use super::{Kind, Language};

/// In each line the first that fits counts. The group `s` is what it is about; where there is
/// none, a path is looked for.
pub(super) const PATTERNS: &[(Kind, &str)] = &[
    (Kind::Library, r"error while loading shared libraries: (?P<s>[^:\s]+)"),
    (Kind::Library, r"Error loading shared library (?P<s>[^:\s]+)"),
    (Kind::Library, r#"(?P<s>[^\s:'"(]+\.so[\w.]*): cannot open shared object file"#),
    (Kind::OldLibrary, r"version [`'‘](?P<s>(?:GLIBC|GLIBCXX|CXXABI)_[\w.]+)['’] not found"),
    (Kind::OtherLibrary, r"Error relocating (?P<s>[^:\s]+): \S+: symbol not found"),
    (
        Kind::CarriageReturn,
        r"(?:^(?P<s>/[^\s:]+): (?:line )?\d+: .*)?(?:\$'\\r'|\\r['’]|\r['’]?: |\^M|Illegal option -\r?$)",
    ),
    // A shell's complaint that ends in what the script's line ended in.
    (Kind::CarriageReturn, r"^(?P<s>[^\s:]+): (?:line )?\d+: .*\r$"),
    (Kind::Interpreter, r"(?P<s>[^\s:]+): bad interpreter"),
    (Kind::Interpreter, r"(?P<s>[^\s:]+): cannot execute: required file not found"),
    (
        Kind::Command,
        r"^[^\s:]*(?:sh|/[^\s:]+): (?:line )?(?:\d+: )?(?:exec: )?(?:line \d+: )?(?P<s>[^:\s]+): (?:command )?not found$",
    ),
    (Kind::Command, r"(?P<s>[^:\s]+): command not found$"),
    (Kind::Command, r#"exec: "(?P<s>[^"]+)": executable file not found"#),
    (Kind::Command, r"exec (?P<s>\S+) failed: No such file or directory"),
    (
        Kind::Command,
        r"^(?:\[dumb-init\]|(?:\S*/)?(?:env|su-exec|gosu|nohup|timeout|nice|setpriv|xargs|catatonit|busybox|s6-\S+)): .*?['‘`]?(?P<s>[^\s'’`]+)['’`]?: No such file or directory",
    ),
    (Kind::Format, r"(?i)exec(?:utable)? format error|cannot execute binary file|ENOEXEC"),
    (
        Kind::Module(Language::Python),
        r"(?:ModuleNotFoundError|ImportError): No module named '?(?P<s>[\w.]+)",
    ),
    (
        Kind::Module(Language::Python),
        r"python[\d.]*: (?:Error while finding module specification for '\S+' \(ModuleNotFoundError: )?No module named '?(?P<s>[\w.]+)",
    ),
    (Kind::Module(Language::Python), r#"Could not import (?:module )?['"](?P<s>[\w.]+)['"]"#),
    (Kind::Attribute, r"Failed to find attribute '[^']+' in '(?P<s>[\w.]+)'"),
    (Kind::Script, r"can't open file '?(?P<s>[^':]+)'?: \[Errno 2\]"),
    (Kind::Denied, r"can't open file '?(?P<s>[^':]+)'?: \[Errno 13\]"),
    (Kind::Module(Language::Node), r"Cannot find (?:module|package) '(?P<s>[^']+)'"),
    (Kind::Module(Language::Ruby), r"cannot load such file -- (?P<s>[^\s)]+)"),
    (
        Kind::Module(Language::Ruby),
        r"Could not find (?:gem ')?(?P<s>[\w.-]+)[^']*'? in (?:any of the sources|locally installed gems|rubygems)",
    ),
    (Kind::Module(Language::Perl), r"Can't locate (?P<s>\S+\.pm) in @INC"),
    (Kind::Module(Language::Lua), r"module '(?P<s>[^']+)' not found:"),
    (Kind::Script, r"Unable to access jarfile (?P<s>\S+)"),
    (Kind::Script, r"Could not open input file: (?P<s>\S+)"),
    (Kind::Script, r"Failed opening required '(?P<s>[^']+)'"),
    (Kind::Script, r#"Can't open (?:perl script )?["']?(?P<s>[^\s"']+)["']?:? (?:No such file|$)"#),
    (Kind::ClassVersion, r"UnsupportedClassVersionError: (?P<s>\S+)"),
    (Kind::Class, r"Could not find or load main class (?P<s>\S+)"),
    (Kind::Class, r"(?:ClassNotFoundException|NoClassDefFoundError): (?P<s>[\w./$]+)"),
    (
        Kind::NoProcess,
        r"(?i)can't start new thread|unable to create (?:new )?native thread|cannot fork|fork failed|newosproc|failed to (?:create|spawn) (?:new OS )?thread|\b(?:fork|clone|pthread_create|spawn)\b.*(?:temporarily unavailable|EAGAIN|os error 11|Errno 11)",
    ),
    (Kind::NoProcess, r"(?i)^\S*BlockingIOError: \[Errno 11\] Resource temporarily unavailable$"),
    (Kind::NoDescriptor, r"(?i)too many open files|\bEMFILE\b|\bENFILE\b"),
    (
        Kind::NoMemory,
        r"(?i)cannot allocate memory|\bENOMEM\b|out of memory|\bMemoryError\b|OutOfMemoryError|std::bad_alloc|memory allocation of \d+ bytes failed|failed to allocate memory|could not reserve enough space",
    ),
    (Kind::NoSpace, r"(?i)no space left on device|\bENOSPC\b|disk quota exceeded"),
    (Kind::ReadOnly, r"(?i)read-only file ?system|\bEROFS\b"),
    (Kind::InUse, r"(?i)address (?:already )?in use|\bEADDRINUSE\b"),
    (
        Kind::NoSuchAddress,
        r"(?i)cannot assign requested address|\bEADDRNOTAVAIL\b|address not available",
    ),
    (
        Kind::PortDenied,
        r"(?i)(?:\bbind|\blisten|socket).*(?:permission denied|\bEACCES\b)|permission denied.*(?:\bbind|\blisten|:\d+$)|EACCES[^/]* \S*:\d+$",
    ),
    (
        Kind::Network,
        r"(?i)connection (?:was )?refused|\bECONNREFUSED\b|network is unreachable|\bENETUNREACH\b|no route to host|\bEHOSTUNREACH\b|connection timed out|connect timed out|\bETIMEDOUT\b|temporary failure in name resolution|name or service not known|\bEAI_AGAIN\b|\bENOTFOUND\b|no such host|could not resolve host|could not translate host name|name does not resolve|nodename nor servname|UnknownHostException|getaddrinfo",
    ),
    (
        Kind::Denied,
        r"(?i)permission denied|\bEACCES\b|operation not permitted|\bEPERM\b|AccessDenied",
    ),
    (
        Kind::NotThere,
        r"(?i)no such file or directory|\bENOENT\b|NoSuchFileException|file not found",
    ),
    (
        Kind::Raised,
        r"^(?:panic|fatal error|Fatal Python error|PHP Fatal error|Fatal error|Unhandled exception)\b.*",
    ),
    (Kind::Raised, r"^(?:[\w.$]+[.:])?\w*(?:Error|Exception)\b(?:: | \[|$).*"),
    (Kind::Raised, r"^Exception in thread .*"),
    (
        Kind::Raised,
        r"^(?:Error: Could not locate a Flask|no main manifest attribute|Could not locate Gemfile|npm (?:ERR!|error) Missing script).*",
    ),
];
