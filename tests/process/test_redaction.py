"""What is secret is replaced in every form in which a program may write it, and nothing else is."""

import base64
import json
import sys
import time
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from knowngood.process import Processes
from knowngood.process.redaction import Redactor, names_a_secret, secret_values

SECRET = 'p@ss/w+rd é"2'


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(json.dumps(SECRET))[3:-3],
        repr(SECRET)[1:-1],
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").lower(),
    ],
)
def test_a_known_secret_is_replaced_however_it_is_written(written: str) -> None:
    assert Redactor([SECRET]).text(f"before {written} after") == "before *** after"


def test_a_secret_that_is_known_encoded_is_replaced_decoded() -> None:
    assert Redactor(["a%2Fb%2Bc-long"]).text("a/b+c-long") == "***"


def test_a_login_is_replaced_in_the_header_that_carries_it() -> None:
    header = base64.b64encode(b"user:pass-word").decode()

    assert header not in Redactor(["user:pass-word"]).text(f"Authorization: Basic {header}")


@pytest.mark.parametrize(
    "text, clean",
    [
        ("https://user:pw@host/simple", "https://***@host/simple"),
        ("https://t0ken@host/simple", "https://***@host/simple"),
        ("git+https://me:x@host/a.git@v1", "git+https://***@host/a.git@v1"),
        ("http://host/simple?token=ab", "http://host/simple?token=***"),
        ("http://host/a?x=1&api_key=ab&y=2", "http://host/a?x=1&api_key=***&y=2"),
        ("http://host/a?X-Amz-Signature=0f0f#frag", "http://host/a?X-Amz-Signature=***#frag"),
        ("http%3A%2F%2Fhost%2F%3Ftoken%3Dab%26y%3D2", "http%3A%2F%2Fhost%2F%3Ftoken%3D***%26y%3D2"),
        ('{"url": "http://host/?token=ab"}', '{"url": "http://host/?token=***"}'),
        ("AKIA" + "A" * 16, "***"),
        ("ghp_" + "a1" * 18, "***"),
        ("hf_" + "a1" * 17, "***"),
        ("key: sk-" + "ant1" * 8, "key: ***"),
        ("pypi-AgE" + "x" * 60, "***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----", "***"),
    ],
)
def test_what_looks_like_a_secret_is_replaced(text: str, clean: str) -> None:
    assert Redactor().text(text) == clean


TOKEN = "ghp_" + "a1" * 18


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(f"it said\n{TOKEN}"),
        repr(f"it said\t{TOKEN}"),
        quote(f"key={TOKEN}", safe=""),
        f"\x1b[1;31m{TOKEN}\x1b[0m",
        json.dumps(f"\x07{TOKEN}"),
        f"HTTPS://{TOKEN[4:]}@host/simple",
        f"git+http://{TOKEN[4:]}@host/a.git",
    ],
)
def test_a_token_is_replaced_after_whatever_stands_before_it(text: str) -> None:
    assert TOKEN[4:] not in Redactor().text(text)


@pytest.mark.parametrize("text", [SECRET[:4], SECRET[:9], TOKEN[:9], "https://me:correct-h", "https://me:unknown"])
def test_the_beginning_of_a_secret_is_replaced_before_a_cut(text: str) -> None:
    begin = Redactor([SECRET, "correct-horse"]).before_cut(f"before {text}".encode())

    assert begin in (b"before ***", b"before https://***")


@pytest.mark.parametrize("kept", [4, 9])
def test_the_end_of_a_secret_is_replaced_after_a_cut(kept: int) -> None:
    assert Redactor([SECRET]).after_cut(f"{SECRET[-kept:]} after".encode()) == b"*** after"


@pytest.mark.parametrize("secret", ["correct-horse-battery", TOKEN])
@pytest.mark.parametrize("length", [300, 4000])
def test_a_secret_at_the_end_of_a_text_that_a_probe_cut_off_is_replaced(secret: str, length: int) -> None:
    text = Redactor(["correct-horse-battery"]).record("a " * ((length - 10) // 2) + secret[:10])

    assert text.endswith("a ***")


def test_a_secret_that_the_log_of_a_long_output_tears_is_replaced(tmp_path: Path) -> None:
    log = tmp_path / "log"
    source = f"print('a' * (2 * 2**20 - 8), {'correct-horse-battery'!r}, 'b' * 3 * 2**20)"

    Processes(tmp_path, secrets=["correct-horse-battery"]).run(
        [sys.executable, "-c", source], env={}, cwd=tmp_path, log=log, timeout=30
    )

    assert b"a ***\n[... " in log.read_bytes()


def test_text_that_is_not_cut_keeps_its_end() -> None:
    assert Redactor(["correct-horse-battery"]).record("it is correct") == "it is correct"


def test_undecodable_bytes_and_lone_surrogates_are_cleaned_around() -> None:
    assert Redactor(["correct-\udcff"]).text("\ud800 correct-\udcff") == "\ud800 ***"
    assert Redactor(["correct-\udcff"])(b"correct-\xff") == b"***"


@pytest.mark.parametrize(
    "text",
    [
        "numpy==1.26.4 --hash=sha256:0f0f",
        "git+ssh://git@host/a.git@0123456789012345678901234567890123456789",
        "http://127.0.0.1:8080/simple/a/a-1.0-py3-none-any.whl#sha256=0f0f",
        "maintainer: a@b.example, key = value, token: none",
        'extra == "token" and python_version >= "3.8"; extra == "key"',
        "https://host/page?tab=readme&version=2",
        "skip sk-learn, hf_hub, gh_actions, AKIA",
        "monkey=1 https://host:443/x@y",
    ],
)
def test_what_people_write_stays(text: str) -> None:
    assert Redactor(["", "other-secret"]).text(text) == text


@pytest.mark.parametrize(
    "name",
    ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "HF_TOKEN", "PGPASSWORD", "SENTRY_DSN", "DB_PASS", "MY_KEY", "API_KEYS"],
)
def test_names_of_secrets(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize("name", ["GIT_AUTHOR_NAME", "PIP_KEYRING_PROVIDER", "KEYBOARD", "PATH", "COMPASS", "PATTERN"])
def test_names_of_other_things(name: str) -> None:
    assert not names_a_secret(name)


@pytest.mark.parametrize(
    "piece", ["a", "?", "?token", "?token=", "://", "://a:", "https://a", "eyJ", "sk-", "%3F", "\\"]
)
def test_a_megabyte_of_anything_is_quick(piece: str) -> None:
    began = time.process_time()

    Redactor([SECRET]).text(piece * (2**20 // len(piece)))

    assert time.process_time() - began < 5


def test_values_of_secret_variables_may_be_longer_than_any_file_name(tmp_path: Path) -> None:
    environ = {
        "DEPLOY_KEY": "k" * 5000,
        "CONFIG_KEY": str(tmp_path),
        "SHORT_TOKEN": "ab",
        "OTHER": "a-long-other-value",
    }

    assert secret_values(environ) == ("k" * 5000,)
