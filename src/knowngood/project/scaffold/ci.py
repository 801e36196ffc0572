"""Write the files of CI that run a matrix: a workflow of GitHub, or jobs of GitLab."""

import json
import re
import shlex
import textwrap
from pathlib import Path

from knowngood.project.scaffold.machine import Origin

_PUSH = """\
# Another matrix may be stored at the same time: then the push is refused, and is tried again on top of it.
for attempt in 1 2 3; do
  # The first run starts the branch. An unreachable remote fails here, before anything is replaced.
  tip="$(git ls-remote origin refs/heads/matrix)"
  if [ -n "$tip" ]; then
    git fetch --quiet --depth 1 origin matrix
    git reset --quiet --hard FETCH_HEAD
  fi
  rm -rf "$REPORT"
  mkdir -p "$(dirname "$REPORT")"
  cp -R {published} "$REPORT"
  git add --all "$REPORT"
  git diff --cached --quiet || git commit --quiet --message "Publish {run}"
  if git push --quiet origin HEAD:refs/heads/matrix; then exit 0; fi
  sleep "$attempt"
done
exit 1
"""
"""Push a report to the branch, from a new repository with the remote ``origin``."""

_WORKFLOW = """# Run the matrix once a week, and whenever it changes. Written by `knowngood init`: change it.
# The branch `matrix` keeps the published report, its history and the baseline.
name: {title}

on:
  schedule:
    - cron: "{cron}"
  workflow_dispatch:
    inputs:
      accept:
        description: Make this run the baseline, whatever regressed
        type: boolean
        default: false
  push:
    branches: [{branch}]
    paths: {paths}
  pull_request:
    paths: {paths}

permissions: {{}}

concurrency:
  group: {name}-${{{{ github.ref }}}}
  cancel-in-progress: ${{{{ github.event_name == 'pull_request' }}}}

jobs:
  matrix:
    name: Matrix
    runs-on: ubuntu-24.04
    timeout-minutes: 120
    permissions:
      contents: read
    outputs:
      compared: ${{{{ steps.compare.outputs.compared }}}}
      published: ${{{{ steps.publish.outputs.published }}}}
{directory}    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          fetch-depth: 0 # tags, for the version of a project, and the branch with the published report
          persist-credentials: false
      - uses: actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0
        with:
          python-version: "3.13"
      - name: Install knowngood
{note}        run: python -m pip install {requirement}
      - name: Get the Pythons of the matrix
        run: uv python install {pythons}
      - name: Run the matrix
        # GitHub must not take the output of packages for workflow commands.
        run: |
          token="$(python -c 'import secrets; print(secrets.token_hex())')"
          echo "::stop-commands::$token"
          code=0
          knowngood run {matrix} --progress lines || code=$?
          echo "::$token::"
          exit "$code"
      - name: Restore the published report
        if: ${{{{ !cancelled() }}}}
        # After the run, which is about the project as it was checked out.
        run: |
          if git cat-file -e origin/matrix:./reports/{matrix} 2> /dev/null; then
            git restore --source origin/matrix --worktree -- reports/{matrix}
          fi
      - name: Write the report
        if: ${{{{ !cancelled() }}}}
        run: |
          knowngood report --matrix {matrix} --format all --output report
          cat report/summary.md >> "$GITHUB_STEP_SUMMARY"
      - name: Compare with the baseline
        id: compare
        if: ${{{{ !cancelled() && github.event_name == 'pull_request' }}}}
        # Exit code 2: there is no baseline yet, or no run. Any other is about what changed.
        run: |
          code=0
          echo "<!-- {name} -->" > report/comment.md
          knowngood diff {matrix} --format markdown >> report/comment.md || code=$?
          if [ "$code" != 2 ]; then echo "compared=1" >> "$GITHUB_OUTPUT"; fi
      - name: Keep the report
        if: ${{{{ !cancelled() }}}}
        uses: actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0
        with:
          name: {name}
          path: {prefix}report
          overwrite: true
      - name: Publish the report
        id: publish
        if: ${{{{ !cancelled() }}}}
        env:
          ACCEPT: ${{{{ inputs.accept && '1' || '' }}}}
        # Red or green. A run with an undecided cell is not published.
        run: |
          if knowngood publish --matrix {matrix} ${{ACCEPT:+--accept}}; then
            echo "published=1" >> "$GITHUB_OUTPUT"
          fi
      - name: Keep the published report
        if: ${{{{ !cancelled() && steps.publish.outputs.published == '1' }}}}
        uses: actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0
        with:
          name: {name}-published
          path: {prefix}reports/{matrix}
          overwrite: true

  store:
    name: Store the published report
    needs: [matrix]
    # Only runs of the default branch are stored. This job runs no other code.
    if: >-
      ${{{{ !cancelled() && needs.matrix.outputs.published == '1' && github.event_name != 'pull_request'
      && (github.event_name == 'schedule' || github.ref_name == github.event.repository.default_branch) }}}}
    runs-on: ubuntu-24.04
    timeout-minutes: 15
    permissions:
      contents: write # to push to the branch `matrix`
    steps:
      - name: Fetch the published report
        uses: actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1
        with:
          name: {name}-published
          path: published
      - name: Push it to the branch
        env:
          GH_TOKEN: ${{{{ github.token }}}}
          REPORT: {stored}
          REPOSITORY: ${{{{ github.server_url }}}}/${{{{ github.repository }}}}
          RUN_URL: ${{{{ github.server_url }}}}/${{{{ github.repository }}}}/actions/runs/${{{{ github.run_id }}}}
        run: |
          git init --quiet --initial-branch matrix branch
          cd branch
          git config credential.helper '!f() {{ echo username=x-access-token; echo "password=$GH_TOKEN"; }}; f'
          git config user.name "github-actions[bot]"
          git config user.email "41898282+github-actions[bot]@users.noreply.github.com"
          git remote add origin "$REPOSITORY"
{push}
  comment:
    name: Comment on the pull request
    needs: [matrix]
    # A pull request from a fork gets no token that may comment. This job runs no other code.
    if: >-
      ${{{{ !cancelled() && needs.matrix.outputs.compared == '1'
      && github.event.pull_request.head.repo.full_name == github.repository }}}}
    runs-on: ubuntu-24.04
    timeout-minutes: 15
    permissions:
      pull-requests: write # to write what the change does to the matrix
    steps:
      - name: Fetch the report
        uses: actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1
        with:
          name: {name}
          path: report
      - name: Keep the one comment up to date
        env:
          COMMENTS: repos/${{{{ github.repository }}}}/issues
          GH_TOKEN: ${{{{ github.token }}}}
          NUMBER: ${{{{ github.event.pull_request.number }}}}
        # The first line of the comment identifies it.
        run: |
          MARK="$(sed -n 1p report/comment.md)"
          export MARK
          number="$(gh api --paginate "$COMMENTS/$NUMBER/comments" --jq \
            '.[] | select(.user.login == "github-actions[bot]" and (.body | startswith(env.MARK))) | .id' | sed -n 1p)"
          if [ -n "$number" ]; then
            gh api --silent --method PATCH "$COMMENTS/comments/$number" --field body=@report/comment.md
          else
            gh api --silent --method POST "$COMMENTS/$NUMBER/comments" --field body=@report/comment.md
          fi
"""


