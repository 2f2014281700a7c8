#!/usr/bin/env python3
"""Writes small checkpoints in Meta's format with torch.save, and what a plain f32 PyTorch forward says of them.

Needs Debian's python3-torch. Run from anywhere; it rewrites tests/engine/model/fixtures. The forward is written here from the
architecture's description, apart from the program it judges: whole sequences, no cache, no paging.
"""

import json
import math
import os

import torch

HERE = os.path.dirname(os.path.abspath(__file__))

# name: params.json, storage type, tokens, positions whose log-probabilities are kept, and what is unusual
MODELS = {
    'gqa_bf16_scaled': (dict(dim=96, n_layers=3, n_heads=4, n_kv_heads=2, vocab_size=131, multiple_of=8, norm_eps=1e-5,
                             rope_theta=500000.0, use_scaled_rope=True), torch.bfloat16, 700, [0, 1, 31, 32, 33, 255, 256, 257, 511, 512, 699]),
    'mha_f16': (dict(dim=40, n_layers=2, n_heads=5, vocab_size=67, multiple_of=4, norm_eps=1e-5, rope_theta=10000.0,
                     ffn_dim_multiplier=1.3), torch.float16, 90, [0, 2, 30, 63, 64, 89]),
    'mqa_f32': (dict(dim=48, n_layers=2, n_heads=6, n_kv_heads=1, vocab_size=33, multiple_of=16, norm_eps=1e-6,
                     rope_theta=500000.0), torch.float32, 130, [0, 5, 64, 127, 128, 129]),
    'long_bf16_scaled': (dict(dim=64, n_layers=2, n_heads=2, n_kv_heads=1, vocab_size=50, multiple_of=8, norm_eps=1e-5,
                              rope_theta=500000.0, use_scaled_rope=True), torch.bfloat16, 8200, [0, 1000, 4095, 8191, 8192, 8199]),
    # Llama 2: a sentencepiece tokenizer, the vocabulary left open, no rope_theta, rope.freqs in the file.
    'llama2_mha_f16': (dict(dim=72, n_layers=2, n_heads=3, multiple_of=4, norm_eps=1e-5, vocab_size=-1), torch.float16, 200,
                       [0, 1, 31, 32, 127, 199], dict(vocab=61, sentencepiece=True)),
    'codellama_gqa_bf16': (dict(dim=96, n_layers=2, n_heads=4, n_kv_heads=2, multiple_of=4, ffn_dim_multiplier=1.0, norm_eps=1e-5,
                                rope_theta=1000000), torch.bfloat16, 150, [0, 31, 100, 149], dict(vocab=53, sentencepiece=True)),
    # Llama 3.2: one matrix for embeddings and output, rope scaled by 32.
    'tied_mqa_bf16_scaled_32': (dict(dim=48, n_layers=2, n_heads=2, n_kv_heads=1, vocab_size=45, multiple_of=4, norm_eps=1e-5,
                                     rope_theta=500000.0, use_scaled_rope=True, rope_scaling_factor=32.0), torch.bfloat16, 8200,
                                [0, 4096, 8191, 8199], dict(tied=True)),
    'mixed_types': (dict(dim=48, n_layers=2, n_heads=2, n_kv_heads=2, vocab_size=39, multiple_of=4, norm_eps=1e-5,
                         rope_theta=500000.0), torch.bfloat16, 100, [0, 63, 99], dict(mixed=True)),
    # All tensors are windows of one storage.
    'views_f32': (dict(dim=24, n_layers=2, n_heads=1, vocab_size=29, multiple_of=2, norm_eps=1e-5, rope_theta=500000.0),
                  torch.float32, 80, [0, 40, 79], dict(views=True)),
    # For several GPUs, as Llama 3 is split, and as Llama 2 is.
    'shards2_bf16': (dict(dim=96, n_layers=2, n_heads=4, n_kv_heads=2, vocab_size=62, multiple_of=2, norm_eps=1e-5,
                          rope_theta=500000.0), torch.bfloat16, 100, [0, 63, 99], dict(shards=2)),
    'llama2_shards4_f16': (dict(dim=96, n_layers=2, n_heads=4, multiple_of=4, norm_eps=1e-5, vocab_size=-1), torch.float16, 100,
                           [0, 63, 99], dict(vocab=57 + 3, sentencepiece=True, shards=4)),
    'llama2_shards8_bf16': (dict(dim=96, n_layers=1, n_heads=8, n_kv_heads=8, multiple_of=8, norm_eps=1e-5, vocab_size=-1),
                            torch.bfloat16, 60, [0, 31, 59], dict(vocab=40, sentencepiece=True, shards=8)),
}


