//! The function that an image is to become: what is configured beside the image.

use std::fmt;
use std::time::Duration;

use super::Contract;
use crate::units::MIB;

/// What the function is on the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunctionType {
    /// Takes events at the event path.
    Event,
    /// Takes any HTTP request.
    Http,
    /// Runs to its end, without a port.
    Job,
}

/// A memory size in MB that the platform offers: 64, or 128 to 3,072 in steps of 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemoryMb(u32);

/// The function's configuration, as it would be typed on the platform.
#[derive(Clone, Debug)]
pub struct Function {
    /// The platform's numbers and sentences.
    pub contract: &'static Contract,
    /// `None`: to be found out by asking the image.
    pub kind: Option<FunctionType>,
    /// `None`: what the contract recommends for the image's size.
    pub memory: Option<MemoryMb>,
    /// Limit of one invocation.
    pub timeout: Duration,
    /// Limit of the start.
    pub init_timeout: Duration,
    /// The function's own variables, in order.
    pub env: Vec<(String, String)>,
    /// Replaces the image's ENTRYPOINT, and drops its CMD.
    pub command: Option<String>,
    /// Replaces the image's CMD. Split at spaces; nothing can be quoted.
    pub args: Option<String>,
    /// The function's name.
    pub name: String,
    /// The function's namespace.
    pub namespace: String,
    /// The platform's name of the region; `None` where none was named.
    pub region: Option<String>,
    /// Whether the platform's newest behaviour is binding.
    pub strict: bool,
    /// How many requests one instance of an HTTP function takes at once.
    pub concurrency: u32,
}

/// Why a configuration is none that the platform takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FunctionError {
    /// Not one of the memory sizes.
    #[error("memory {0} MB is not offered: use 64, or 128 to 3072 in steps of 128")]
    Memory(u32),
    /// Outside the limits of the execution or initialization timeout.
    #[error("{what} of {value} s is outside of {least} to {greatest} s")]
    Timeout {
        /// Which of the two.
        what: &'static str,
        /// As given, in seconds.
        value: u64,
        /// In seconds.
        least: u64,
        /// In seconds.
        greatest: u64,
    },
    /// A variable's name that the platform does not take.
    #[error(
        "variable `{0}` is no name that the platform takes: a letter, then letters, digits and `_`"
    )]
    VariableName(String),
    /// A variable's name that is the platform's own.
    #[error("variable `{name}` begins with `{prefix}`, which is the platform's own")]
    Reserved {
        /// As given.
        name: String,
        /// The reserved beginning.
        prefix: String,
    },
    /// Outside of what can be set for requests at once.
    #[error("{value} requests at once are outside of 1 to {greatest}")]
    Concurrency {
        /// As given.
        value: u32,
        /// The platform's limit.
        greatest: u32,
    },
    /// All variables together are too large.
    #[error(
        "the variables take {size} bytes, more than the {limit} bytes that the platform allows"
    )]
    EnvironmentSize {
        /// Names and values together, in bytes.
        size: usize,
        /// In bytes.
        limit: usize,
    },
}

impl MemoryMb {
    /// A memory size, if the platform offers it.
    ///
    /// # Errors
    ///
    /// Where it does not.
    pub fn new(megabytes: u32) -> Result<MemoryMb, FunctionError> {
        let [smallest, first, last, step] = Contract::scf().memory_sizes;
        let ordinary = (first..=last).contains(&megabytes) && megabytes.is_multiple_of(step);
        if megabytes == smallest || ordinary {
            Ok(MemoryMb(megabytes))
        } else {
            Err(FunctionError::Memory(megabytes))
        }
    }

    /// Every size that the platform offers, the smallest first.
    #[must_use]
    pub fn all() -> Vec<MemoryMb> {
        let [smallest, first, last, step] = Contract::scf().memory_sizes;
        let ordinary = (0..).map(|at| first + at * step).take_while(|size| *size <= last);
        std::iter::once(smallest).chain(ordinary).map(MemoryMb).collect()
    }

    /// The least memory that the contract recommends for an image, by the sum of its
    /// compressed layers in bytes. The bounds are strict on both sides, so that 384 MB is
    /// the one size for the smallest images.
    #[must_use]
    pub fn recommended(image_bytes: u64) -> MemoryMb {
        match image_bytes / MIB {
            0..256 => MemoryMb(384),
            256..512 => MemoryMb(640),
            _ => MemoryMb(1152),
        }
    }

    /// The sizes of images, in bytes, at which the recommendation changes.
    #[must_use]
    pub fn bounds() -> [u64; 2] {
        [256 * MIB, 512 * MIB]
    }

    /// In MB, as the platform writes it.
    #[must_use]
    pub fn megabytes(self) -> u32 {
        self.0
    }

    /// In bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        u64::from(self.0) * MIB
    }
}

impl fmt::Display for MemoryMb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MB", self.0)
    }
}

impl FunctionType {
    /// The word in options and reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            FunctionType::Event => "event",
            FunctionType::Http => "http",
            FunctionType::Job => "job",
        }
    }
}

