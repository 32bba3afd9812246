//! The daemon's configuration: a TOML file in which every key is known and every value is in its range, or the
//! daemon does not start. No file is needed; docs/configuration.md lists the defaults.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::metrics::Address;

/// Where the daemon looks when no file is named.
pub const DEFAULT_FILE: &str = "/etc/gov/govd.toml";

/// What the daemon runs with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The file that it was read from, or would have been.
    #[serde(skip)]
    pub file: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// Logs, keys and sessions' temporary folders.
    pub state: PathBuf,
    /// Pinned trust roots.
    pub trust: PathBuf,
    /// Profiles that stand before the built-in ones.
    pub profiles: PathBuf,
    /// The log's origin, by which a verifier knows whose it is; the host's name by default.
    pub origin: Option<String>,
    /// Size of the ring between kernel and daemon: a power of two of KiB.
    pub ring_kib: u32,
    /// Milliseconds between checkpoints of a session that decides anything.
    pub checkpoint_ms: u32,
    /// Receipts after which a checkpoint is made before its time.
    pub checkpoint_receipts: u32,
    /// Milliseconds between the request to end and the kill.
    pub grace_ms: u32,
    /// Sessions at once.
    pub max_sessions: u32,
    /// Connections to the control socket at once.
    pub max_connections: u32,
    /// Where metrics may be asked for; nowhere by default.
    pub metrics: Option<Address>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file: DEFAULT_FILE.into(),
            socket: crate::control::client::DEFAULT_SOCKET.into(),
            state: "/var/lib/gov".into(),
            trust: "/etc/gov/trust.d".into(),
            profiles: "/etc/gov/profiles".into(),
            origin: None,
            ring_kib: 16384,
            checkpoint_ms: 250,
            checkpoint_receipts: 2000,
            grace_ms: 5000,
            max_sessions: 1024,
            max_connections: 256,
            metrics: None,
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML of this form.
    #[error("`{path}`: {message}")]
    Form {
        /// Which.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A value is out of its range.
    #[error("`{key}` is {value}, and must be {range}")]
    Range {
        /// Which.
        key: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        range: &'static str,
    },
}

impl Config {
    /// Reads the named file; without a name, the default file if it is there.
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let file = std::path::absolute(path)
                    .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
                Self::parse(&text, path).map(|config| Self { file, ..config })
            }
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
        }
    }

    /// Parses and checks a configuration; `path` is for messages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let message = error.message().to_owned();
            let message = match error.span() {
                Some(span) => format!("line {}: {message}", line_of(text, span.start)),
                None => message,
            };
            ConfigError::Form { path: path.to_owned(), message }
        })?;
        config.check()?;
        Ok(config)
    }

    /// This configuration with its state below another folder, as `GOV_STATE` asks.
    #[must_use]
    pub fn with_state(mut self, state: Option<PathBuf>) -> Self {
        if let Some(state) = state {
            self.state = state;
        }
        self
    }

    fn check(&self) -> Result<(), ConfigError> {
        for (key, path) in [
            ("socket", &self.socket),
            ("state", &self.state),
            ("trust", &self.trust),
            ("profiles", &self.profiles),
        ] {
            if !path.is_absolute() {
                let value = format!("`{}`", path.display());
                return Err(ConfigError::Range { key, value, range: "an absolute path" });
            }
        }
        if !self.ring_kib.is_power_of_two() {
            return Err(out_of_range("ring-kib", self.ring_kib, "a power of two from 64 to 1048576"));
        }
        for (key, value, low, high, range) in [
            ("ring-kib", self.ring_kib, 64, 1 << 20, "a power of two from 64 to 1048576"),
            ("checkpoint-ms", self.checkpoint_ms, 10, 60_000, "from 10 to 60000"),
            ("checkpoint-receipts", self.checkpoint_receipts, 1, 1_000_000, "from 1 to 1000000"),
            ("grace-ms", self.grace_ms, 0, 600_000, "from 0 to 600000"),
            ("max-sessions", self.max_sessions, 1, gov_common::abi::MAX_SESSIONS, "from 1 to 16384"),
            ("max-connections", self.max_connections, 1, 4096, "from 1 to 4096"),
        ] {
            if value < low || value > high {
                return Err(out_of_range(key, value, range));
            }
        }
        match &self.origin {
            Some(origin) if origin.is_empty() || origin.contains(|c: char| c.is_whitespace() || c == '+') => {
                let value = format!("`{}`", origin.escape_debug());
                Err(ConfigError::Range { key: "origin", value, range: "one word without white space or `+`" })
            }
            _good => Ok(()),
        }
    }
}

/// The number of the line that holds this byte, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count().saturating_add(1)
}

fn out_of_range(key: &'static str, value: u32, range: &'static str) -> ConfigError {
    ConfigError::Range { key, value: value.to_string(), range }
}

#[cfg(test)]
mod tests {
    use super::{Config, ConfigError};
    use std::path::Path;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("govd.toml"))
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(parse("").unwrap(), Config::default());
        Config::default().check().unwrap();
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = parse("grace-ms = 1\nserver = \"x\"\n").unwrap_err().to_string();
        assert!(error.starts_with("`govd.toml`: line 2: unknown field `server`"), "{error}");
    }

    #[test]
    fn metrics_are_for_this_host_alone() {
        use crate::metrics::Address;
        let at = |place: &str| parse(&format!("metrics = \"{place}\"")).map(|config| config.metrics);
        assert_eq!(at("/run/gov/metrics").unwrap(), Some(Address::Unix("/run/gov/metrics".into())));
        for place in ["127.0.0.1:9464", "[::1]:9464"] {
            assert_eq!(at(place).unwrap(), Some(Address::Loopback(place.parse().unwrap())));
        }
        for place in
            ["0.0.0.0:9464", "[::]:9464", "192.0.2.1:80", "localhost:9464", "127.0.0.1", "metrics.sock", ""]
        {
            assert!(at(place).is_err(), "{place}");
        }
    }

    #[test]
    fn a_value_out_of_its_range_is_refused_by_name() {
        for (text, key) in [
            ("ring-kib = 100", "ring-kib"),
            ("ring-kib = 32", "ring-kib"),
            ("max-sessions = 0", "max-sessions"),
            ("socket = \"gov.sock\"", "socket"),
            ("origin = \"a b\"", "origin"),
            ("checkpoint-ms = 9", "checkpoint-ms"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{key}` is ")), "{text}: {error}");
        }
    }
}
