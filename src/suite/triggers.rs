//! One sample event for each trigger whose message structure is known.

use serde_json::Value;

/// A trigger and its sample event.
#[derive(Debug)]
pub struct Trigger {
    /// As suites name it.
    pub name: &'static str,
    /// What sends it.
    pub about: &'static str,
    /// The event, as JSON.
    pub text: &'static str,
}

macro_rules! trigger {
    ($name:literal, $about:literal) => {
        Trigger {
            name: $name,
            about: $about,
            text: include_str!(concat!("../../suites/triggers/", $name, ".json")),
        }
    };
}

/// Every trigger there is, by name.
pub const TRIGGERS: &[Trigger] = &[
    trigger!("apigw", "API Gateway, integration request"),
    trigger!("apigw-websocket-closing", "API Gateway, a WebSocket is closed"),
    trigger!("apigw-websocket-connecting", "API Gateway, a WebSocket is opened"),
    trigger!("apigw-websocket-data", "API Gateway, a WebSocket carries data"),
    trigger!("ckafka", "CKafka, a batch of messages"),
    trigger!("clb", "Cloud Load Balancer"),
    trigger!("cls", "Cloud Log Service, gzipped records"),
    trigger!("cmq-topic", "CMQ, a topic's message"),
    trigger!("cos-object-created", "Cloud Object Storage, an object was written"),
    trigger!("eventbridge-tdmq", "EventBridge, a message of TDMQ"),
    trigger!("function-url", "a function URL"),
    trigger!("mps-workflow-task", "Media Processing Service, a workflow has ended"),
    trigger!("test-event", "InvokeFunction with the console's template"),
    trigger!("timer", "a timer"),
];

impl Trigger {
    /// The event.
    #[must_use]
    pub fn event(&self) -> Value {
        // The data is part of the program: a mistake in it is a bug, which the test finds.
        serde_json::from_str(self.text)
            .unwrap_or_else(|error| panic!("suites/triggers/{}.json: {error}", self.name))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "looks through the sources for forgotten files")]

    use std::io::Read as _;

    use base64::Engine as _;

    use super::*;

    #[test]
    fn every_file_is_listed_and_is_json() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/suites/triggers"));
        for file in files.expect("the folder is there") {
            let name = file.expect("it can be read").file_name().into_string().expect("a name");
            let stem = name.strip_suffix(".json").expect("only JSON is here");
            assert!(TRIGGERS.iter().any(|trigger| trigger.name == stem), "{name} is not listed");
        }
        assert!(TRIGGERS.is_sorted_by(|one, other| one.name < other.name));
        for trigger in TRIGGERS {
            assert!(trigger.event().is_object(), "{}", trigger.name);
        }
    }

    #[test]
    fn the_log_records_decode() {
        let cls = TRIGGERS.iter().find(|trigger| trigger.name == "cls").expect("it is listed");
        let event = cls.event();
        let data = event["clslogs"]["data"].as_str().expect("a text");
        let packed = base64::engine::general_purpose::STANDARD.decode(data).expect("base64");
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).expect("gzip");
        let logs: Value = serde_json::from_str(&text).expect("JSON");
        assert!(logs["records"][0]["timestamp"].is_string());
    }
}
