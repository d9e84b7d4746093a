#!/usr/bin/env bash
# Compiles llama-cpp-python for this machine's processor and leaves its wheel in OUT_DIR.
#
# pip's own wheel cache knows nothing of CMAKE_ARGS or of the processor, so it would hand out a wheel
# that was built otherwise. Here a finished wheel is kept under a key of all that shapes it: release,
# CMake arguments, what is changed in llama.cpp, compiler, and what the compiler sees of the processor.
#
# usage: build-wheel.sh PYTHON RELEASE OUT_DIR
#   CMAKE_ARGS      further CMake arguments
#   CC, CXX         the compilers (default: cc, c++)
#   XDG_CACHE_HOME  where finished wheels are kept (default: ~/.cache), under zeroidle/llama
set -euo pipefail

python=$1 release=$2 out_dir=$3
here=$(cd "$(dirname "$0")" && pwd)

for compiler in "${CC:-cc}" "${CXX:-c++}"; do
    if ! command -v "${compiler%% *}" >/dev/null; then
        echo "error: no compiler ${compiler}: llama.cpp is compiled for this processor. On Debian: apt install g++" >&2
        exit 1
    fi
done

# Without mtmd (pictures and sound); GGML_NATIVE is llama.cpp's default and stays on.
options="-DLLAVA_BUILD=OFF ${CMAKE_ARGS:-}"
key=$({
    echo "$release" "$options" "${CFLAGS:-}" "${CXXFLAGS:-}"
    grep -v '^#' "$here/llama-build.cmake"
    "$python" -c 'import sysconfig; print(sysconfig.get_platform())'
    # shellcheck disable=SC2086 # CC may hold a launcher and a compiler
    { ${CC:-cc} --version; ${CXX:-c++} --version; ${CXX:-c++} -march=native -dM -E -x c++ /dev/null; }
} | sha256sum | cut -c1-16)
kept="${XDG_CACHE_HOME:-$HOME/.cache}/zeroidle/llama/$release-$key"
log="$out_dir/llama-build.log"
mkdir -p "$out_dir"

if ! compgen -G "$kept/*.whl" >/dev/null; then
    cpus=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
    echo "compiling llama.cpp ($release) on $cpus CPUs: 3 to 5 minutes on 2; log: $log"
    scratch=$(mktemp -d "$out_dir/compile.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    # Ninja comes with pip's build isolation where the system has none; one generator everywhere.
    CMAKE_ARGS="$options -DCMAKE_PROJECT_llama.cpp_INCLUDE=$here/llama-build.cmake" \
    CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$cpus} \
    SKBUILD_NINJA_MAKE_FALLBACK=0 \
    env -u MAKEFLAGS "$python" -m pip wheel --verbose --no-deps --no-cache-dir \
        --no-binary llama-cpp-python --wheel-dir "$scratch" "llama-cpp-python==$release" 2>&1 |
        tee "$log" | {
            shown=0
            while IFS= read -r line; do
                [[ $line =~ \[([0-9]+)/([0-9]+)\]\  ]] || continue
                tenth=$((10 * BASH_REMATCH[1] / BASH_REMATCH[2]))
                if ((tenth > shown)); then
                    shown=$tenth
                    echo "  ${shown}0 % compiled (${SECONDS} s)"
                fi
            done
        } || {
        echo "error: llama.cpp did not compile; the last lines of $log:" >&2
        tail -n 15 "$log" >&2
        exit 1
    }
    # The rename makes the wheel appear whole or not at all, for builds that run side by side too.
    mkdir -p "$kept"
    for wheel in "$scratch"/*.whl; do
        cp "$wheel" "$kept/.$$.partial"
        mv "$kept/.$$.partial" "$kept/$(basename "$wheel")"
    done
else
    echo "llama.cpp ($release) was compiled before for this processor: $kept"
fi
rm -f "$out_dir"/*.whl
cp "$kept"/*.whl "$out_dir"
