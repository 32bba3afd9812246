//! Other processes of the machine: a stranger, which `$` stands for, its sockets, its memory, its queues.

use crate::suite::row::{Row, free, granted, refused};

const TRACE: (&str, &str) = ("process.trace", "process:trace");
const IPC: (&str, &str) = ("process.ipc", "process:ipc");
const STREAM: (&str, &str) = ("network.connect-unix", "/run/gov-suite.stream");
const GIVEN: (&str, &str) = ("file.receive", "/srv/gov-outside/secret");
/// Where the numbers of objects are read.
const SYSVIPC: &str = "file:read:/proc/sysvipc";

#[rustfmt::skip] // a table: one row a line
pub(super) const ROWS: &[Row] = &[
    refused("a stranger's memory is not read", "", "", "read-others-memory $", TRACE).because("ground").ends("EPERM"),
    refused("a stranger's memory is not written", "", "", "write-others-memory $", TRACE).because("ground").ends("EPERM"),
    refused("a stranger's descriptor is not taken", "", "", "take-descriptor $", TRACE).because("ground").ends("EPERM"),
    refused("a stranger is not compared with", "", "", "compare $", TRACE).because("ground").ends("EPERM"),
    refused("a stranger's pages are not looked for", "", "", "find-page $", TRACE).because("ground").ends("EPERM"),
    refused("a stranger's environment is not read", "file:read:/proc", "", "read /proc/$/environ", TRACE).because("ground"),
    refused("a stranger's descriptors lead nowhere", "", "", "read-link /proc/$/fd/0", TRACE).because("ground"),
    refused("a stranger's root is no road", "file:read:@", "a", "read /proc/$/root@/a", TRACE).because("ground"),
    granted("a stranger is looked into where that is granted", "process:trace", "", "compare $", TRACE),
    refused("a stranger's processors are not chosen", "", "", "set-cpus $", ("process.limit", "…")).because("ground"),
    refused("a stranger's input and output are not made slower", "", "", "set-io-priority $", ("process.limit", "…")).because("ground"),
    refused("not everyone is sent a signal", "", "", "signal-everyone", ("process.signal", "process:signal")).because("ground"),
    granted("a stranger is sent a signal where that is granted", "process:signal", "", "signal $", ("process.signal", "process:signal")),
    refused("a daemon's socket is not connected to", "file:write:/run", "", "connect-unix /run/gov-suite.stream", STREAM),
    granted("a granted socket is connected to", "network:unix:/run/gov-suite.stream", "", "connect-unix /run/gov-suite.stream", STREAM),
    granted("a socket in a granted folder is connected to", "network:unix:/run", "", "connect-unix /run/gov-suite.stream", STREAM),
    refused("a socket is judged where a symlink leads", "network:unix:@", "link->/run/gov-suite.stream", "connect-unix @/link", STREAM),
    refused("a socket is judged where /proc/self/root leads", "network:unix:@", "", "connect-unix /proc/self/root/run/gov-suite.stream", STREAM),
    refused("a socket without a path is not connected to", "network:unix:/", "", "connect-abstract gov-suite", ("network.connect-unix", "…")),
    refused("a datagram is not sent to a daemon's socket", "", "", "send-unix /run/gov-suite.datagrams", ("network.connect-unix", "/run/gov-suite.datagrams")),
    granted("a datagram is sent to a granted socket", "network:unix:/run/gov-suite.datagrams", "", "send-unix /run/gov-suite.datagrams", ("network.connect-unix", "/run/gov-suite.datagrams")),
    refused("a datagram is not sent to a socket without a path", "network:unix:/", "", "send-abstract gov-suite-datagrams", ("network.connect-unix", "…")),
    granted("a socket of the session's own is connected to", "file:write:@", "", "talk-to-itself @/socket", ("file.create", "@/socket")),
    refused("no socket is made outside", "file:write:@/in", "in/ out/", "talk-to-itself @/out/socket", ("file.create", "@/out/socket")),
    free("a socket of the session's own without a path is connected to", "talk-to-itself-abstract gov-suite-own"),
    free("a pair of sockets talks", "talk-to-itself-unnamed"),
    refused("a file that is sent from outside does not arrive", "network:unix:/run", "", "receive /run/gov-suite.stream r", GIVEN).ends("no file came"),
    refused("a file that is sent to be written does not arrive where reading is granted", "network:unix:/run file:read:/srv/gov-outside", "", "receive /run/gov-suite.stream w", GIVEN).ends("no file came"),
    refused("a socket that is sent from outside does not arrive", "network:unix:/run network:loopback", "", "receive /run/gov-suite.stream s", ("file.receive", "…")).ends("no file came"),
    granted("a granted file that is sent arrives", "network:unix:/run file:write:/srv/gov-outside", "", "receive /run/gov-suite.stream w", GIVEN),
    refused("a stranger's shared memory is not used", "", "", "share-memory", IPC).because("ground"),
    refused("a stranger's semaphores are not used", "", "", "share-semaphore", IPC).because("ground"),
    refused("a stranger's messages are not used", "", "", "share-queue", IPC).because("ground"),
    refused("a stranger's shared memory is not given away", SYSVIPC, "", "change-memory", IPC).because("ground"),
    refused("a stranger's semaphores are not given away", SYSVIPC, "", "change-semaphore", IPC).because("ground"),
    refused("a stranger's messages are not given away", SYSVIPC, "", "change-queue", IPC).because("ground"),
    granted("a stranger's messages are given away where that is granted", "file:read:/proc/sysvipc process:ipc", "", "change-queue", IPC),
    granted("a stranger's shared memory is used where that is granted", "process:ipc", "", "share-memory", IPC),
    free("shared memory of the session's own is used", "own-memory"),
    free("semaphores of the session's own are used", "own-semaphore"),
    free("messages of the session's own are used", "own-queue"),
    refused("no message queue is made", "", "", "make-message-queue gov-suite-own", IPC).because("ground"),
    refused("a stranger's message queue is not removed", "", "", "remove-message-queue gov-suite", IPC).because("ground"),
    granted("a stranger's message queue is removed where that is granted", "process:ipc", "", "remove-message-queue gov-suite", IPC),
    refused("a message queue whose name may be made is not opened", "process:ipc", "", "message-queue gov-suite-other", ("file.write", "…")).because("foreign-mount"),
    refused("a stranger's message queue is not opened", "", "", "message-queue gov-suite", ("file.write", "…")).because("foreign-mount"),
];
