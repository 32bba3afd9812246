//! `gov run` against a daemon that governs nothing: what the command gets, what it does not get, and how the exit
//! status tells what happened.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// How the pretended daemon answers a start.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Governs,
    Refuses,
    HangsUp,
}

/// A pretended daemon's socket, and a folder for everything else.
struct Stage {
    folder: TempDir,
}

impl Stage {
    fn new(manner: Option<Manner>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("delegation"), "{}").unwrap();
        if let Some(manner) = manner {
            let listener = UnixListener::bind(folder.path().join("sock")).unwrap();
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    std::thread::spawn(move || serve(&stream.unwrap(), manner));
                }
            });
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn gov(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gov"));
        command.env("HOME", self.folder.path()).args(["run", "--socket"]).arg(self.path("sock"));
        command.arg("--delegation").arg(self.path("delegation")).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.gov(arguments).stdin(Stdio::null()).output().unwrap()
    }
}

/// Answers each line as a daemon would that let everything happen.
fn serve(stream: &UnixStream, manner: Manner) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|count| count > 0) {
        let reply = if line.contains("\"start\"") {
            match manner {
                Manner::Governs => {
                    r#"{"started":{"session":"demo-1","delegation_id":"d","temporary_folder":"/tmp/of-demo-1"}}"#
                }
                Manner::Refuses => {
                    r#"{"refused":{"code":122,"what":"the delegation","why":"expired","remedy":"sign a new one"}}"#
                }
                Manner::HangsUp => return,
            }
        } else {
            r#"{"session":{"session":"demo-1","uid":0,"command":[],"state":"closed","ended":"completed",
                "delegation_id":"d","started":"2026-01-01T00:00:00Z","expires":"2026-01-01T01:00:00Z",
                "decisions":3,"refused":1,"lost":0,"receipts":5,"processes":0}}"#
        };
        let reply = format!("{{\"version\":1,\"reply\":{}}}\n", reply.replace('\n', " "));
        let mut stream = stream;
        stream.write_all(reply.as_bytes()).unwrap();
        line.clear();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_command_gets_its_arguments_and_input_and_gives_its_status() {
    let stage = Stage::new(Some(Manner::Governs));
    let mut child = stage
        .gov(&[
            "--",
            "sh",
            "-c",
            "read line; echo \"$line $TMPDIR $GOV_SESSION$GOV_AGENT $1\"; exit 7",
            "sh",
            "--last",
        ])
        .env("GOV_AGENT", "of another session")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"from-outside\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        text(&output.stdout),
        "from-outside /tmp/of-demo-1 demo-1 --last\n",
        "{}",
        text(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(7));
    let said = text(&output.stderr);
    assert!(said.contains("3 decisions of the kernel, 1 refused"), "{said}");
    assert!(said.contains("gov audit demo-1"), "{said}");
}

#[test]
fn a_command_that_a_signal_ends_gives_a_shells_status() {
    let stage = Stage::new(Some(Manner::Governs));
    let output = stage.run(&["--quiet", "--", "sh", "-c", "kill -9 $$"]);
    assert_eq!(output.status.code(), Some(137));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn the_command_has_no_descriptor_but_the_standard_three_and_can_gain_no_rights() {
    let stage = Stage::new(Some(Manner::Governs));
    let secret = std::fs::File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&secret, rustix::io::FdFlags::empty()).unwrap();
    let inherited = secret.as_raw_fd();
    let script =
        format!("test -e /proc/self/fd/{inherited} && echo inherited; grep NoNewPrivs /proc/self/status");
    let output = stage.run(&["--quiet", "--", "sh", "-c", &script]);
    assert_eq!(text(&output.stdout), "NoNewPrivs:\t1\n", "{}", text(&output.stderr));
}

#[test]
fn a_signal_that_asks_gov_to_end_reaches_the_command() {
    let stage = Stage::new(Some(Manner::Governs));
    let script = "trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.1; done";
    let mut child = stage.gov(&["--quiet", "--", "sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    let pid = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "asked");
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

/// Whatever goes wrong before the daemon governs, the command does not run.
fn does_not_run(manner: Option<Manner>, status: i32, because: &str) {
    let stage = Stage::new(manner);
    let proof = stage.path("ran");
    let output = stage.run(&["--", "touch", proof.to_str().unwrap()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("gov: ") && said.contains(because), "{said}");
    assert!(!Path::new(&proof).exists(), "the command ran ungoverned");
}

#[test]
fn without_a_daemon_nothing_runs() {
    does_not_run(None, 121, "start it: `systemctl start govd`");
}

#[test]
fn what_the_daemon_refuses_does_not_run() {
    does_not_run(Some(Manner::Refuses), 122, "the delegation: expired; sign a new one");
}

#[test]
fn a_daemon_that_hangs_up_has_not_agreed() {
    does_not_run(Some(Manner::HangsUp), 121, "the connection was closed");
}

#[test]
fn commands_that_cannot_run_give_a_shells_statuses() {
    let stage = Stage::new(Some(Manner::Governs));
    assert_eq!(stage.run(&["--", "no-such-command-anywhere"]).status.code(), Some(127));
    assert_eq!(stage.run(&["--", "/etc/passwd"]).status.code(), Some(126));
    let script = stage.path("script");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let output = stage.run(&["--quiet", "--", script.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(127), "{}", text(&output.stderr));
}

#[test]
fn a_command_line_that_cannot_be_used_gives_two() {
    let gov = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_gov")).args(arguments).output().unwrap().status.code()
    };
    assert_eq!(gov(&["run"]), Some(2));
    assert_eq!(gov(&["run", "--max-depth", "many", "--", "true"]), Some(2));
    assert_eq!(gov(&["no-such-subcommand"]), Some(2));
    assert_eq!(gov(&["--version"]), Some(0));
}

#[test]
fn within_a_session_that_may_not_delegate_on_nothing_runs() {
    let stage = Stage::new(Some(Manner::Governs));
    let proof = stage.path("ran");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gov"));
    command.env("GOV_SESSION", "demo-1").env_remove("GOV_AGENT").args(["run", "--socket"]);
    command.arg(stage.path("sock")).args(["--scope", "file:read:/srv", "--", "touch"]).arg(&proof);
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(122), "{said}");
    assert!(
        said.contains("`demo-1`: it may not delegate on what it has; start it with `--max-depth 1`"),
        "{said}"
    );
    assert!(!proof.exists());
}

#[test]
fn the_waiting_child_ends_when_nobody_lets_it_go() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gov"))
        .args(["__exec", "--input", "3", "--", "/bin/echo", "echo", "ran"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((said.as_str(), child.wait().unwrap().code()), ("", Some(125)));
}
