"""Writes GGUFs with the shape of a known model and random weights, for true speed and memory.

A script for the peers' environment, which has `gguf`: it imports nothing of ours. Blocks are random
but for their scales, which keep activations finite. Tokenizer and chat template are the small
model's, its vocabulary padded with unused tokens. What such a model writes means nothing.

    build/peers/env/bin/python synthetic.py --shape 1b --tokenizer small.gguf --to 1b.gguf
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

_SUPER_BLOCK = 256
_WEIGHT_SCALE = 0.02
_MEAN_SUB_SCALE = 32
_COPIED_FIELDS = (
    gguf.Keys.Tokenizer.MODEL,
    gguf.Keys.Tokenizer.PRE,
    gguf.Keys.Tokenizer.MERGES,
    gguf.Keys.Tokenizer.BOS_ID,
    gguf.Keys.Tokenizer.EOS_ID,
    gguf.Keys.Tokenizer.UNK_ID,
    gguf.Keys.Tokenizer.PAD_ID,
    gguf.Keys.Tokenizer.ADD_BOS,
    gguf.Keys.Tokenizer.CHAT_TEMPLATE,
)


@dataclass(frozen=True)
class Shape:
    """A llama architecture's dimensions."""

    name: str
    layers: int
    width: int
    hidden: int
    heads: int
    kv_heads: int
    head_width: int
    vocabulary: int
    context: int
    shares_head: bool
    """The output head is the embedding table."""


SHAPES = {
    "1b": Shape("Llama-3.2-1B shape", 16, 2048, 8192, 32, 8, 64, 128_256, 131_072, True),  # noqa: FBT003
    "8b": Shape("Llama-3-8B shape", 32, 4096, 14_336, 32, 8, 128, 128_256, 8192, False),  # noqa: FBT003
}

Tensor = tuple[str, tuple[int, ...], gguf.GGMLQuantizationType]


def tensors(shape: Shape) -> Iterator[Tensor]:
    """Names, dimensions (rows first) and types, as Q4_K_M chooses them."""
    q4, q6 = gguf.GGMLQuantizationType.Q4_K, gguf.GGMLQuantizationType.Q6_K
    f32 = gguf.GGMLQuantizationType.F32
    vocabulary = (shape.vocabulary, shape.width)
    yield "token_embd.weight", vocabulary, q6 if shape.shares_head else q4
    if not shape.shares_head:
        yield "output.weight", vocabulary, q6
    yield "output_norm.weight", (shape.width,), f32
    queries, keys = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
    for layer in range(shape.layers):
        more_bits = q6 if _has_more_bits(layer, shape.layers) else q4
        block = f"blk.{layer}"
        yield f"{block}.attn_norm.weight", (shape.width,), f32
        yield f"{block}.ffn_norm.weight", (shape.width,), f32
        yield f"{block}.attn_q.weight", (queries, shape.width), q4
        yield f"{block}.attn_k.weight", (keys, shape.width), q4
        yield f"{block}.attn_v.weight", (keys, shape.width), more_bits
        yield f"{block}.attn_output.weight", (shape.width, queries), q4
        yield f"{block}.ffn_gate.weight", (shape.hidden, shape.width), q4
        yield f"{block}.ffn_up.weight", (shape.hidden, shape.width), q4
        yield f"{block}.ffn_down.weight", (shape.width, shape.hidden), more_bits


def _has_more_bits(layer: int, layers: int) -> bool:
    """llama.cpp's `use_more_bits`: the first and last eighth, and every third between."""
    eighth = layers // 8
    return layer < eighth or layer >= 7 * eighth or (layer - eighth) % 3 == 2  # noqa: PLR2004


