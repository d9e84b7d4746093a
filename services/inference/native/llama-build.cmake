# What our build of llama.cpp changes: what it leaves out, and one line of a kernel.
#
# Keeps llama.cpp's `common` library, its HTTP client and its command-line parsing out of the build:
# they cost compile time and the Python package never loads them. llama-cpp-python's CMakeLists forces
# LLAMA_BUILD_COMMON on in the cache, where -D cannot reach it; CMake includes this file right after
# llama.cpp's `project()` (CMAKE_PROJECT_llama.cpp_INCLUDE), where a plain variable wins.
set(LLAMA_BUILD_COMMON OFF)

# One rounding whatever a step holds (docs/adr/0012): attention over a single row goes through the
# same kernel as over several, instead of one that adds in another order.
set(_sgemm "${CMAKE_CURRENT_SOURCE_DIR}/ggml/src/ggml-cpu/llamafile/sgemm.cpp")
file(READ "${_sgemm}" _source)
string(REPLACE "if (n < 2)" "if (n < 1)" _patched "${_source}")
if(_patched STREQUAL _source)
    message(FATAL_ERROR "llama.cpp's sgemm.cpp no longer sends single rows elsewhere: see docs/adr/0012")
endif()
file(WRITE "${_sgemm}" "${_patched}")
