"""OpenSSH's own signatures: every auditor has ssh-keygen, and needs nothing of ours to check one.

Nothing is ever asked for: a key with a passphrase works through an ssh-agent only.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from runbook.errors import UsageError

KEY_VARIABLE = "RUNBOOK_SIGNING_KEY"  # a private key, or a public one whose private half an ssh-agent holds
TOOL = "ssh-keygen"
LONGEST = 30  # seconds an agent may take


def fingerprint(key: str) -> str:
    """Return the fingerprint of a key, as `SHA256:…`.

    Raises:
        UsageError: ssh-keygen is missing, or cannot read the key.
    """
    said = call(["-l", "-E", "sha256", "-f", key], b"").stdout.decode(errors="replace").split()
    if len(said) < 2:
        raise UsageError(f"{KEY_VARIABLE} is no key that {TOOL} can read.")
    return said[1]


def sign(content: bytes, key: str, namespace: str) -> bytes:
    """Return the signature of a content by the key in RUNBOOK_SIGNING_KEY.

    Raises:
        UsageError: it cannot be signed; the message says why and holds neither the key nor its path.
    """
    done = call(["-Y", "sign", "-f", key, "-n", namespace], content)
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").replace(key, "the key").split("\n")
        why = next((line.strip() for line in reversed(said) if line.strip()), "no reason given")
        raise UsageError(f"{TOOL} does not sign with {KEY_VARIABLE} ({why}). A passphrase needs an ssh-agent.")
    return done.stdout


def signer_of(content: bytes, signature: bytes, namespace: str) -> str:
    """Return the fingerprint of the key that signed a content, empty where the signature does not hold.

    Raises:
        UsageError: ssh-keygen is missing, or too slow.
    """
    with tempfile.TemporaryDirectory(prefix="runbook-") as folder:
        path = Path(folder) / "signature"
        path.write_bytes(signature)
        done = call(["-Y", "check-novalidate", "-n", namespace, "-s", str(path)], content)
    said = done.stdout.decode(errors="replace").split()
    return said[-1] if done.returncode == 0 and said and said[-1].startswith("SHA256:") else ""


def call(arguments: list[str], content: bytes) -> "subprocess.CompletedProcess[bytes]":
    """Call ssh-keygen without a terminal to ask at.

    Raises:
        UsageError: it is missing, or too slow.
    """
    try:
        return subprocess.run(
            [TOOL, *arguments],
            input=content,
            env={**os.environ, "SSH_ASKPASS_REQUIRE": "never"},
            start_new_session=True,
            capture_output=True,
            timeout=LONGEST,
            check=False,
        )
    except FileNotFoundError:
        raise UsageError(f"{TOOL} is not installed here: signatures need OpenSSH's client.") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"{TOOL} did not answer within {LONGEST} s.") from None
