"""Replace secrets in everything that is recorded, printed, cached or exported: the one door that all of it passes.

Two kinds are replaced: the values that the harness knows, in every form in which programs write them, and what looks
like a secret wherever it came from: passwords in URLs, tokens in their queries, and the shapes of well-known tokens.
"""

import os
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from json import dumps
from urllib.parse import quote, quote_plus, unquote

LONG_ENOUGH = 8
"""Characters of a text that is certainly no common word."""
_NAME = re.compile(
    r"(?:^|_)(?:AUTH|CREDENTIALS?|DSN|PASS|PAT|PWD)(?:_|$)|(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|KEY)S?(?:_|$)",
    re.IGNORECASE,
)
_KEYS = rb"token|secret|passw|api[_-]?key|access[_-]?key|auth|credential|signature|sig|key|pwd"
_QUERY = re.compile(
    rb"((?:[?&;]|%3F|%26|\\u0026)[\w.-]{0,40}(?:"
    + _KEYS
    + rb")[\w.-]{0,40}(?:=|%3D))(?:[^&\s\"'<>#\\%)]|%(?!26|23|22))+",
    re.IGNORECASE,
)
_LOGIN = re.compile(
    rb"(?<=://)[^/\s:@\"'\\]{0,200}:[^/\s@\"'\\]{1,400}(?=@)"
    rb"|(?:(?<=https://)|(?<=http://))[^/\s:@\"'\\]{1,400}(?=@)",
    re.IGNORECASE,
)
_ESCAPES = rb"(?<=\\[nrtbfv])|(?<=%[0-9A-Fa-f]{2})|(?<=\\x[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4})|(\x1b\[[0-9;]{0,20}m)"
"""What ends in a letter or a digit, and yet is a sign, a space or a color."""
_SHAPES = re.compile(
    rb"(?:(?<![A-Za-z0-9_-])|"
    + _ESCAPES
    + rb")(?:"
    + rb"|".join(
        (
            rb"(?:AKIA|ASIA)[0-9A-Z]{16}",  # AWS
            rb"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{22,255}",
            rb"glpat-[\w-]{20,255}",  # GitLab
            rb"hf_[A-Za-z0-9]{30,255}",  # Hugging Face
            rb"npm_[A-Za-z0-9]{36,255}",
            rb"pypi-AgE[\w-]{50,500}",
            rb"sk-[\w-]{20,255}",  # OpenAI, Anthropic
            rb"xox[abeprs]-[\w-]{10,255}",  # Slack
            rb"eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}",  # JSON web tokens
        )
    )
    + rb")(?![A-Za-z0-9_-])"
)
_PRIVATE_KEY = re.compile(
    rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.{0,20000}?-----END [A-Z ]{0,40}PRIVATE KEY-----", re.DOTALL
)
_TORN = re.compile(
    rb"(?:(?<![A-Za-z0-9_-])(?:AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|hf_|npm_|pypi-AgE|sk-|xox[abeprs]-|eyJ)[\w.-]*"
    rb"|(?<=://)[^/\s:@\"'\\]{0,200}:[^/\s@\"'\\]{1,400}"
    rb"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*)\Z",
    re.DOTALL,
)
"""How what looks like a secret begins, at the end of a text."""
_FEW = 4
"""Characters of a secret that are worth to be hidden."""
_SHORTEST_CUT, _CUT = 300, 4000
"""Characters of the texts that ``probe/in_env`` cuts: some to their beginning, the longest to their end as well."""
_EDGE = 4096
"""Bytes beside a cut that can belong to a torn secret."""
_STARS = b"***"


def names_a_secret(name: str) -> bool:
    """Return whether an environment variable has the name of a secret, as ``AWS_SECRET_ACCESS_KEY`` has."""
    return _NAME.search(name) is not None


