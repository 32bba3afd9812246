//! The hooks, one a file.

mod bprm_check_security;
mod file_mprotect;
mod file_open;
mod inode_setattr;
mod mmap_file;
mod path_chmod;
mod path_chown;
mod path_link;
mod path_mkdir;
mod path_mknod;
mod path_rename;
mod path_rmdir;
mod path_symlink;
mod path_truncate;
mod path_unlink;
mod sched_process_exec;
mod socket_connect;
mod socket_create;
mod socket_sendmsg;
mod task_alloc;
