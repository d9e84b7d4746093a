#!/usr/bin/env bash
# Builds what the benchmarks compare with, from the llama.cpp that llama-cpp-python's source package
# carries: the same commit, compiler and (default) flags as the library that our engine loads.
#
#   OUT_DIR/env/                         llama-cpp-python's high-level class, its server's needs, gguf, CMake, Ninja
#   OUT_DIR/llama.cpp/bin/               llama-server and llama-batched-bench
#   OUT_DIR/llama_cpp_python-RELEASE/    the source package
#
# usage: build-peers.sh PYTHON RELEASE WHEEL_DIR OUT_DIR
#   WHEEL_DIR   holds llama-cpp-python's wheel as our own environment has it
#   CMAKE_ARGS  further CMake arguments, the same as the wheel's
set -euo pipefail

python=$1 release=$2 wheel_dir=$3 out_dir=$4
source_dir=$out_dir/llama_cpp_python-$release
log=$out_dir/build.log
mkdir -p "$out_dir"

[ -x "$out_dir/env/bin/pip" ] || "$python" -m venv "$out_dir/env"
"$out_dir/env/bin/pip" install --quiet "$wheel_dir"/llama_cpp_python-*.whl \
    gguf==0.19.0 cmake==4.4.5 ninja==1.13.2 \
    fastapi==0.165.0 openai==3.57.0 safetensors==0.8.0 uvicorn==0.54.0 websockets==17.4

if [ ! -d "$source_dir" ]; then
    "$out_dir/env/bin/pip" download --quiet --no-deps --no-binary llama-cpp-python --dest "$out_dir" \
        "llama-cpp-python==$release"
    tar --extract --gzip --directory "$out_dir" --file "$source_dir.tar.gz"
    rm "$source_dir.tar.gz"
fi

echo "compiling llama-server and llama-batched-bench: about 4 minutes on 2 CPUs; log: $log"
PATH=$(realpath "$out_dir/env/bin"):$PATH
{
    # shellcheck disable=SC2086 # CMAKE_ARGS is a list
    cmake -S "$source_dir/vendor/llama.cpp" -B "$out_dir/llama.cpp" -G Ninja \
        -DCMAKE_BUILD_TYPE=Release -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
        -DLLAMA_BUILD_APP=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF ${CMAKE_ARGS:-}
    cmake --build "$out_dir/llama.cpp" --target llama-server llama-batched-bench
} >"$log" 2>&1 || {
    echo "error: the peers did not compile; the last lines of $log:" >&2
    tail -n 15 "$log" >&2
    exit 1
}
