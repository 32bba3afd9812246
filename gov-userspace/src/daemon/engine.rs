//! The way to the engine: what a connection may ask of the one task that owns the kernel and the sessions.
//!
//! The way is bounded. A connection that finds it full waits; nothing is dropped.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::control::message::{End, Refusal, Reply, Stage, Start, Wait};

/// Requests that may wait for the engine.
const QUEUE: usize = 256;
/// The longest wait for a session's end in one request.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Who asks, as the kernel says.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Where its process lies as it asks, by the path in the cgroup tree.
    pub(super) cgroup: PathBuf,
}

/// What is asked.
#[derive(Debug)]
pub(super) enum Question {
    Status,
    Start(Peer, Box<Start>, OwnedFd),
    List(Peer),
    Info(Peer, String),
    /// A session, and whether its authority is withdrawn at once.
    End(Peer, String, bool),
    ConnectionClosed(String),
    RotateLogKey,
}

/// A question and where its reply goes.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) question: Question,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// A handle on the engine.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    commands: mpsc::Sender<Command>,
    closed: watch::Receiver<u64>,
}

/// The engine's end of the way.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) commands: mpsc::Receiver<Command>,
    /// Counts the sessions that were closed, for those who wait for one.
    pub(super) closed: watch::Sender<u64>,
}

/// Both ends.
pub(super) fn channel() -> (Engine, Inbox) {
    let (sender, commands) = mpsc::channel(QUEUE);
    let (closed, watcher) = watch::channel(0);
    (Engine { commands: sender, closed: watcher }, Inbox { commands, closed })
}

impl Engine {
    pub(super) async fn status(&self) -> Reply {
        self.ask(Question::Status).await
    }

    pub(super) async fn start(&self, peer: Peer, start: Start, pidfd: OwnedFd) -> Reply {
        self.ask(Question::Start(peer, Box::new(start), pidfd)).await
    }

    pub(super) async fn list(&self, peer: Peer) -> Reply {
        self.ask(Question::List(peer)).await
    }

    pub(super) async fn info(&self, peer: Peer, session: String) -> Reply {
        self.ask(Question::Info(peer, session)).await
    }

    pub(super) async fn end(&self, peer: Peer, end: End) -> Reply {
        self.ask(Question::End(peer, end.session, end.now)).await
    }

    pub(super) async fn rotate_log_key(&self) -> Reply {
        self.ask(Question::RotateLogKey).await
    }

    pub(super) async fn connection_closed(&self, session: String) {
        self.ask(Question::ConnectionClosed(session)).await;
    }

    /// The session as it stands when it is closed or the time is over.
    pub(super) async fn wait(&self, peer: Peer, wait: Wait) -> Reply {
        let patience = Duration::from_millis(u64::from(wait.milliseconds)).min(MAX_WAIT);
        let over = tokio::time::sleep(patience);
        tokio::pin!(over);
        let mut closed = self.closed.clone();
        loop {
            closed.mark_unchanged();
            let reply = self.info(peer.clone(), wait.session.clone()).await;
            let open = matches!(&reply, Reply::Session(view) if view.state != Stage::Closed);
            if !open {
                return reply;
            }
            tokio::select! {
                () = &mut over => return reply,
                changed = closed.changed() => {
                    if changed.is_err() {
                        return stopped();
                    }
                }
            }
        }
    }

    async fn ask(&self, question: Question) -> Reply {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(Command { question, reply }).await.is_err() {
            return stopped();
        }
        answer.await.unwrap_or_else(|_dropped| stopped())
    }
}

fn stopped() -> Reply {
    Reply::Refused(Refusal {
        code: 121,
        what: "the request".to_owned(),
        why: "the daemon is stopping".to_owned(),
        remedy: Some("start it again: `systemctl start govd`".to_owned()),
    })
}