_GITLAB = """# Run the matrix on a schedule, and whenever it changes. Written by `knowngood init`: change it.
# For a weekly run, add a pipeline schedule. To make a run the baseline, start a pipeline with the variable ACCEPT.
#
# To keep the published report, its history and the baseline on the branch `matrix`, create a project access token with
# the scope write_repository. Give it to the second job alone: in the masked variable PUSH_TOKEN, whose environment
# scope is {name}.
{name}:
  image: python:3.13
  timeout: 2 hours
  rules:
    - if: $CI_PIPELINE_SOURCE == "schedule" || $CI_PIPELINE_SOURCE == "web"
    - changes: {paths}
  variables:
    GIT_DEPTH: 0 # the version of a project may come from its tags
    ACCEPT: "" # any value: make this run the baseline, whatever regressed
  before_script:
{note}    - python -m pip install {requirement}
    - uv python install {pythons}
{directory}  script:
    - knowngood run {matrix} --progress lines
  after_script:
{directory}    # After the run, which is about the project as it was checked out. The first run finds no branch.
    - |
      if git fetch --quiet --depth 1 origin matrix && git cat-file -e FETCH_HEAD:./reports/{matrix}; then
        git restore --source FETCH_HEAD --worktree -- reports/{matrix}
      fi
    - knowngood report --matrix {matrix} --format all --output report
    # Red or green. A run with an undecided cell is not published.
    - if knowngood publish --matrix {matrix} ${{ACCEPT:+--accept}}; then cp -R reports/{matrix} report/published; fi
  artifacts:
    when: always
    paths: [{prefix}report]
    reports:
      junit: {prefix}report/junit.xml

# Push the published report to a branch. This job runs no other code.
{name}-store:
  image: alpine:3
  stage: .post
  timeout: 15 minutes
  rules:
    - if: $CI_COMMIT_BRANCH != $CI_DEFAULT_BRANCH
      when: never
    - if: $CI_PIPELINE_SOURCE == "schedule" || $CI_PIPELINE_SOURCE == "web"
      when: always
    - changes: {paths}
      when: always
  needs: [{name}]
  environment:
    name: {name}
    action: access
  variables:
    REPORT: {stored}
  before_script:
    - apk add --quiet git
  script:
    - |
      published="$CI_PROJECT_DIR/{prefix}report/published"
      if [ ! -d "$published" ]; then echo "No report was published."; exit 0; fi
      if [ -z "$PUSH_TOKEN" ]; then echo "PUSH_TOKEN is not set: the report is not kept on a branch."; exit 0; fi
      git init --quiet --initial-branch matrix "$CI_PROJECT_DIR/branch"
      cd "$CI_PROJECT_DIR/branch"
      git config credential.helper '!f() {{ echo username=knowngood; echo "password=$PUSH_TOKEN"; }}; f'
      git config user.name knowngood
      git config user.email "knowngood@$CI_SERVER_HOST"
      git remote add origin "$CI_PROJECT_URL.git"
{push}"""