def hidden_dim(p):
    hidden = int(2 * 4 * p['dim'] / 3)
    if 'ffn_dim_multiplier' in p:
        hidden = int(p['ffn_dim_multiplier'] * hidden)
    return p['multiple_of'] * ((hidden + p['multiple_of'] - 1) // p['multiple_of'])


def make_weights(p, dtype, generator, vocab, tied=False):
    """Random weights, large enough that attention and the gates are far from uniform."""
    dim, head_dim = p['dim'], p['dim'] // p['n_heads']
    kv = p.get('n_kv_heads', p['n_heads']) * head_dim
    hidden = hidden_dim(p)

    def matrix(rows, cols, gain=1.0):
        return (torch.randn(rows, cols, generator=generator) * gain / math.sqrt(cols)).to(dtype)

    def norm():
        return (1 + 0.2 * torch.randn(dim, generator=generator)).to(dtype)

    weights = {'tok_embeddings.weight': matrix(vocab, dim, 2.5 if tied else math.sqrt(dim))}
    for layer in range(p['n_layers']):
        name = f'layers.{layer}.'
        weights[name + 'attention.wq.weight'] = matrix(dim, dim, 1.7)
        weights[name + 'attention.wk.weight'] = matrix(kv, dim, 1.7)
        weights[name + 'attention.wv.weight'] = matrix(kv, dim)
        weights[name + 'attention.wo.weight'] = matrix(dim, dim)
        weights[name + 'feed_forward.w1.weight'] = matrix(hidden, dim, 1.5)
        weights[name + 'feed_forward.w2.weight'] = matrix(dim, hidden)
        weights[name + 'feed_forward.w3.weight'] = matrix(hidden, dim)
        weights[name + 'attention_norm.weight'] = norm()
        weights[name + 'ffn_norm.weight'] = norm()
    weights['norm.weight'] = norm()
    weights['output.weight'] = matrix(vocab, dim, 2.5)
    return weights


def frequencies(p, head_dim):
    freqs = 1.0 / (p.get('rope_theta', 10000.0) ** (torch.arange(0, head_dim, 2).float() / head_dim))
    if not p.get('use_scaled_rope'):
        return freqs
    factor = p.get('rope_scaling_factor', 8.0)
    scaled = []
    for freq in freqs:  # Llama 3.1: short waves stay, long ones are stretched, between them it goes over smoothly
        wavelength = 2 * math.pi / freq
        if wavelength < 8192 / 4:
            scaled.append(freq)
        elif wavelength > 8192 / 1:
            scaled.append(freq / factor)
        else:
            smooth = (8192 / wavelength - 1) / (4 - 1)
            scaled.append((1 - smooth) * freq / factor + smooth * freq)
    return torch.tensor(scaled)


def rms_norm(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rotate(x, angles):
    """x: [tokens, heads, head_dim], neighbouring elements are a pair; angles: [tokens, head_dim / 2]"""
    a, b = x[..., 0::2], x[..., 1::2]
    cos, sin = angles.cos()[:, None, :], angles.sin()[:, None, :]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)


def attend(q, k, v):
    """[tokens, heads, head_dim] each; causal, a few hundred queries at a time to bound memory"""
    tokens, heads, head_dim = q.shape
    k, v = (t.repeat_interleave(heads // t.shape[1], dim=1) for t in (k, v))
    out = torch.empty_like(q)
    for begin in range(0, tokens, 256):
        end = min(tokens, begin + 256)
        scores = torch.einsum('qhd,khd->hqk', q[begin:end], k[:end]) / math.sqrt(head_dim)
        future = torch.arange(end)[None, :] > torch.arange(begin, end)[:, None]
        out[begin:end] = torch.einsum('hqk,khd->qhd', scores.masked_fill(future, float('-inf')).softmax(-1), v[:end])
    return out


def log_probabilities(p, weights, tokens):
    w = {name: tensor.float() for name, tensor in weights.items()}
    head_dim = p['dim'] // p['n_heads']
    angles = torch.outer(torch.arange(len(tokens)).float(), frequencies(p, head_dim))
    x = w['tok_embeddings.weight'][tokens]
    for layer in range(p['n_layers']):
        name = f'layers.{layer}.'
        h = rms_norm(x, w[name + 'attention_norm.weight'], p['norm_eps'])
        q, k, v = ((h @ w[f'{name}attention.{m}.weight'].T).unflatten(-1, (-1, head_dim)) for m in ('wq', 'wk', 'wv'))
        x = x + attend(rotate(q, angles), rotate(k, angles), v).flatten(-2) @ w[name + 'attention.wo.weight'].T
        h = rms_norm(x, w[name + 'ffn_norm.weight'], p['norm_eps'])
        gate = torch.nn.functional.silu(h @ w[name + 'feed_forward.w1.weight'].T)
        x = x + (gate * (h @ w[name + 'feed_forward.w3.weight'].T)) @ w[name + 'feed_forward.w2.weight'].T
    logits = rms_norm(x, w['norm.weight'], p['norm_eps']) @ w.get('output.weight', w['tok_embeddings.weight']).T
    return logits.log_softmax(-1)


def mix_types(weights):
    """Norms in f32, every other matrix in f16."""
    for i, (name, tensor) in enumerate(weights.items()):
        weights[name] = tensor.float() if tensor.dim() == 1 else tensor.half() if i % 2 else tensor


def as_views(weights):
    """The same tensors, each a window of one storage, with gaps between them."""
    storage = torch.zeros(sum(t.numel() + 3 for t in weights.values()), dtype=next(iter(weights.values())).dtype)
    at = 3
    for name, tensor in weights.items():
        window = storage[at:at + tensor.numel()].view(tensor.shape)
        window.copy_(tensor)
        weights[name] = window
        at += tensor.numel() + 3


def shard(weights, index, shards, llama2):
    """What Meta's model-parallel layers keep on one GPU."""
    piece = {}
    for name, tensor in weights.items():
        by_columns = name.endswith(('wo.weight', 'w2.weight')) or (llama2 and name.startswith('tok_embeddings'))
        whole = tensor.dim() == 1
        piece[name] = tensor if whole else tensor.chunk(shards, dim=1 if by_columns else 0)[index].clone()
    return piece


def save(folder, weights, options):
    shards = options.get('shards', 1)
    for index in range(shards):
        piece = weights if shards == 1 else shard(weights, index, shards, options.get('sentencepiece'))
        torch.save(piece, os.path.join(folder, f'consolidated.{index:02}.pth'))
    # The tests speak token ids: it only has to look like one kind or the other.
    with open(os.path.join(folder, 'tokenizer.model'), 'wb') as file:
        file.write(b'\n\x07\n\x05<unk>' if options.get('sentencepiece') else b'YQ== 0\n')


def main():
    torch.set_num_threads(1)
    for seed, (name, (p, dtype, count, positions, *rest)) in enumerate(MODELS.items()):
        options = rest[0] if rest else {}
        vocab = options.get('vocab', p.get('vocab_size'))
        folder = os.path.join(HERE, 'fixtures', name)
        os.makedirs(folder, exist_ok=True)
        generator = torch.Generator().manual_seed(seed + 1)
        weights = make_weights(p, dtype, generator, vocab, options.get('tied'))
        tokens = torch.randint(vocab, (count,), generator=generator)
        if options.get('tied'):
            del weights['output.weight']
        if options.get('mixed'):
            mix_types(weights)
        if options.get('views'):
            as_views(weights)
        if options.get('sentencepiece'):
            weights['rope.freqs'] = frequencies(p, p['dim'] // p['n_heads']).to(dtype)
        save(folder, weights, options)
        with open(os.path.join(folder, 'params.json'), 'w', encoding='utf-8') as file:
            json.dump(p, file)
        log_probs = log_probabilities(p, weights, tokens)
        expected = {
            'about': 'written by make_fixtures.py: log-probabilities after tokens[0..position], f32 PyTorch',
            'tokens': tokens.tolist(),
            'log_probs': {str(i): [round(x, 6) for x in log_probs[i].tolist()] for i in positions},
        }
        with open(os.path.join(folder, 'expected.json'), 'w', encoding='utf-8') as file:
            json.dump(expected, file, separators=(',', ':'))
        peak = log_probs[positions].max(-1).values.exp().mean()
        print(f'{name}: {sum(t.numel() for t in weights.values())} parameters, mean top probability {peak:.2f}')


if __name__ == '__main__':
    main()
