#!/bin/sh
# Makes the model that ships: requantised if asked, described, with the prefix states of TASKS.
#
# usage: prepare-model.sh SOURCE QUANTISATION MEMORY_MB CONTEXT_TOKENS TASKS FOLDER
set -eu

source=$1 quantisation=$2 memory_mb=$3 context_tokens=$4 tasks=$5 folder=$6
if ! python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    echo "error: the base has $(python3 --version), the libraries are for Debian 12's 3.11: correct BASE" >&2
    exit 1
fi
mkdir -p "$folder/prefixes"
if [ -n "$quantisation" ]; then
    python3 -m zeroidle_inference.model_file requantise "$source" "$folder/model.gguf" \
        --type "$quantisation"
    rm -f "$folder/.lock"
else
    cp "$source" "$folder/model.gguf"
fi
python3 -m zeroidle_inference.model_file describe --for-chat "$folder/model.gguf" \
    >"$folder/model.json"
echo "computing the prefix states of $(find "$tasks" -type f | wc -l) tasks"
# Without tasks it still proves that the model loads in the function's memory.
find "$tasks" -type f | sort | xargs python3 -m zeroidle_inference.prefix_states \
    --model "$folder/model.gguf" --memory-mb "$memory_mb" --context-tokens "$context_tokens" \
    --to "$folder/prefixes"
chmod -R a+rX,go-w "$folder"