def random_blocks(count: int, kind: gguf.GGMLQuantizationType, rng: Any) -> NDArray[np.uint8]:  # noqa: ANN401
    """`count` blocks of one quantisation, weights around zero.

    Layouts: `block_q4_K` is d, dmin (half floats), 12 bytes of sub-scales, 128 of quants;
    `block_q6_K` is 192 bytes of quants, 16 sub-scales, d. See ggml-common.h.
    """
    size = gguf.GGML_QUANT_SIZES[kind][1]
    words = rng.integers(0, 1 << 64, size=-(-count * size // 8), dtype=np.uint64)
    blocks: NDArray[np.uint8] = words.view(np.uint8)[: count * size].reshape(count, size)
    if kind == gguf.GGMLQuantizationType.Q4_K:
        # Sub-scales equal to sub-minima, and dmin 7.5 times d, put the mean at zero.
        blocks[:, 8:12] = blocks[:, 4:8]
        blocks[:, 12:16] = (blocks[:, 12:16] & 0x0F) * 0x11
        d = _WEIGHT_SCALE / (4.6 * _MEAN_SUB_SCALE)
        blocks[:, 0:4] = np.array([d, 7.5 * d], np.float16).view(np.uint8)
    else:
        d = _WEIGHT_SCALE / (18 * 2 * _MEAN_SUB_SCALE)
        blocks[:, 208:210] = np.array([d], np.float16).view(np.uint8)
    return blocks


def write(shape: Shape, tokenizer: Path, target: Path) -> None:
    """Write the file, one tensor in memory at a time; it is complete or not there."""
    partial = target.with_suffix(".part")
    writer = gguf.GGUFWriter(partial, "llama")
    _add_metadata(writer, shape)
    _add_tokenizer(writer, shape, gguf.GGUFReader(tokenizer))
    listed = list(tensors(shape))
    for name, dimensions, kind in listed:
        byte_shape = _byte_shape(dimensions, kind)
        dtype = np.dtype(np.float32 if len(dimensions) == 1 else np.uint8)
        writer.add_tensor_info(
            name, byte_shape, dtype, int(np.prod(byte_shape)) * dtype.itemsize, kind
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    rng = np.random.default_rng(0)
    for _, dimensions, kind in listed:
        if len(dimensions) == 1:
            writer.write_tensor_data(np.ones(dimensions, np.float32))
        else:
            count = int(np.prod(dimensions)) // _SUPER_BLOCK
            blocks = random_blocks(count, kind, rng)
            writer.write_tensor_data(blocks.reshape(_byte_shape(dimensions, kind)))
    writer.close()
    partial.rename(target)


def _byte_shape(dimensions: tuple[int, ...], kind: gguf.GGMLQuantizationType) -> tuple[int, ...]:
    if len(dimensions) == 1:
        return dimensions
    rows, columns = dimensions
    return rows, columns // _SUPER_BLOCK * gguf.GGML_QUANT_SIZES[kind][1]


def _add_metadata(writer: gguf.GGUFWriter, shape: Shape) -> None:
    writer.add_name(shape.name)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_K_M)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(500_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(shape.vocabulary)


def _add_tokenizer(writer: gguf.GGUFWriter, shape: Shape, source: gguf.GGUFReader) -> None:
    tokens = source.fields[gguf.Keys.Tokenizer.LIST].contents()
    types = source.fields[gguf.Keys.Tokenizer.TOKEN_TYPE].contents()
    missing = shape.vocabulary - len(tokens)
    writer.add_token_list([*tokens, *(f"[unused {i}]" for i in range(missing))])
    writer.add_token_types([*types, *[gguf.TokenType.UNUSED] * missing])
    for key in _COPIED_FIELDS:
        field = source.fields.get(key)
        if field is not None:
            kind, *inner = field.types
            writer.add_key_value(key, field.contents(), kind, inner[0] if inner else None)


def main() -> None:
    """Parse arguments and write one file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", required=True, choices=sorted(SHAPES))
    parser.add_argument("--tokenizer", required=True, type=Path, help="GGUF to take it from")
    parser.add_argument("--to", required=True, type=Path, help="file to write")
    arguments = parser.parse_args()
    write(SHAPES[arguments.shape], arguments.tokenizer, arguments.to)


if __name__ == "__main__":
    main()
