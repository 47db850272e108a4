//! The JSON Schema of suites, for editors: made from the tables that the reader goes by.
//!
//! It is of draft 7, which editors know best.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::job;
use super::parse::SUITE;
use super::read::CASE;
use super::shape::{Entries, Form, Key, Shape, Table};

/// Where a suite's first line may say that the schema is.
pub const SCHEMA_FILE: &str = "suite.schema.json";

/// The schema, as a document.
#[must_use]
pub fn schema() -> Value {
    let mut made = Made::default();
    made.table(&SUITE);
    let mut definitions = made.done;
    // A job's cases expect something else, and each type has one word for what is sent.
    let mut job_case = definitions[CASE.name].clone();
    job_case["properties"]["expect"] = reference(job::EXPECT.name);
    let mut made = Made::default();
    made.table(&job::EXPECT);
    definitions.append(&mut made.done);
    definitions.insert("case-of-job".to_owned(), job_case);
    let suite = definitions.remove(SUITE.name).unwrap_or_default();
    let own = json!({"pattern": "^[BEFHJMRS][0-9]{3}$"});
    if let Some(case) = definitions.get_mut(CASE.name) {
        // Ids of the program's own form are for its own cases, each of which has a proof.
        case["if"] = json!({"required": ["id"], "properties": {"id": own}});
        case["then"] = json!({"required": ["proof"]});
    }
    let of = |kind: &str| json!({"required": ["type"], "properties": {"type": {"const": kind}}});
    let cases = |case: Value| {
        let list = json!({"items": case});
        json!({"properties": {"cases": list, "setup": list}})
    };
    let mut root = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A suite of scf-conform",
    });
    merge(&mut root, suite);
    merge(
        &mut root,
        json!({
            "anyOf": [{"required": ["cases"]}, {"required": ["include"]}],
            "allOf": [
                {
                    "if": of("job"),
                    "then": cases(json!({"allOf": [
                        reference("case-of-job"),
                        {"not": {"anyOf": [
                            {"required": ["http"]}, {"required": ["headers"]}, {"required": ["capture"]},
                            {"required": ["repeat"]}, {"required": ["concurrency"]},
                            {"required": ["retry"]}, {"required": ["delay"]}, {"required": ["cold"]},
                            {"required": ["client"]}, {"required": ["before"]},
                        ]}},
                    ]})),
                    "else": cases(reference(CASE.name)),
                },
                {
                    "if": of("http"),
                    "then": cases(json!({"not": {"required": ["event"]}})),
                },
            ],
        }),
    );
    // Which case it is depends on the type, which the lists above say.
    for list in ["cases", "setup"] {
        root["properties"][list]["items"] = json!({"type": "object"});
    }
    root["definitions"] = Value::Object(definitions.into_iter().collect());
    root
}

/// Puts the keys of one map into another.
fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

#[derive(Default)]
struct Made {
    done: BTreeMap<String, Value>,
}

impl Made {
    fn table(&mut self, table: &Table) {
        if self.done.contains_key(table.name) {
            return;
        }
        // Tables may lead back to themselves.
        self.done.insert(table.name.to_owned(), Value::Null);
        let mut properties = Map::new();
        for Key { name, about, shape } in table.keys {
            let mut value = self.shape(shape);
            if value.get("$ref").is_some() {
                // Draft 7 takes no notice of what stands beside a reference.
                value = json!({"allOf": [value]});
            }
            if let Value::Object(map) = &mut value {
                map.insert("description".to_owned(), json!(about));
            }
            properties.insert((*name).to_owned(), value);
        }
        let mut made = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": properties,
        });
        if !table.needs.is_empty() {
            made["required"] = json!(table.needs);
        }
        if !table.one_of.is_empty() {
            let each: Vec<Value> =
                table.one_of.iter().map(|key| json!({"required": [key]})).collect();
            made["oneOf"] = json!(each);
        }
        self.done.insert(table.name.to_owned(), made);
    }

    fn shape(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Text => json!({"type": "string"}),
            Shape::Scalar => json!({"type": ["string", "number", "boolean"]}),
            Shape::Switch => or_variable(vec![json!({"type": "boolean"})]),
            Shape::Whole(least, most) => {
                let mut number = json!({"type": "integer", "minimum": least});
                if *most < u64::from(u32::MAX) {
                    number["maximum"] = json!(most);
                }
                or_variable(vec![number])
            }
            Shape::Word(_, words) => or_variable(vec![json!({"enum": words()})]),
            Shape::Form(form) => form_schema(form),
            Shape::Json => json!({}),
            Shape::Schema => {
                json!({"anyOf": [{"$ref": "http://json-schema.org/draft-07/schema#"}]})
            }
            Shape::Null => json!({"type": "null"}),
            Shape::Map(table) => {
                self.table(table);
                reference(table.name)
            }
            Shape::Entries(Entries { keys, value }) => {
                let mut map = json!({"type": "object", "additionalProperties": self.shape(value)});
                if !keys.pattern.is_empty() {
                    map["propertyNames"] = json!({"pattern": keys.pattern});
                }
                map
            }
            Shape::List(Shape::Json) => or_variable(vec![json!({"type": "array", "minItems": 1})]),
            Shape::List(shape) => {
                json!({"type": "array", "minItems": 1, "items": self.shape(shape)})
            }
            Shape::Many(shape) => {
                let one = self.shape(shape);
                let list = json!({"type": "array", "minItems": 1, "items": one});
                json!({"anyOf": [one, list]})
            }
            Shape::Either(shapes) => {
                let each: Vec<Value> = shapes.iter().map(|shape| self.shape(shape)).collect();
                json!({"anyOf": each})
            }
        }
    }
}

fn form_schema(form: &Form) -> Value {
    let mut each = Vec::new();
    if form.pattern.is_empty() {
        each.push(json!({"type": "string"}));
    } else {
        each.push(json!({"type": "string", "pattern": form.pattern}));
    }
    if let Some((least, most)) = form.numbers {
        let mut number = json!({"type": "integer", "minimum": least});
        if most < u64::from(u32::MAX) {
            number["maximum"] = json!(most);
        }
        each.push(number);
    }
    or_variable(each)
}

/// Whatever it is, a variable may stand for it.
fn or_variable(mut each: Vec<Value>) -> Value {
    each.push(json!({"type": "string", "pattern": r"\$\{[^}]+\}"}));
    json!({"anyOf": each})
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
