//! The profiles of this host: those that gov brings along, and root's own in /etc/gov/profiles, which go first.

use std::path::Path;

use crate::guarded::{self, GuardError, OTHERS_WRITE};
use crate::profile::{Library, Profile, ProfileError};

/// Where root's own profiles are.
pub const FOLDER: &str = "/etc/gov/profiles";

/// Reads a host's profiles. A file that is not to be believed stands in the place of the profile that it would
/// have replaced, as an error.
///
/// # Errors
/// [`GuardError`] if the folder itself is not to be believed.
pub fn load(folder: &Path, owner: u32) -> Result<Library, GuardError> {
    let mut library = Library::shipped();
    for (name, path) in guarded::toml_files(folder, owner)? {
        let profile = match guarded::read(&path, owner, OTHERS_WRITE) {
            Ok(Some(text)) => Profile::parse(&name, &text),
            Ok(None) => continue,
            Err(error) => Err(ProfileError::File { name: name.clone(), why: error.to_string() }),
        };
        library.put(&name, profile);
    }
    Ok(library)
}

#[cfg(test)]
mod tests {
    use super::load;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_host_s_own_profile_goes_before_the_shipped_one_even_if_it_is_refused() {
        let me = rustix::process::geteuid().as_raw();
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, mode: u32| {
            let path = folder.path().join(format!("{name}.toml"));
            let text =
                format!("name = \"{name}\"\ndescription = \"Ours.\"\nscopes = [\"file:read:/ours\"]\n");
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        put("python", 0o644);
        put("site", 0o644);
        put("git", 0o666);
        let library = load(folder.path(), me).unwrap();
        assert_eq!(library.profile("python").unwrap().description, "Ours.");
        assert!(library.profile("site").is_ok() && library.profile("base").is_ok());
        assert!(library.profile("git").unwrap_err().to_string().contains("chmod go-w"));
        assert!(load(&folder.path().join("missing"), me).unwrap().profile("git").is_ok());
    }
}
