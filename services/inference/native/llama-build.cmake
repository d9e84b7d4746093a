# What our build of llama.cpp changes: what it leaves out, and two lines of its kernels.
#
# Keeps llama.cpp's `common` library, its HTTP client and its command-line parsing out of the build:
# they cost compile time and the Python package never loads them. llama-cpp-python's CMakeLists forces
# LLAMA_BUILD_COMMON on in the cache, where -D cannot reach it; CMake includes this file right after
# llama.cpp's `project()` (CMAKE_PROJECT_llama.cpp_INCLUDE), where a plain variable wins.
set(LLAMA_BUILD_COMMON OFF)

# One rounding whatever a step holds (docs/adr/0012, 0016): a single row is computed as several are, instead
# of by a kernel that adds in another order.
function(_change file from to)
    set(_path "${CMAKE_CURRENT_SOURCE_DIR}/ggml/src/ggml-cpu/${file}")
    file(READ "${_path}" _source)
    string(REPLACE "${from}" "${to}" _changed "${_source}")
    if(_changed STREQUAL _source)
        message(FATAL_ERROR "llama.cpp's ${file} has no `${from}` any more: see docs/adr/0012 and 0016")
    endif()
    file(WRITE "${_path}" "${_changed}")
endfunction()
# Weights. Not so the output head, the one matrix of so many rows: nothing follows it that could make
# the last bit matter, and a single row takes longer this way.
_change(llamafile/sgemm.cpp "if (n < 2)" "if (n < 2 && m >= 32768)")
# Attention, whose cells a lone row would share out among the threads.
_change(ops.cpp "use_split_kv_path = !use_ref" "use_split_kv_path = false && !use_ref")
# From so many rows on attention goes by tiles: PIECE_ROWS in engine/llama.py.
file(STRINGS "${CMAKE_CURRENT_SOURCE_DIR}/ggml/src/ggml-cpu/common.h" _tile REGEX "define GGML_FA_TILE_Q +64$")
if(NOT _tile)
    message(FATAL_ERROR "llama.cpp's tiles of attention have no 64 rows any more: see docs/adr/0016")
endif()
