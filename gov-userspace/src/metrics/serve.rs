//! Answers whoever scrapes: `GET /metrics`, in the text form of OpenMetrics, and nothing else.

use std::convert::Infallible;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::{Address, Metrics};
use crate::host::cgroup::is_governed;
use crate::host::process::Process;

/// Scrapes at once.
const MAX_CONNECTIONS: usize = 8;
/// How long a connection may last, whatever comes over it.
const CONNECTION_LIMIT: Duration = Duration::from_secs(30);
/// The most bytes of a request's head that are held.
const MAX_HEAD: usize = 8 << 10;
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A socket that is listened at.
#[derive(Debug)]
pub enum Listener {
    /// A socket file.
    Unix(UnixListener),
    /// A loopback address.
    Loopback(TcpListener),
}

/// Listens there. A socket file is for its owner and group; one that is left over is replaced.
///
/// # Errors
/// Those of the socket.
pub async fn listen(address: &Address) -> io::Result<Listener> {
    match address {
        Address::Loopback(address) => TcpListener::bind(address).await.map(Listener::Loopback),
        Address::Unix(path) => {
            remove_socket(path)?;
            let listener = UnixListener::bind(path)?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
            Ok(Listener::Unix(listener))
        }
    }
}

/// A file that is no socket is somebody's, and stays.
fn remove_socket(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path),
        Ok(_other) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Answers for ever. Whoever comes while too many are here is let go.
pub async fn serve(listener: Listener, metrics: Arc<Metrics>) {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(metrics));
    let (registry, places) = (Arc::new(registry), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    loop {
        let stream = match accept(&listener).await {
            Ok(Some(stream)) => stream,
            Ok(None) => continue,
            Err(error) => {
                // Out of descriptors or memory: the next one waits its turn.
                tracing::warn!("cannot accept a connection for metrics: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let registry = Arc::clone(&registry);
        tokio::spawn(async move {
            let answered = tokio::time::timeout(CONNECTION_LIMIT, converse(stream, registry)).await;
            if let Ok(Err(error)) = answered {
                tracing::debug!("a scrape went wrong: {error}");
            }
            drop(place);
        });
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// The next peer; `None` of one that lies in a session, which is told nothing of the host.
async fn accept(listener: &Listener) -> io::Result<Option<Box<dyn Stream>>> {
    Ok(match listener {
        Listener::Loopback(listener) => Some(Box::new(listener.accept().await?.0)),
        Listener::Unix(listener) => {
            let (stream, _address) = listener.accept().await?;
            if lies_outside(&stream) { Some(Box::new(stream)) } else { None }
        }
    })
}

/// Whether the peer lies in no session; one of which it cannot be seen counts as within.
fn lies_outside(stream: &UnixStream) -> bool {
    Process::at_other_end(stream)
        .and_then(|process| process.cgroup())
        .is_ok_and(|cgroup| !is_governed(&cgroup))
}

async fn converse(stream: Box<dyn Stream>, registry: Arc<Registry>) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| {
        let reply = answer(request.method(), request.uri().path(), &registry);
        async move { Ok::<_, Infallible>(reply) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CONNECTION_LIMIT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

fn answer(method: &Method, path: &str, registry: &Registry) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::default());
    match (path, method) {
        ("/metrics", &Method::GET) => {
            let mut words = String::new();
            match text::encode(&mut words, registry) {
                Ok(()) => {
                    *reply.body_mut() = Full::new(Bytes::from(words));
                    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
                }
                Err(fmt) => {
                    tracing::error!("the metrics cannot be written: {fmt}");
                    *reply.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                }
            }
        }
        ("/metrics", _other) => {
            *reply.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        }
        _elsewhere => *reply.status_mut() = StatusCode::NOT_FOUND,
    }
    reply
}
