#!/usr/bin/env python3
"""Writes the checkpoints under tests/loaders/fixtures with the real torch.save.

Run with PyTorch 1.13 or later (Debian 12: python3-torch). The files are committed, so tests need no Python. Element i
of every tensor is i / 4 plus a constant, so that each stored type holds it exactly.
"""

import base64
import collections
import json
import os
import pathlib

import torch

HERE = pathlib.Path(__file__).resolve().parent / "fixtures"


def ramp(shape, dtype, start=0.0):
    count = 1
    for extent in shape:
        count *= extent
    return (torch.arange(count, dtype=torch.float32) / 4 + start).reshape(shape).to(dtype)


def save(name, value, **options):
    torch.save(value, HERE / name, **options)


def dtypes():
    return {
        "half": ramp((3, 4), torch.float16),
        "brain": ramp((2, 5), torch.bfloat16, 1.0),
        "full": ramp((7,), torch.float32, -2.0),
    }


def views():
    """Tensors that share one storage: the whole, a slice with an offset, a reshaped part, one element, an empty one."""
    base = ramp((6, 4), torch.float32)
    return {
        "whole": base,
        "rows_2_to_4": base[2:4],
        "flat_tail": base.reshape(-1)[20:],
        "scalar": base[5, 3],
        "empty": base[6:],
        "one_row_any_stride": base[:, :1][3:4],
        "same_again": base,
    }


def not_contiguous():
    return {"ok": ramp((2, 2), torch.float32), "turned": ramp((3, 2), torch.float32).t()}


class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
        self.register_buffer("table", ramp((2, 3), torch.float16))
        for parameter in self.parameters():
            parameter.data = ramp(tuple(parameter.shape), torch.float32)


class Payload:
    """What pickle would run if it were obeyed."""

    def __reduce__(self):
        return os.system, ("touch puna-payload-ran",)


def llama(dtype, tied):
    """A complete tiny Llama: 2 layers, grouped queries."""
    dim, heads, kv_heads, hidden, vocab = 16, 4, 2, 48, 40
    head_dim = dim // heads
    weights = collections.OrderedDict()
    weights["tok_embeddings.weight"] = ramp((vocab, dim), dtype)
    for layer in range(2):
        name = f"layers.{layer}."
        weights[name + "attention.wq.weight"] = ramp((heads * head_dim, dim), dtype)
        weights[name + "attention.wk.weight"] = ramp((kv_heads * head_dim, dim), dtype)
        weights[name + "attention.wv.weight"] = ramp((kv_heads * head_dim, dim), dtype)
        weights[name + "attention.wo.weight"] = ramp((dim, heads * head_dim), dtype)
        weights[name + "feed_forward.w1.weight"] = ramp((hidden, dim), dtype)
        weights[name + "feed_forward.w2.weight"] = ramp((dim, hidden), dtype)
        weights[name + "feed_forward.w3.weight"] = ramp((hidden, dim), dtype)
        weights[name + "attention_norm.weight"] = ramp((dim,), dtype, 1.0)
        weights[name + "ffn_norm.weight"] = ramp((dim,), dtype, 1.0)
    weights["norm.weight"] = ramp((dim,), dtype, 1.0)
    if not tied:
        weights["output.weight"] = ramp((vocab, dim), dtype, 2.0)
    weights["rope.freqs"] = ramp((head_dim // 2,), torch.float32)
    return weights


def model_dir(name, dtype, tied, **more):
    directory = HERE / name
    directory.mkdir(exist_ok=True)
    params = {"dim": 16, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "vocab_size": 40, "multiple_of": 8,
              "ffn_dim_multiplier": 1.1, "norm_eps": 1e-05, "rope_theta": 500000.0}
    params.update(more)
    (directory / "params.json").write_text(json.dumps(params))
    lines = [f"{base64.b64encode(bytes([rank])).decode()} {rank}" for rank in range(256)]
    (directory / "tokenizer.model").write_text("\n".join(lines) + "\n")
    torch.save(llama(dtype, tied), directory / "consolidated.00.pth")


def main():
    HERE.mkdir(exist_ok=True)
    save("dtypes.pth", dtypes())
    save("protocol3.pth", dtypes(), pickle_protocol=3)
    save("protocol4.pth", dtypes(), pickle_protocol=4)
    save("views.pth", views())
    save("not_contiguous.pth", not_contiguous())
    save("state_dict.pth", Tiny().state_dict())
    save("parameters.pth", {"weight": torch.nn.Parameter(ramp((2, 2), torch.bfloat16))})
    save("non_ascii_names.pth", {"gewicht.größe": ramp((2,), torch.float32), "重み": ramp((3,), torch.float32)})
    save("integers.pth", {"ids": torch.arange(4)})
    save("training_state.pth", {"model": dtypes(), "optimizer": {"state": {}}})
    save("one_tensor.pth", ramp((2,), torch.float32))
    save("whole_module.pth", torch.nn.Linear(2, 2))
    save("payload.pth", {"weight": Payload()})
    save("before_1_6.pth", dtypes(), _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(HERE / "torchscript.pth"))
    model_dir("tiny_bf16", torch.bfloat16, tied=False, use_scaled_rope=True)
    model_dir("tiny_f16_tied", torch.float16, tied=True)
    model_dir("tiny_f32", torch.float32, tied=False)


if __name__ == "__main__":
    main()
