//! A key that a TPM sealed: the daemon opens it by itself and as systemd hands it over, and no other TPM does.

use anyhow::{Context, Result, bail};

use crate::build;
use crate::kernels::Series;
use crate::vm::Machine;

use super::tried;

/// What stands before the sealed key in the first machine's output.
const MARK: &str = "sealed:";

/// Seals, governs, rotates and verifies, first with a daemon that opens the key itself, then with one that systemd hands it to.
const SEAL: &str = "exec 2>&1
    test -c /dev/tpmrm0 || exit 80
    cp $(which gov) $(which govd) /usr/bin/ && cp \"$0/govd.service\" /etc/systemd/system/
    systemctl daemon-reload
    keys=/var/lib/gov/keys
    govern() { gov run --profile base --scope code:execute:/usr/bin/cat \"$@\"; }
    verified() { for log in /var/lib/gov/logs/*; do gov verify $log --key $1 || return 1; done; }
    systemctl start govd && govern -- cat /etc/hostname && systemctl stop govd || exit 81
    key=$(gov keys export --log)
    test -e $keys/log.key && gov keys seal --log && test ! -e $keys/log.key || exit 82
    cp $keys/log.cred /root/copy && systemd-creds decrypt --name=log.key /root/copy - >/root/opened || exit 83
    systemctl start govd && govern -- cat /etc/hostname && verified $key || exit 84
    for wide in file:read:/ file:read:/dev file:read:/run; do
        govern --scope $wide -- cat $keys/log.cred && exit 85
        govern --scope $wide -- cat /dev/tpmrm0 && exit 85
        govern --scope $wide -- cat /run/credentials/govd.service/log.key && exit 85
    done
    gov keys rotate --log && test -e $keys/log.cred && test ! -e $keys/log.key || exit 86
    govern -- cat /etc/hostname && verified $key || exit 87
    mkdir /etc/systemd/system/govd.service.d
    printf '[Service]\\nLoadCredentialEncrypted=log.key:%s\\n' $keys/log.cred >/etc/systemd/system/govd.service.d/key.conf
    systemctl daemon-reload && systemctl restart govd && test -e /run/credentials/govd.service/log.key || exit 88
    govern -- cat /etc/hostname && verified $key || exit 89
    govern --scope file:read:/ --scope file:read:/run -- cat /run/credentials/govd.service/log.key && exit 85
    grep -q \"$(cat /root/opened)\" -r $keys && exit 90
    systemctl stop govd || exit 91
    echo sealed:$(base64 --wrap=0 /root/copy)";

/// The same file, beside another TPM.
const OPEN: &str = "exec 2>&1
    test -c /dev/tpmrm0 || exit 80
    mkdir -p /var/lib/gov/keys && echo \"$SEALED\" | base64 --decode >/var/lib/gov/keys/log.cred
    chmod 600 /var/lib/gov/keys/log.cred
    systemd-creds decrypt --name=log.key /var/lib/gov/keys/log.cred - && exit 81
    gov keys seal --log && exit 82
    govd && exit 83
    exit 0";

/// In two machines, each with a TPM of its own.
pub fn seals_for_one_machine_alone() -> Result<()> {
    let programs = build::ready()?.programs;
    let units = build::workspace()?.join("dist/systemd");
    let command = ["sh", "-c", SEAL, &units.display().to_string()].map(str::to_owned).into();
    let with_tpm =
        |command| Machine { programs: programs.clone(), tpm: true, ..Machine::new(Series::V6_12, command) };
    let machine = Machine { systemd: true, share: vec![units], ..with_tpm(command) };
    let (status, said) = tried(&machine)?;
    match status {
        0 => {}
        80 => bail!("the machine has no TPM:\n{said}"),
        81 => bail!("nothing is governed with a plain key:\n{said}"),
        82 => bail!("the key is not sealed, or its plain file stays:\n{said}"),
        83 => bail!("what was sealed does not open again where it was sealed:\n{said}"),
        84 => bail!("the daemon does not open it, or its log does not verify with the exported key:\n{said}"),
        85 => bail!("a governed task reads it:\n{said}"),
        86 => bail!("a sealed key is not rotated to a sealed one:\n{said}"),
        87 => bail!("after a rotation the log does not verify with the older key:\n{said}"),
        88 => bail!("systemd does not hand it over:\n{said}"),
        89 => bail!("with what systemd hands over nothing is governed, or no log verifies:\n{said}"),
        90 => bail!("the secret lies open beside the sealed file:\n{said}"),
        other => bail!("it ended with {other}:\n{said}"),
    }
    let sealed =
        said.lines().find_map(|line| line.strip_prefix(MARK)).context("the sealed key is not shown")?;
    let machine = Machine {
        env: vec![format!("SEALED={sealed}")],
        ..with_tpm(["sh", "-c", OPEN].map(str::to_owned).into())
    };
    let (status, said) = tried(&machine)?;
    match status {
        0 if said.contains("another TPM sealed") => Ok(()),
        0 => bail!("the daemon does not say why it does not start:\n{said}"),
        80 => bail!("the second machine has no TPM:\n{said}"),
        81 | 83 => bail!("another TPM opens it:\n{said}"),
        82 => bail!("a sealed key was sealed over:\n{said}"),
        other => bail!("the second machine ended with {other}:\n{said}"),
    }
}
