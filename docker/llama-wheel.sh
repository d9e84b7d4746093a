#!/bin/sh
# Compiles the locked llama-cpp-python for TARGET on BUILDER (Debian's names: arm64, amd64) and
# installs it into FOLDER. The processor is Lambda's, not the builder's: Neoverse N1 for arm64 (dot
# product and half floats, no i8mm, no SVE), AVX2 for x86_64.
#
# usage: llama-wheel.sh TARGET BUILDER LOCK FOLDER
set -eu

target=$1 builder=$2 lock=$3 folder=$4
here=$(cd "$(dirname "$0")" && pwd)

options="-DLLAVA_BUILD=OFF -DGGML_NATIVE=OFF -DCMAKE_PROJECT_llama.cpp_INCLUDE=$here/llama-build.cmake"
case $target in
arm64)
    machine=aarch64
    options="$options -DGGML_CPU_ARM_ARCH=armv8.2-a+dotprod+fp16"
    ;;
amd64) machine=x86_64 ;;
*)
    echo "error: no Lambda runs on $target; build for arm64 or amd64" >&2
    exit 1
    ;;
esac
if [ "$target" != "$builder" ]; then
    options="$options -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=$machine"
    options="$options -DCMAKE_C_COMPILER=$machine-linux-gnu-gcc -DCMAKE_CXX_COMPILER=$machine-linux-gnu-g++"
fi

echo "compiling llama.cpp for $machine on $(nproc) CPUs: 3 to 5 minutes on 2"
# The platform's name in Python's own words, so that the wheel is named for the target.
CMAKE_ARGS=$options CMAKE_BUILD_PARALLEL_LEVEL=$(nproc) _PYTHON_HOST_PLATFORM=linux-$machine \
    pip wheel --verbose --require-hashes --no-deps --no-build-isolation --no-cache-dir \
    --no-binary llama-cpp-python --wheel-dir /wheels --requirement "$lock"
ls /wheels
pip install --quiet --no-deps --no-index --no-compile --only-binary :all: --target "$folder" \
    --platform "linux_$machine" /wheels/*.whl
# The C++ headers, CMake files and the HTTP server are for building on, not for running.
rm -rf "$folder/include" "${folder:?}/lib" "${folder:?}/bin" "$folder/llama_cpp/include" \
    "$folder/llama_cpp/server"
file -L "$folder"/llama_cpp/lib/libggml-cpu.so
python3 -m compileall -q --invalidation-mode unchecked-hash "$folder"
