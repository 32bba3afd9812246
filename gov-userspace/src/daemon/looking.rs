//! Hashes what a session left behind, on a thread of its own and those that it asks for: the ring does not wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::receipt::Artifact;
use crate::session::artifacts::{Progress, Reader, look};
use crate::session::touched::Touched;

/// What is done sooner is not told of.
const SOON: Duration = Duration::from_secs(1);
/// How often it is told how far it is.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Starts; what stands at the paths is sent with the session's name.
pub(super) fn start(
    session: &str,
    touched: Arc<Touched>,
    (reader, progress): (Reader, Arc<Progress>),
    looked: mpsc::Sender<(String, Vec<Artifact>)>,
) -> std::io::Result<()> {
    let session = session.to_owned();
    let all = move || {
        let begun = Instant::now();
        let mut tell_at = SOON;
        let artifacts = look(&touched, reader, &progress, &mut || {
            if begun.elapsed() >= tell_at {
                tell_at = begun.elapsed().saturating_add(TELL_EVERY);
                tell(&session, &progress, "what the session left behind is being hashed");
            }
        });
        if begun.elapsed() >= SOON {
            tell(&session, &progress, "what the session left behind is hashed");
        }
        if looked.blocking_send((session, artifacts)).is_err() {
            tracing::error!("the daemon stopped while a session's files were hashed");
        }
    };
    std::thread::Builder::new().name("hash".to_owned()).spawn(all).map(drop)
}

fn tell(session: &str, progress: &Progress, what: &str) {
    let view = progress.view();
    let (files, of_files, bytes, of_bytes) = (view.files, view.of_files, view.bytes, view.of_bytes);
    tracing::info!(session, files, of_files, bytes, of_bytes, "{what}");
}
