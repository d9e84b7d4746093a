# Keeps llama.cpp's `common` library, its HTTP client and its command-line parsing out of the build:
# they cost compile time and the Python package never loads them. llama-cpp-python's CMakeLists forces
# LLAMA_BUILD_COMMON on in the cache, where -D cannot reach it; CMake includes this file right after
# llama.cpp's `project()` (CMAKE_PROJECT_llama.cpp_INCLUDE), where a plain variable wins.
set(LLAMA_BUILD_COMMON OFF)