_NOTE = (
    "Here it is installed from a folder, which other machines do not have. If no index has this",
    'version, name its repository: "knowngood @ git+https://..."',
)


def workflow(*, matrix: str, pythons: tuple[str, ...], origin: Origin, branch: str, below: str) -> str:
    """Return a GitHub workflow that runs a matrix.

    ``branch`` is the default branch, and ``below`` the folder of the project in its repository, empty for its top.
    """
    at = f"{below}/" if below else ""
    name = f"matrix-{matrix}"
    watched = [f"{at}matrices/**", f"{at}probes/**", f"{at}pyproject.toml", f"{at}requirements*.txt", f"{at}*.lock"]
    note = ""
    if origin.path is not None:
        note = "".join(f"        # {line}\n" for line in _NOTE)
    return _WORKFLOW.format(
        title=json.dumps(f"Matrix {matrix}"),
        name=name,
        cron=f"{sum(map(ord, matrix)) % 60} 4 * * 1",
        branch=json.dumps(branch),
        paths=json.dumps(watched),
        directory=f"    defaults:\n      run:\n        working-directory: {json.dumps(below)}\n" if below else "",
        note=note,
        requirement=shlex.quote(origin.elsewhere),
        pythons=" ".join(pythons),
        matrix=matrix,
        prefix=at,
        stored=json.dumps(f"{at}reports/{matrix}"),
        push=_push("../published", "$RUN_URL", indent=10),
    )


def _push(published: str, run: str, *, indent: int) -> str:
    """Return the lines that push the folder ``published``; ``run`` names the run in the message of the commit."""
    return textwrap.indent(_PUSH.format(published=published, run=run), " " * indent)


def gitlab(*, matrix: str, pythons: tuple[str, ...], origin: Origin, below: str) -> str:
    """Return a file of GitLab CI with the job that runs a matrix; ``below`` is as for ``workflow``."""
    at = f"{below}/" if below else ""
    watched = [f"{at}matrices/**/*", f"{at}probes/**/*", f"{at}pyproject.toml", f"{at}requirements*.txt", f"{at}*.lock"]
    return _GITLAB.format(
        name=f"matrix-{matrix}",
        paths=json.dumps(watched),
        note="".join(f"    # {line}\n" for line in _NOTE) if origin.path is not None else "",
        requirement=shlex.quote(origin.elsewhere),
        pythons=" ".join(pythons),
        directory=f"    - cd {shlex.quote(below)}\n" if below else "",
        matrix=matrix,
        prefix=at,
        stored=json.dumps(f"{at}reports/{matrix}"),
        push=_push('"$published"', "$CI_PIPELINE_URL [skip ci]", indent=6),
    )


def is_on_gitlab(top: Path | None) -> bool:
    """Return whether a repository has its CI on GitLab, as far as its files say."""
    if top is None:
        return False
    if (top / ".gitlab-ci.yml").is_file():
        return True
    try:
        config = (top / ".git" / "config").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(r"^\s*url\s*=.*\bgitlab\b", config, re.MULTILINE) is not None


def top_of(folder: Path) -> Path | None:
    """Return the top folder of the repository that ``folder`` is in; None when it is in none."""
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), None)


def default_branch(top: Path | None) -> str:
    """Return the default branch of a repository, as far as its files say, else ``main``."""
    for name in ("refs/remotes/origin/HEAD", "HEAD"):
        try:
            text = ((top or Path()) / ".git" / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if match := re.match(r"ref: refs/(?:heads|remotes/origin)/([\w./-]+)$", text.strip()):
            return match[1]
    return "main"
