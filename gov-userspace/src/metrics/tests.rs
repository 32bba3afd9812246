//! What is counted and how it is asked for.

use std::sync::Arc;
use std::time::Duration;

use gov_common::event::Action;
use gov_common::limits::Budget;
use gov_common::rights::Rights;
use gov_common::verdict::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::{Address, Counts, Listener, Metrics, Sums, listen, serve};
use crate::event::{Event, Extra, Task};
use crate::kernel::RingFill;

fn event(action: Action, reason: Reason, detail: u32) -> Event {
    let task = Task { pid: 1, tid: 1, parent: 0, start_ns: 0, uid: 0, gid: 0, comm: b"secret".to_vec() };
    Event {
        session: 7,
        sequence: 0,
        time_ns: 0,
        produced: 0,
        decider: 7,
        task,
        action,
        reason,
        wanted: Rights::NONE,
        object: None,
        address: None,
        detail,
        target: 0,
        scope: None,
        extra: Extra::None,
        extra_cut: false,
        enforced: true,
    }
}

fn counted() -> Arc<Metrics> {
    let metrics = Metrics::new(RingFill::none(), 65, true);
    for _turn in 0..3 {
        metrics.note(&event(Action::Create, Reason::OutOfScope, 0));
    }
    metrics.note(&event(Action::Write, Reason::Granted, 0));
    metrics.note(&event(Action::Executed, Reason::Granted, 0));
    metrics.note(&event(Action::Budget, Reason::Granted, Budget::Forks as u32));
    metrics.note(&event(Action::Budget, Reason::Granted, u32::MAX));
    metrics.note(&event(Action::Break, Reason::Granted, 0));
    metrics.publish(Sums {
        running: 2,
        ended: [("completed", 4)].into(),
        kernel: Counts { decisions: 100, refused: 3, lost: 1 },
        unsigned: 12,
        unsigned_for: Duration::from_millis(250),
        ..Sums::default()
    });
    Arc::new(metrics)
}

async fn ask(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, request: &str) -> String {
    let request = format!("{request} HTTP/1.1\r\nhost: gov\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply
}

#[tokio::test]
async fn whoever_scrapes_gets_every_count() {
    let listener = listen(&Address::Loopback("127.0.0.1:0".parse().unwrap())).await.unwrap();
    let Listener::Loopback(socket) = &listener else { panic!("{listener:?}") };
    let address = socket.local_addr().unwrap();
    tokio::spawn(serve(listener, counted()));
    let reply = ask(TcpStream::connect(address).await.unwrap(), "GET /metrics").await;
    assert!(
        reply.starts_with("HTTP/1.1 200 OK") && reply.contains("application/openmetrics-text"),
        "{reply}"
    );
    for line in [
        r#"gov_decisions_total{action="file.create",verdict="deny",reason="out-of-scope"} 3"#,
        r#"gov_decisions_total{action="file.write",verdict="allow",reason="granted"} 1"#,
        "gov_executions_total 1",
        r#"gov_limit_events_total{limit="forks"} 1"#,
        r#"gov_limit_events_total{limit="breaker"} 1"#,
        r#"gov_limit_events_total{limit="execs"} 0"#,
        "gov_kernel_decisions_total 100",
        "gov_kernel_refusals_total 3",
        "gov_events_lost_total 1",
        r#"gov_sessions{state="running"} 2"#,
        r#"gov_sessions_ended_total{reason="completed"} 4"#,
        "gov_log_unsigned_receipts 12",
        "gov_log_unsigned_seconds 0.25",
        "gov_hooks 65",
        "gov_enforcement_full 1",
        "# EOF",
    ] {
        assert!(reply.contains(&format!("\n{line}")), "no `{line}` in:\n{reply}");
    }
    assert!(!reply.contains("secret"), "{reply}");
    for (request, status) in [("POST /metrics", "405"), ("GET /", "404"), ("GET /../etc/passwd", "404")] {
        let reply = ask(TcpStream::connect(address).await.unwrap(), request).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {reply}");
    }
}

#[tokio::test]
async fn a_socket_file_is_for_its_owner_and_replaces_only_a_socket() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.sock");
    let address = Address::Unix(path.clone());
    drop(listen(&address).await.unwrap());
    tokio::spawn(serve(listen(&address).await.unwrap(), counted()));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
    let reply = ask(UnixStream::connect(&path).await.unwrap(), "GET /metrics").await;
    assert!(reply.contains("gov_hooks 65"), "{reply}");
    let file = folder.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    assert!(listen(&Address::Unix(file.clone())).await.is_err());
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}

#[test]
fn a_count_never_goes_back() {
    let metrics = counted();
    metrics.publish(Sums { kernel: Counts { decisions: 50, refused: 4, lost: 0 }, ..Sums::default() });
    assert_eq!(metrics.sums().kernel, Counts { decisions: 100, refused: 4, lost: 1 });
}
