//! The platform's status codes that an image can bring about, and the lines of its log.

use std::time::Duration;

use serde::Deserialize;

use super::{Contract, FunctionType, MemoryMb};
use crate::units::MIB;

/// What the platform says of an invocation that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformStatus {
    /// The container ended while it started.
    ContainerExited,
    /// The answer is larger than the platform takes.
    ResponseTooLarge(FunctionType),
    /// What came is no answer.
    UserCodeException,
    /// No answer within the execution timeout.
    TimeLimitReached,
    /// The memory limit was reached.
    MemoryLimitReached,
    /// The process ended while it was invoked.
    UserProcessExit,
    /// The command could not be executed.
    ContainerInitError,
    /// What listens is not what the platform looks for.
    PortBindingFailed,
    /// Nothing listens in time.
    InitContainerTimeout,
}

impl PlatformStatus {
    /// Its number.
    #[must_use]
    pub fn code(self) -> u16 {
        self.said().code
    }

    /// Its name in the platform's table.
    #[must_use]
    pub fn name(self) -> &'static str {
        &self.said().name
    }

    /// What the platform says with it: empty where no document has a sentence.
    #[must_use]
    pub fn message(self) -> &'static str {
        &self.said().message
    }

    fn said(self) -> &'static Said {
        Contract::scf().said(self.word())
    }

    /// As the data of the contract calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            PlatformStatus::ContainerExited => "container-exited",
            PlatformStatus::ResponseTooLarge(FunctionType::Http) => "response-too-large-http",
            PlatformStatus::ResponseTooLarge(FunctionType::Event | FunctionType::Job) => {
                "response-too-large"
            }
            PlatformStatus::UserCodeException => "user-code-exception",
            PlatformStatus::TimeLimitReached => "time-limit-reached",
            PlatformStatus::MemoryLimitReached => "memory-limit-reached",
            PlatformStatus::UserProcessExit => "user-process-exit",
            PlatformStatus::ContainerInitError => "container-init-error",
            PlatformStatus::PortBindingFailed => "port-binding-failed",
            PlatformStatus::InitContainerTimeout => "init-container-timeout",
        }
    }
}

/// What the platform says with a status.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    pub(super) status: String,
    code: u16,
    name: String,
    #[serde(default)]
    message: String,
}

/// The lines that the platform writes around an invocation, of one request.
#[derive(Clone, Copy, Debug)]
pub struct PlatformLog<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// The function's memory.
    pub memory: MemoryMb,
}

/// The parts of a cold start, as the platform's log tells them.
#[derive(Clone, Copy, Debug)]
pub struct ColdStartParts {
    /// The image is pulled and unpacked.
    pub pull_code: Duration,
    /// The container is made.
    pub init_runtime: Duration,
    /// The function comes up.
    pub init_function: Duration,
}

impl PlatformLog<'_> {
    /// Before everything.
    #[must_use]
    pub fn start(&self) -> String {
        format!("START RequestId:{}", self.request_id)
    }

    /// After a cold start. `used` are measured bytes.
    #[must_use]
    pub fn init_report(&self, parts: &ColdStartParts, used: Option<u64>) -> String {
        let ColdStartParts { pull_code, init_runtime, init_function } = *parts;
        let [pull, runtime, function] = [pull_code, init_runtime, init_function].map(milliseconds);
        format!(
            "Init Report RequestId: {} Coldstart: {}ms (PullCode: {pull}ms InitRuntime: {runtime}ms \
             InitFunction: {function}ms) Memory: {}MB MemUsage: {}",
            self.request_id,
            pull + runtime + function,
            self.memory.megabytes(),
            megabytes(used)
        )
    }

    /// Why there is no answer.
    #[must_use]
    pub fn error(&self, status: PlatformStatus, message: &str) -> String {
        let result = serde_json::json!({
            "errorCode": -1,
            "errorMessage": message,
            "requestId": self.request_id,
            "statusCode": status.code(),
        });
        format!("ERROR RequestId:{} Result:{result}", self.request_id)
    }

    /// Behind the function's own lines.
    #[must_use]
    pub fn end(&self) -> String {
        format!("END RequestId:{}", self.request_id)
    }

    /// The last one. `used` are measured bytes.
    #[must_use]
    pub fn report(&self, duration: Duration, used: Option<u64>) -> String {
        format!(
            "Report RequestId:{} Duration:{}ms Memory:{}MB MemUsage:{}",
            self.request_id,
            milliseconds(duration),
            self.memory.megabytes(),
            megabytes(used)
        )
    }
}

/// Whole milliseconds, begun ones counting.
fn milliseconds(duration: Duration) -> u128 {
    duration.as_micros().div_ceil(1000)
}

fn megabytes(bytes: Option<u64>) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
    let told = bytes.map(|bytes| format!("{:.2}MB", bytes as f64 / MIB as f64));
    told.unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_in_the_contract() {
        use PlatformStatus::{
            ContainerExited, ContainerInitError, InitContainerTimeout, MemoryLimitReached,
            PortBindingFailed, ResponseTooLarge, TimeLimitReached, UserCodeException,
            UserProcessExit,
        };
        let told: Vec<String> = [
            ContainerExited,
            ResponseTooLarge(FunctionType::Http),
            ResponseTooLarge(FunctionType::Event),
            UserCodeException,
            TimeLimitReached,
            MemoryLimitReached,
            UserProcessExit,
            ContainerInitError,
            PortBindingFailed,
            InitContainerTimeout,
        ]
        .into_iter()
        .map(|status| format!("{} {}", status.code(), status.name()))
        .collect();
        let expected = "405 ContainerStateExited, 410 The HTTP response body exceeds the size \
                        limit., 407 The size of response exceeds the upper limit (6MB), 430 User \
                        code exception caught, 433 TimeLimitReached, 434 MemoryLimitReached, 439 \
                        User process exit when running, 445 ContainerInitError, 446 \
                        PortBindingFailed, 450 InitContainerTimeout";
        assert_eq!(told.join(", "), expected);
    }

    #[test]
    fn the_lines_are_the_platforms() {
        let log = PlatformLog { request_id: "id", memory: MemoryMb::recommended(0) };
        let parts = ColdStartParts {
            pull_code: Duration::from_millis(70),
            init_runtime: Duration::from_micros(7_400),
            init_function: Duration::from_millis(158),
        };
        let used = Some(57 * MIB + 880_803);
        let lines = [
            log.start(),
            log.init_report(&parts, used),
            log.error(PlatformStatus::TimeLimitReached, "Invoking task timed out after 3 seconds"),
            log.end(),
            log.report(Duration::from_micros(11_200), None),
        ];
        expect_test::expect![[r#"
            START RequestId:id
            Init Report RequestId: id Coldstart: 236ms (PullCode: 70ms InitRuntime: 8ms InitFunction: 158ms) Memory: 384MB MemUsage: 57.84MB
            ERROR RequestId:id Result:{"errorCode":-1,"errorMessage":"Invoking task timed out after 3 seconds","requestId":"id","statusCode":433}
            END RequestId:id
            Report RequestId:id Duration:12ms Memory:384MB MemUsage:unknown"#]]
        .assert_eq(&lines.join("\n"));
    }
}
