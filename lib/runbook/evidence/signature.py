"""The signature: OpenSSH's own format, because every auditor has ssh-keygen and needs nothing of ours to check it.

    ssh-keygen -Y verify -f signers -I NAME -n runbook -s statement.json.sig < statement.json

RUNBOOK_SIGNING_KEY names the key (a private key, or a public one whose private half an ssh-agent holds);
RUNBOOK_ALLOWED_SIGNERS the list of signers, a line each: `NAME ssh-ed25519 AAAA…`.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from runbook import openssh
from runbook.errors import UsageError
from runbook.openssh import KEY_VARIABLE, call

SIGNERS_VARIABLE = "RUNBOOK_ALLOWED_SIGNERS"
NAMESPACE = "runbook"
ARMOUR = re.compile(rb"-----BEGIN SSH SIGNATURE-----\n(?:[A-Za-z0-9+/=]+\n)+-----END SSH SIGNATURE-----\n")
LONGEST_SIGNATURE = 1 << 16  # bytes


@dataclass(frozen=True)
class SignatureCheck:
    """What a signature is worth.

    Attributes:
        good: True or False; None where nothing could be said.
        words: why, in a sentence.
        signer: who made it, by the list of whoever asks; empty where there is no list, or nobody listed did.
    """

    good: bool | None
    words: str
    signer: str = ""


def signature_path(path: Path) -> Path:
    """Return where the signature of a file lies."""
    return path.with_name(f"{path.name}.sig")


def require_signing() -> None:
    """Make sure, before anything runs, that a signature that is wanted can be made.

    Raises:
        UsageError: the key or ssh-keygen is missing.
    """
    key = os.environ.get(KEY_VARIABLE)
    if not key:
        return
    if not Path(key).is_file():
        raise UsageError(f"{KEY_VARIABLE} names no file: set it to the path of a key, or unset it to go unsigned.")
    call(["-l", "-f", key], b"")


def fingerprint() -> str | None:
    """Return the fingerprint of the key in RUNBOOK_SIGNING_KEY, None where none is set.

    Raises:
        UsageError: ssh-keygen is missing, or cannot read the key.
    """
    key = os.environ.get(KEY_VARIABLE)
    return openssh.fingerprint(key) if key else None


def sign(path: Path) -> Path | None:
    """Sign a file with the key in RUNBOOK_SIGNING_KEY and return the signature; None where no key is set.

    Raises:
        UsageError: it cannot be signed; the message says why and holds neither the key nor its path.
    """
    target, key = signature_path(path), os.environ.get(KEY_VARIABLE)
    target.unlink(missing_ok=True)
    if not key:
        return None
    target.write_bytes(openssh.sign(path.read_bytes(), key, NAMESPACE))
    return target


def check_signature(path: Path) -> SignatureCheck:
    """Check the signature of a file, against the signers in RUNBOOK_ALLOWED_SIGNERS where those are named.

    Raises:
        UsageError: the list of signers is missing.
    """
    found, signers = signature_path(path), os.environ.get(SIGNERS_VARIABLE)
    if signers and not Path(signers).is_file():
        raise UsageError(f"{SIGNERS_VARIABLE} names no file: set it to the path of a list of signers, or unset it.")
    if not found.is_file():
        return SignatureCheck(False if signers else None, f"{path.name} is not signed")
    with found.open("rb") as file:
        armoured = file.read(LONGEST_SIGNATURE + 1)
    if not ARMOUR.fullmatch(armoured):  # ssh-keygen would read over what stands around it
        return SignatureCheck(False, f"{found.name} was altered: it is no signature, or more than one")
    options, name = ["-n", NAMESPACE, "-s", str(found)], ""
    try:
        if not signers:
            done = call(["-Y", "check-novalidate", *options], path.read_bytes())
            key = " ".join(done.stdout.decode(errors="replace").split()[-1:])
            words = f"{path.name} is signed with the key {key}; whose it is, a list in {SIGNERS_VARIABLE} would tell"
        else:
            names = call(["-Y", "find-principals", "-f", signers, "-s", str(found)], b"").stdout.decode().split()
            name = names[0] if names else ""
            done = call(["-Y", "verify", "-f", signers, "-I", name or "nobody", *options], path.read_bytes())
            words = f"{path.name} is signed by {name}"
    except UsageError as error:
        return SignatureCheck(None, str(error))
    if done.returncode:
        by_whom = ", or not by a listed signer" if signers else ""
        return SignatureCheck(False, f"{found.name} is no valid signature of {path.name}{by_whom}")
    return SignatureCheck(True, words, name)
