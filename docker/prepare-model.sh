#!/bin/sh
# Makes the model that ships: requantised if asked, described, with the prefix states of TASKS.
#
# usage: prepare-model.sh SOURCE QUANTISATION MEMORY_MB TASKS FOLDER
set -eu

source=$1 quantisation=$2 memory_mb=$3 tasks=$4 folder=$5
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
if [ -n "$(ls "$tasks")" ]; then
    echo "computing the prefix states of $(ls "$tasks" | wc -l) tasks"
    python3 -m zeroidle_inference.prefix_states --model "$folder/model.gguf" \
        --memory-mb "$memory_mb" --to "$folder/prefixes" "$tasks"/*.json
fi
chmod -R a+rX,go-w "$folder"
