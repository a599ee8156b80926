"""The signature: OpenSSH's own format, because every auditor has ssh-keygen and needs nothing of ours to check it.

    ssh-keygen -Y verify -f signers -I NAME -n runbook -s manifest.json.sig < manifest.json

RUNBOOK_SIGNING_KEY names the key (a private key, or a public one whose private half an ssh-agent holds);
RUNBOOK_ALLOWED_SIGNERS the list of signers, a line each: `NAME ssh-ed25519 AAAA…`.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from runbook.errors import UsageError

KEY_VARIABLE = "RUNBOOK_SIGNING_KEY"
SIGNERS_VARIABLE = "RUNBOOK_ALLOWED_SIGNERS"
NAMESPACE = "runbook"
TOOL = "ssh-keygen"
LONGEST = 30  # seconds an agent may take


@dataclass(frozen=True)
class SignatureCheck:
    """What a signature is worth.

    Attributes:
        good: True or False; None where nothing could be said.
        words: why, in a sentence.
    """

    good: bool | None
    words: str


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
    _call(["-l", "-f", key], b"")


def sign(path: Path) -> Path | None:
    """Sign a file with the key in RUNBOOK_SIGNING_KEY and return the signature; None where no key is set.

    Nothing is ever asked for: a key with a passphrase works through an ssh-agent only.

    Raises:
        UsageError: it cannot be signed; the message says why and holds neither the key nor its path.
    """
    target, key = signature_path(path), os.environ.get(KEY_VARIABLE)
    target.unlink(missing_ok=True)
    if not key:
        return None
    done = _call(["-Y", "sign", "-f", key, "-n", NAMESPACE], path.read_bytes())
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").replace(key, "the key").split("\n")
        why = next((line.strip() for line in reversed(said) if line.strip()), "no reason given")
        raise UsageError(f"{TOOL} does not sign with {KEY_VARIABLE} ({why}). A passphrase needs an ssh-agent.")
    target.write_bytes(done.stdout)
    return target


def check_signature(path: Path) -> SignatureCheck:
    """Check the signature of a file, against the signers in RUNBOOK_ALLOWED_SIGNERS where those are named."""
    found, signers = signature_path(path), os.environ.get(SIGNERS_VARIABLE)
    if not found.is_file():
        return SignatureCheck(False if signers else None, f"{path.name} is not signed")
    options = ["-n", NAMESPACE, "-s", str(found)]
    try:
        if not signers:
            done = _call(["-Y", "check-novalidate", *options], path.read_bytes())
            key = " ".join(done.stdout.decode(errors="replace").split()[-1:])
            words = f"{path.name} is signed with the key {key}; whose it is, a list in {SIGNERS_VARIABLE} would tell"
        else:
            names = _call(["-Y", "find-principals", "-f", signers, "-s", str(found)], b"").stdout.decode().split()
            name = names[0] if names else "nobody listed"
            done = _call(["-Y", "verify", "-f", signers, "-I", name, *options], path.read_bytes())
            words = f"{path.name} is signed by {name}"
    except UsageError as error:
        return SignatureCheck(None, str(error))
    if done.returncode:
        by_whom = ", or not by a listed signer" if signers else ""
        return SignatureCheck(False, f"the signature of {path.name} is not valid{by_whom}")
    return SignatureCheck(True, words)


def _call(arguments: list[str], content: bytes) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(
            [TOOL, *arguments],
            input=content,
            env={**os.environ, "SSH_ASKPASS_REQUIRE": "never"},
            start_new_session=True,  # no terminal to ask at
            capture_output=True,
            timeout=LONGEST,
            check=False,
        )
    except FileNotFoundError:
        raise UsageError(f"{TOOL} is not installed here: signatures need OpenSSH's client.") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"{TOOL} did not answer within {LONGEST} s.") from None