impl Default for Function {
    fn default() -> Function {
        let contract = Contract::scf();
        Function {
            contract,
            kind: None,
            memory: None,
            timeout: contract.execution_timeout,
            init_timeout: contract.start_limit,
            env: Vec::new(),
            command: None,
            args: None,
            name: "scf-conform".to_owned(),
            namespace: "default".to_owned(),
            region: None,
            strict: false,
            concurrency: 1,
        }
    }
}

impl Function {
    /// Whether the platform would take this configuration.
    ///
    /// # Errors
    ///
    /// The first thing that it would refuse.
    pub fn validate(&self) -> Result<(), FunctionError> {
        let (least, greatest) = self.contract.execution_timeouts;
        within("timeout", self.timeout, least, greatest)?;
        // The platform's least is 3 s; to hold an image to a tighter limit is a fair wish.
        let (_, greatest) = self.contract.initialization_timeouts;
        within("init-timeout", self.init_timeout, 1, greatest)?;
        let greatest = self.contract.request_concurrency;
        if !(1..=greatest).contains(&self.concurrency) {
            return Err(FunctionError::Concurrency { value: self.concurrency, greatest });
        }
        for (name, _) in &self.env {
            let mut bytes = name.bytes();
            let letter = bytes.next().is_some_and(|first| first.is_ascii_alphabetic());
            if !letter || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(FunctionError::VariableName(name.clone()));
            }
            let reserved = &self.contract.reserved_variables;
            if let Some(prefix) = reserved.iter().find(|prefix| name.starts_with(prefix.as_str())) {
                return Err(FunctionError::Reserved { name: name.clone(), prefix: prefix.clone() });
            }
        }
        let size = self.env.iter().map(|(name, value)| name.len() + value.len()).sum();
        let limit = self.contract.environment_size;
        if size > limit {
            return Err(FunctionError::EnvironmentSize { size, limit });
        }
        Ok(())
    }

    /// The memory of this function with an image of this many compressed bytes.
    #[must_use]
    pub fn memory_for(&self, image_bytes: u64) -> MemoryMb {
        self.memory.unwrap_or_else(|| MemoryMb::recommended(image_bytes))
    }

    /// The region that the function is told it runs in.
    #[must_use]
    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or("ap-guangzhou")
    }

    /// The variables that the platform sets for every image function, in its order.
    #[must_use]
    pub fn platform_environment(&self) -> Vec<(String, String)> {
        let mut environment = self.contract.environment.clone();
        for (name, value) in [
            ("SCF_FUNCTIONNAME", self.name.as_str()),
            ("SCF_FUNCTIONVERSION", super::headers::VERSION),
            ("TENCENTCLOUD_REGION", self.region()),
            ("TENCENTCLOUD_APPID", super::headers::APP_ID),
            ("TENCENTCLOUD_UIN", super::headers::UIN),
        ] {
            environment.push((name.to_owned(), value.to_owned()));
        }
        environment
    }
}

fn within(
    what: &'static str,
    value: Duration,
    least: u64,
    greatest: u64,
) -> Result<(), FunctionError> {
    let value = value.as_secs();
    if (least..=greatest).contains(&value) {
        Ok(())
    } else {
        Err(FunctionError::Timeout { what, value, least, greatest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_in_steps() {
        for good in [64, 128, 256, 384, 3072] {
            assert_eq!(MemoryMb::new(good).map(MemoryMb::megabytes), Ok(good));
        }
        let all = MemoryMb::all();
        assert!(all.iter().all(|size| MemoryMb::new(size.megabytes()) == Ok(*size)));
        assert_eq!(all.len(), 25);
        for bad in [0, 1, 96, 192, 3200, 4096] {
            assert_eq!(MemoryMb::new(bad), Err(FunctionError::Memory(bad)));
        }
    }

    #[test]
    fn memory_follows_the_size() {
        for (size, memory) in
            [(0, 384), (255, 384), (256, 640), (511, 640), (512, 1152), (2048, 1152)]
        {
            assert_eq!(MemoryMb::recommended(size * MIB).megabytes(), memory, "{size}");
        }
        for bound in MemoryMb::bounds() {
            assert_ne!(MemoryMb::recommended(bound - 1), MemoryMb::recommended(bound));
        }
    }

    #[test]
    fn a_variable_of_the_platform_is_refused() {
        let env = |name: &str| {
            let env = vec![(name.to_owned(), "x".to_owned())];
            Function { env, ..Function::default() }.validate()
        };
        assert_eq!(env("MODE"), Ok(()));
        assert!(matches!(env("SCF_NAME"), Err(FunctionError::Reserved { .. })));
        assert!(matches!(env("1A"), Err(FunctionError::VariableName(_))));
        assert!(matches!(env(""), Err(FunctionError::VariableName(_))));
    }

    #[test]
    fn eight_variables_are_set() {
        assert_eq!(Function::default().platform_environment().len(), 8);
    }
}
