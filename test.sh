#!/usr/bin/env bash
# Builds and tests everything, from a fresh machine on: one stage a lint run or a build, a summary
# at the end. What a stage builds stands in CMakePresets.json, what it runs in test/CMakeLists.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly ALL_STAGES=(lint release secure debug clang asan ubsan tsan faults)
readonly LOGS=build/logs

usage() {
  cat <<'END'
usage: ./test [OPTION...]

Installs what is missing, builds and runs the tests, prints a row a stage, and ends with the line
"N passed, N failed". Exits with 0 only if nothing failed. A failed stage does not stop the others.

  --quick        under three minutes: lint without clang-tidy, then the release build without stress
  --stage NAME   only this stage (may be given more than once)
  --keep-going   go on after a failed stage (this is the default)
  --stop         stop after the first failed stage
  --no-install   do not call tools/install first
  --jobs N       compile and run N at a time (default: the number of processors)
  --list         print the names of the stages
  --help         print this text

Logs are kept in build/logs, a file a stage. To run one program or one case again, for example:
  build/release/test/unit_arena --gtest_filter='Bitmap.*'
  ctest --test-dir build/release -L stress --output-on-failure
END
}

fail_usage() {
  echo "test: $1 (try ./test --help)" >&2
  exit 2
}

quick=no install=yes keep_going=yes stages=()
jobs=$(nproc 2>/dev/null || echo 2)
while (($#)); do
  case $1 in
    --quick) quick=yes ;;
    --stage) [[ $# -ge 2 ]] || fail_usage "--stage needs a name"; stages+=("$2"); shift ;;
    --stage=*) stages+=("${1#*=}") ;;
    --keep-going) keep_going=yes ;;
    --stop) keep_going=no ;;
    --no-install) install=no ;;
    --jobs) [[ $# -ge 2 ]] || fail_usage "--jobs needs a number"; jobs=$2; shift ;;
    --list) printf '%s\n' "${ALL_STAGES[@]}"; exit 0 ;;
    --help|-h) usage; exit 0 ;;
    *) fail_usage "unknown option $1" ;;
  esac
  shift
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || fail_usage "--jobs needs a number, not '$jobs'"
for stage in "${stages[@]}"; do
  [[ " ${ALL_STAGES[*]} " == *" $stage "* ]] || fail_usage "no stage is named '$stage'; see --list"
done
if ((${#stages[@]} == 0)); then
  if [[ $quick == yes ]]; then stages=(lint release); else stages=("${ALL_STAGES[@]}"); fi
fi

# Nothing of the caller's may change what the tests see.
unset LD_PRELOAD "${!MIMALLOC_@}" "${!mimalloc_@}" "${!ASHLAR_@}" "${!GTEST_@}" RC_PARAMS

passed=() failed=() seconds=() failures=()

# counted NAME COMMAND...: runs one lint as one test, with its output in the stage's log.
counted() {
  local name=$1
  shift
  echo "=== $name: $*"
  if "$@"; then
    stage_passed=$((stage_passed + 1))
  else
    stage_failed=$((stage_failed + 1))
    failures+=("lint: $name: $* (see $LOGS/lint.log)")
  fi
}

stage_lint() {
  local selftest lint
  for selftest in test/lint/*_selftest.py; do
    counted "$(basename "$selftest" .py)" "$selftest"
  done
  for lint in layers memory_order file_size words format docs; do
    counted "$lint" "tools/check_$lint"
  done
  counted headers tools/check_headers --jobs "$jobs"
  if [[ $quick == no ]]; then
    counted tidy tools/check_tidy --jobs "$jobs"
  fi
}

# Which ctest labels a stage runs, as a regular expression. Real programs and misuse need a
# library that overrides malloc, which the sanitizer builds do not.
labels_of() {
  case $1 in
    release)
      if [[ $quick == yes ]]; then echo '^(unit|api|property|regress|misuse|short|built)$'
      else echo '^(unit|api|property|regress|misuse|stress|override|built)$'; fi ;;
    secure|debug) echo '^(unit|api|property|regress|misuse|stress|override|built)$' ;;
    *) echo '^(unit|api|property|regress|stress)$' ;;
  esac
}

stage_build() {
  local stage=$1 build=build/$1 target=ashlar_tests counts status=0
  if [[ $stage == release && $quick == no ]]; then target=all; fi
  if ! cmake --preset "$stage" || ! cmake --build "$build" --parallel "$jobs" --target $target; then
    stage_failed=1
    failures+=("$stage: does not build (see $LOGS/$stage.log)")
    return 0
  fi
  say "$stage: testing"
  rm -rf "$build/gtest" "$build/junit.xml"
  ctest --test-dir "$build" -L "$(labels_of "$stage")" --parallel "$jobs" --output-on-failure \
    --no-tests=error --output-junit "$PWD/$build/junit.xml" || status=$?
  if ! counts=$(test/summarise "$build"); then
    counts="0 1"$'\n'"ctest left no report"
  fi
  read -r stage_passed stage_failed <<<"${counts%%$'\n'*}"
  if ((stage_failed > 0)); then
    while read -r line; do failures+=("$stage: $line"); done <<<"${counts#*$'\n'}"
  elif ((status != 0 || stage_passed == 0)); then
    stage_failed=1
    failures+=("$stage: ctest ended with status $status (see $LOGS/$stage.log)")
  fi
}

say() { printf '[%s] %s\n' "$(date +%T)" "$1" >&3; }

summary() {
  local i total_passed=0 total_failed=0
  echo
  printf '%-10s %8s %8s %8s\n' stage passed failed seconds
  for ((i = 0; i < ${#passed[@]}; i++)); do
    printf '%-10s %8d %8d %8d\n' "${stages[i]}" "${passed[i]}" "${failed[i]}" "${seconds[i]}"
    total_passed=$((total_passed + passed[i]))
    total_failed=$((total_failed + failed[i]))
  done
  if ((${#failures[@]})); then
    echo
    printf '%s\n' "${failures[@]}"
  fi
  echo
  echo "$total_passed passed, $total_failed failed"
  ((total_failed == 0))
}

exec 3>&1
if [[ $install == yes ]]; then
  tools/install test
fi
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
  # Builds of several profiles stand in several folders, and share what is the same in them.
  export CCACHE_NOHASHDIR=1
fi
export CLICOLOR_FORCE=0 CTEST_OUTPUT_ON_FAILURE=1
mkdir -p "$LOGS"
trap 'echo; echo "test: interrupted"; exit 130' INT TERM

for stage in "${stages[@]}"; do
  stage_passed=0 stage_failed=0 start=$SECONDS
  if [[ $stage == lint ]]; then
    say "lint"
    stage_lint >"$LOGS/lint.log" 2>&1
  else
    say "$stage: building"
    stage_build "$stage" >"$LOGS/$stage.log" 2>&1
  fi
  passed+=("$stage_passed") failed+=("$stage_failed") seconds+=("$((SECONDS - start))")
  say "$stage: $stage_passed passed, $stage_failed failed, $((SECONDS - start)) s"
  if ((stage_failed > 0)); then
    echo "--- the end of $LOGS/$stage.log:"
    tail -n 60 "$LOGS/$stage.log"
    echo "---"
    if [[ $keep_going == no ]]; then break; fi
  fi
done
summary
