"""The signature: OpenSSH's own tool checks it, nothing is asked for, and no key is repeated."""

import subprocess

import pytest

from runbook.errors import UsageError
from runbook.evidence import signature

ARMOURED = "-----BEGIN SSH SIGNATURE-----\nx\n-----END SSH SIGNATURE-----\n"


@pytest.fixture
def letter(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear auditor")
    return path


@pytest.fixture
def signed(letter, key, monkeypatch):
    monkeypatch.setenv(signature.KEY_VARIABLE, str(key))
    assert signature.sign(letter) == signature.signature_path(letter)
    return letter


def test_a_good_signature_names_its_signer(signed, signers, monkeypatch):
    unnamed = signature.check_signature(signed)
    assert unnamed.good is True
    assert "SHA256:" in unnamed.words
    monkeypatch.setenv(signature.SIGNERS_VARIABLE, str(signers))
    assert signature.check_signature(signed) == signature.SignatureCheck(
        True, "letter.txt is signed by operator", "operator"
    )


def test_what_was_changed_after_signing_is_not_valid(signed, signers, monkeypatch):
    signed.write_text("Dear Auditor")
    assert signature.check_signature(signed).good is False
    monkeypatch.setenv(signature.SIGNERS_VARIABLE, str(signers))
    assert signature.check_signature(signed).good is False


def test_a_signer_who_is_not_listed_does_not_count(signed, tmp_path, monkeypatch):
    listed = tmp_path / "listed"
    listed.write_text("")
    monkeypatch.setenv(signature.SIGNERS_VARIABLE, str(listed))
    assert signature.check_signature(signed).good is False


def test_a_list_of_signers_that_is_not_there_accuses_nobody(signed, tmp_path, monkeypatch):
    monkeypatch.setenv(signature.SIGNERS_VARIABLE, str(tmp_path / "mistyped"))
    with pytest.raises(UsageError, match="RUNBOOK_ALLOWED_SIGNERS names no file"):
        signature.check_signature(signed)


def test_a_missing_signature_counts_where_signers_are_listed(letter, signers, monkeypatch):
    assert signature.check_signature(letter) == signature.SignatureCheck(None, "letter.txt is not signed")
    monkeypatch.setenv(signature.SIGNERS_VARIABLE, str(signers))
    assert signature.check_signature(letter).good is False


def test_without_a_key_nothing_is_signed_and_no_old_signature_stays(signed, monkeypatch):
    monkeypatch.delenv(signature.KEY_VARIABLE)
    signature.require_signing()
    assert signature.sign(signed) is None
    assert not signature.signature_path(signed).exists()


def test_a_key_with_a_passphrase_is_refused_without_a_question(letter, tmp_path, monkeypatch):
    key = tmp_path / "locked"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(key)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    monkeypatch.setenv(signature.KEY_VARIABLE, str(key))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(UsageError, match="ssh-agent") as refusal:
        signature.sign(letter)
    assert str(key) not in str(refusal.value)


@pytest.mark.parametrize("content", ["no key at all", ""])
def test_what_is_no_key_is_refused_without_repeating_it(letter, tmp_path, monkeypatch, content):
    key = tmp_path / "no-key"
    key.write_text(content)
    key.chmod(0o600)
    monkeypatch.setenv(signature.KEY_VARIABLE, str(key))
    with pytest.raises(UsageError, match="does not sign") as refusal:
        signature.sign(letter)
    assert "no key at all" not in str(refusal.value)


def test_a_missing_key_or_tool_is_found_before_anything_runs(key, tmp_path, letter, monkeypatch):
    monkeypatch.setenv(signature.KEY_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="names no file"):
        signature.require_signing()
    monkeypatch.setenv(signature.KEY_VARIABLE, str(key))
    signature.require_signing()
    signature.signature_path(letter).write_text(ARMOURED)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="ssh-keygen is not installed"):
        signature.require_signing()
    assert signature.check_signature(letter).good is None
