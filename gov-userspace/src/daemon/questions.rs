//! The engine's answers to its peers' questions.

use std::time::Instant;

use gov_common::verdict::Reason;

use super::close::Released;
use super::core::Core;
use super::engine::{Command, Peer, Question};
use super::{answers, start};
use crate::control::message::{Ended, Reply, SessionView};
use crate::session::Session;
use crate::session::enforcer::Enforcer;

impl<E: Enforcer> Core<E> {
    /// Answers one question.
    pub(super) fn answer(&mut self, command: Command, now: Instant) {
        let reply = match command.question {
            Question::Status => answers::status(&self.ground, self.sessions.len()),
            Question::List(peer) => self.list(&peer),
            Question::Info(peer, name) => self.info(&peer, &name),
            Question::Start(peer, request, pidfd) => match start::start(self, &peer, *request, pidfd) {
                Ok(started) => Reply::Started(started),
                Err(refusal) => {
                    tracing::info!(uid = peer.uid, "a start was refused: {}: {}", refusal.what, refusal.why);
                    Reply::Refused(refusal)
                }
            },
            Question::End(peer, name, at_once) => {
                if self.find(&name).is_some_and(|view| self.may_steer(&peer, &view)) {
                    if at_once {
                        self.revoke(&peer, &name);
                    } else {
                        self.begin_end(&name, Ended::EndedByUser, now);
                    }
                }
                self.info(&peer, &name)
            }
            Question::RotateLogKey => self.rotate_log_key(),
            Question::ConnectionClosed(name) => {
                self.begin_end(&name, Ended::EndedByUser, now);
                Reply::Sessions(Vec::new())
            }
        };
        if command.reply.send(reply).is_err() {
            tracing::debug!("a peer left before its reply");
        }
    }

    /// Withdraws a session's authority.
    fn revoke(&mut self, peer: &Peer, name: &str) {
        if self.sessions.get(name).is_some_and(|session| !session.is_cut_off()) {
            let detail = format!("user {} withdrew it", peer.uid);
            self.cut_off(name, Ended::Revoked, Reason::Revoked, &detail);
        }
    }

    fn list(&self, peer: &Peer) -> Reply {
        let live = self.sessions.values().map(|session| self.view(session));
        let released = self.released.values().map(Released::view);
        let all = self.closed.iter().cloned().chain(released).chain(live);
        Reply::Sessions(all.filter(|view| self.may_steer(peer, view)).collect())
    }

    fn info(&self, peer: &Peer, name: &str) -> Reply {
        match self.find(name) {
            Some(view) if self.may_steer(peer, &view) => Reply::Session(view),
            Some(_) | None => answers::no_session(name),
        }
    }

    fn find(&self, name: &str) -> Option<SessionView> {
        match (self.sessions.get(name), self.released.get(name)) {
            (Some(session), _) => Some(self.view(session)),
            (None, Some(released)) => Some(released.view()),
            (None, None) => self.closed.iter().rev().find(|view| view.session == name).cloned(),
        }
    }

    fn view(&self, session: &Session<E::Slot>) -> SessionView {
        let state = self.enforcer.counters(session.slot).unwrap_or_else(|error| {
            tracing::error!(session = session.name, "cannot read the kernel's account: {error}");
            gov_common::abi::State::default()
        });
        session.view(&state)
    }
}
