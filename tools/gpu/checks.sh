#!/usr/bin/env bash
# One call on a machine with a GPU: the tests marked gpu, the networks alone, the way of a frame, the product.
# Carries .gpu/checks (tools/gpu/pack_checks.sh); what it finds is in $OUT. Ends within LIMIT seconds, and no
# part that hangs takes the time of the next.
set -u
: "${OUT:?a folder for what is found}"
LIMIT=${LIMIT:-225} PYTHON=${PYTHON:-python3} WORK=${WORK:-$(mktemp -d)}
exec > >(tee "$OUT/checks.log") 2>&1
say() { echo "[$SECONDS s] $*"; }
part() {  # part NAME SECONDS COMMAND...: at most so long, and never beyond the limit
  local name=$1 most=$2 left=$((LIMIT - SECONDS)) code=0
  shift 2
  if [ "$left" -lt 5 ]; then say "$name: no time left"; return; fi
  timeout -k 3 "$((most < left ? most : left))" "$@" > "${INTO:-/dev/stdout}" 2>&1 || code=$?
  say "$name: $([ $code = 0 ] && echo done || echo "ended with $code")"
}

nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.max.sm --format=csv 2>&1 | tail -n 1
echo "$(nproc) cores,$(sed -n '/^model name/{s/.*://p;q}' /proc/cpuinfo)"
ldconfig -p 2>/dev/null | grep -oE 'lib(cuda|nvcuvid|nvidia-encode)\.so\S*' | sort -u | paste -sd' '
mkdir -p "$WORK/site"
tar -C "$WORK/site" -xJf .gpu/checks/site.tar.xz &
timeout 60 "$PYTHON" tools/gpu/networks.py unpack .gpu/checks/networks.xz .
wait $!
export PYTHONPATH="$WORK/site:$PWD" PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1 NUMBA_CACHE_DIR="$WORK/numba"
say "unpacked"

part "what is there" 25 "$PYTHON" -W ignore tools/gpu/about.py
part "networks" 60 "$PYTHON" -m stream_unmask measure gpu-networks "$OUT/networks.json"
TESTS_S=${TESTS_S:-110}
INTO="$WORK/help" part "pytest" 10 "$PYTHON" -m pytest --help
orderly=()  # ends with a summary, where pytest-timeout is new enough
grep -qs -e --session-timeout "$WORK/help" && orderly=(--session-timeout $((TESTS_S - 10)))
INTO="$OUT/tests.txt" part "tests" "$TESTS_S" "$PYTHON" -m pytest -v -m "${MARK:-gpu}" -n "${JOBS:-8}" --dist worksteal \
  -p no:cacheprovider --timeout 90 "${orderly[@]}" -rfEs --durations 10 --junitxml "$OUT/tests.xml" \
  tests/inpainting/gpu tests/engines/backends/test_pytorch.py tests/video/test_gpu_decode.py tests/trainer/test_learner.py
grep -E ' (FAILED|ERROR) ' "$OUT/tests.txt" | cut -c1-200
tail -n 40 "$OUT/tests.txt" | cut -c1-200
part "product" 70 "$PYTHON" -m stream_unmask bench --backend "${BACKEND:-pytorch}" --frames 60 --streams 1,8 --batch 1,32 \
  --json "$OUT/bench.json"
part "frames" 40 "$PYTHON" -m stream_unmask measure gpu-frames "$OUT/frames.json" "$OUT/profile.txt"
say "done"
