//! Receipts as log records of OpenTelemetry, one for each, in lines of OTLP's JSON: what the OpenTelemetry Protocol
//! File Exporter specifies, a Collector's receiver `otlpjsonfile` reads, and OTLP over HTTP has in a request's body.
//!
//! The form is that of `LogsData` in OTLP's protocol buffers: names in lowerCamelCase, enumerations as numbers, 64-bit
//! integers as decimal text. Nothing of it is worth the crate `opentelemetry-proto`, whose logs bring an SDK along.

mod attributes;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use self::attributes::{attribute, attributes};
use crate::audit::words::{Weight, number, sentence, text, weight};
use crate::canonical::{self, CanonicalError, Value};

/// The semantic conventions whose names are used.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.44.0";

/// Turns a log's lines into log records, from its first on.
#[derive(Clone, Debug)]
pub struct Records {
    /// The log's origin, which with a line's number names a record for ever.
    log: String,
    /// What the start receipt says of host and gov.
    resource: Json,
    scope: Json,
}

impl Records {
    /// Of the log with this origin.
    pub fn new(log: &str) -> Self {
        let mut records = Self { log: log.to_owned(), resource: Json::Null, scope: Json::Null };
        records.come_from("", &Value::Null);
        records
    }

    /// The line that the next receipt becomes.
    ///
    /// # Errors
    /// [`CanonicalError`] if the line is no receipt.
    pub fn record(&mut self, line: &[u8]) -> Result<Json, CanonicalError> {
        let receipt = canonical::parse(line)?;
        if text(&receipt, "kind") == "start" {
            self.come_from(text(&receipt, "gov"), receipt.field("host").unwrap_or(&Value::Null));
        }
        let scope_logs = json!([{
            "scope": self.scope,
            "logRecords": [self.log_record(&receipt)],
            "schemaUrl": SCHEMA,
        }]);
        let resource_logs =
            json!({ "resource": self.resource, "scopeLogs": scope_logs, "schemaUrl": SCHEMA });
        Ok(json!({ "resourceLogs": [resource_logs] }))
    }

    /// Notes who writes the log, and where.
    fn come_from(&mut self, version: &str, host: &Value<'_>) {
        let machine = match text(host, "machine") {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let known = [
            ("service.name", "govd"),
            ("service.version", version),
            ("host.name", text(host, "name")),
            ("host.arch", machine),
            ("os.type", "linux"),
            ("gov.log", &self.log),
        ];
        let known = known.into_iter().filter(|(_, value)| !value.is_empty());
        let attributes: Json =
            known.map(|(name, value)| attribute(name, json!({ "stringValue": value }))).collect();
        self.resource = json!({ "attributes": attributes });
        self.scope = json!({ "name": "gov", "version": version });
    }

    fn log_record(&self, receipt: &Value<'_>) -> Json {
        let time = nanoseconds(text(receipt, "wall"));
        let (severity, word) = severity(receipt);
        let mut attributes = attributes(receipt);
        let uid = format!("{}:{}", self.log, number(receipt, "index"));
        attributes.push(attribute("log.record.uid", json!({ "stringValue": uid })));
        json!({
            "timeUnixNano": time,
            // The kernel noted the time when it decided. That of this export would make two of one record.
            "observedTimeUnixNano": time,
            "severityNumber": severity,
            "severityText": word,
            "body": { "stringValue": sentence(receipt) },
            "attributes": attributes,
            "eventName": format!("gov.{}", text(receipt, "kind")),
        })
    }
}

/// Nanoseconds since 1970 of an RFC 3339 time, as text; 0, which stands for none, if it is none.
fn nanoseconds(wall: &str) -> String {
    wall.parse::<Timestamp>().map_or(0, Timestamp::as_nanosecond).max(0).to_string()
}

/// How much a reader should care, as the first of a range's four numbers and by its name.
fn severity(receipt: &Value<'_>) -> (u64, &'static str) {
    match weight(receipt) {
        Weight::Ordinary => (9, "INFO"),
        Weight::Refused => (13, "WARN"),
        Weight::Broken | Weight::Unjudged => (17, "ERROR"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Records, nanoseconds};

    #[test]
    fn times_are_whole_nanoseconds_and_never_before_1970() {
        assert_eq!(nanoseconds("2023-11-14T22:13:21.000000001Z"), "1700000001000000001");
        assert_eq!([nanoseconds("1969-12-31T23:59:59Z"), nanoseconds("soon")], ["0", "0"]);
    }

    #[test]
    fn a_log_that_does_not_say_where_it_is_from_has_records_all_the_same() {
        let mut records = Records::new("gov/host/s-1");
        assert!(records.record(b"no receipt").is_err());
        let line = records.record(br#"{"index":3,"kind":"loss","v":2}"#).unwrap();
        let logs = &line["resourceLogs"][0];
        let names: Vec<_> = logs["resource"]["attributes"].as_array().unwrap().iter().collect();
        assert_eq!(
            names.iter().map(|one| &one["key"]).collect::<Vec<_>>(),
            ["service.name", "os.type", "gov.log"]
        );
        let record = &logs["scopeLogs"][0]["logRecords"][0];
        assert_eq!((&record["timeUnixNano"], &record["severityText"]), (&"0".into(), &"ERROR".into()));
        assert_eq!(record["eventName"], "gov.loss");
    }
}