def secret_values(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of the variables that are named like secrets.

    Short ones are words: to replace them would garble everything and hide nothing. Nor is the path of a file a secret.
    """
    return tuple(
        value
        for name, value in environ.items()
        if names_a_secret(name) and len(value) >= LONG_ENOUGH and not os.path.lexists(value)
    )


class Redactor:
    """Replaces secrets by stars. ``secrets`` are texts that are secret wherever they stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known = sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True)

    def __call__(self, data: bytes) -> bytes:
        """Return ``data`` without secrets, for people to read: where one is ``true``, JSON is no longer JSON."""
        for form in self._known:
            if form in data:
                data = data.replace(form, _STARS)
        if b"=" in data or b"%3D" in data or b"%3d" in data:
            data = _QUERY.sub(rb"\1***", data)
        if b"@" in data:
            data = _LOGIN.sub(_STARS, data)
        data = _SHAPES.sub(rb"\1***", data)
        return _PRIVATE_KEY.sub(_STARS, data) if b"PRIVATE KEY" in data else data

    def text(self, text: str) -> str:
        """Return ``text`` without secrets."""
        return self(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def record(self, text: str) -> str:
        """Return text of a record without secrets. A program may have cut off what was longer, and with it a secret."""
        data = text.encode("utf-8", "surrogatepass")
        data = self.before_cut(data) if len(text) >= _SHORTEST_CUT else self(data)
        return (self.after_cut(data) if len(text) >= _CUT else data).decode("utf-8", "surrogatepass")

    def before_cut(self, data: bytes) -> bytes:
        """Return ``data``, whose rest is gone, without secrets and without what begins one at its end."""
        data = self(data)
        rest, edge = data[:-_EDGE], data[-_EDGE:]
        for form in self._known:
            start = edge.find(form[:_FEW], max(0, len(edge) - len(form)))
            while start >= 0 and not form.startswith(edge[start:]):
                start = edge.find(form[:_FEW], start + 1)
            if start >= 0:
                edge = edge[:start] + _STARS
        return rest + _TORN.sub(_STARS, edge)

    def after_cut(self, data: bytes) -> bytes:
        """Return ``data``, whose beginning is gone, without secrets and without what ends one at its beginning."""
        data = self(data)
        edge, rest = data[:_EDGE], data[_EDGE:]
        for form in self._known:
            end = edge.rfind(form[-_FEW:], 0, len(form))
            while end >= 0 and not form.endswith(edge[: end + _FEW]):
                end = edge.rfind(form[-_FEW:], 0, end + _FEW - 1)
            if end >= 0:
                edge = _STARS + edge[end + _FEW :]
        return edge + rest


def _forms(secret: str) -> set[bytes]:
    """Return how a secret may be written; of one with several lines, a line may stand alone."""
    lines = [line for line in secret.splitlines() if len(line) >= LONG_ENOUGH] if "\n" in secret else []
    forms = {form for text in (secret, unquote(secret), *lines) for form in (text, repr(text)[1:-1], *_quoted(text))}
    for _ in range(2):  # JSON may be inside JSON
        forms |= {dumps(form, ensure_ascii=ascii_only)[1:-1] for form in forms for ascii_only in (True, False)}
    if ":" in secret and len(secret) >= LONG_ENOUGH:
        forms.add(b64encode(secret.encode("utf-8", "surrogateescape")).decode())  # the header of a login
    # A log has bytes that are not UTF-8 as they are; ``Redactor.text`` encodes what Python makes of them.
    return {form.encode("utf-8", errors) for form in forms for errors in ("surrogateescape", "surrogatepass")}


def _quoted(text: str) -> tuple[str, ...]:
    """Return how URLs write ``text``, with digits of either case."""
    data = text.encode("utf-8", "surrogateescape")
    forms = quote(data, safe=""), quote(data), quote_plus(data)
    return (*forms, *(re.sub(r"%[0-9A-F]{2}", lambda code: code[0].lower(), form) for form in forms))
