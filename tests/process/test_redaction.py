"""What is secret is replaced in every form in which a program may write it, and nothing else is."""

import base64
import json
import time
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

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
