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

# name: params.json, storage type, tokens, positions whose log-probabilities are kept
MODELS = {
    'gqa_bf16_scaled': (dict(dim=96, n_layers=3, n_heads=4, n_kv_heads=2, vocab_size=131, multiple_of=8, norm_eps=1e-5,
                             rope_theta=500000.0, use_scaled_rope=True), torch.bfloat16, 700, [0, 1, 31, 32, 33, 255, 256, 257, 511, 512, 699]),
    'mha_f16': (dict(dim=40, n_layers=2, n_heads=5, vocab_size=67, multiple_of=4, norm_eps=1e-5, rope_theta=10000.0,
                     ffn_dim_multiplier=1.3), torch.float16, 90, [0, 2, 30, 63, 64, 89]),
    'mqa_f32': (dict(dim=48, n_layers=2, n_heads=6, n_kv_heads=1, vocab_size=33, multiple_of=16, norm_eps=1e-6,
                     rope_theta=500000.0), torch.float32, 130, [0, 5, 64, 127, 128, 129]),
    'long_bf16_scaled': (dict(dim=64, n_layers=2, n_heads=2, n_kv_heads=1, vocab_size=50, multiple_of=8, norm_eps=1e-5,
                              rope_theta=500000.0, use_scaled_rope=True), torch.bfloat16, 8200, [0, 1000, 4095, 8191, 8192, 8199]),
}


def hidden_dim(p):
    hidden = int(2 * 4 * p['dim'] / 3)
    if 'ffn_dim_multiplier' in p:
        hidden = int(p['ffn_dim_multiplier'] * hidden)
    return p['multiple_of'] * ((hidden + p['multiple_of'] - 1) // p['multiple_of'])


def make_weights(p, dtype, generator):
    """Random weights, large enough that attention and the gates are far from uniform."""
    dim, head_dim = p['dim'], p['dim'] // p['n_heads']
    kv = p.get('n_kv_heads', p['n_heads']) * head_dim
    hidden = hidden_dim(p)

    def matrix(rows, cols, gain=1.0):
        return (torch.randn(rows, cols, generator=generator) * gain / math.sqrt(cols)).to(dtype)

    def norm():
        return (1 + 0.2 * torch.randn(dim, generator=generator)).to(dtype)

    weights = {'tok_embeddings.weight': matrix(p['vocab_size'], dim, math.sqrt(dim))}
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
    weights['output.weight'] = matrix(p['vocab_size'], dim, 2.5)
    return weights


def frequencies(p, head_dim):
    freqs = 1.0 / (p['rope_theta'] ** (torch.arange(0, head_dim, 2).float() / head_dim))
    if not p.get('use_scaled_rope'):
        return freqs
    scaled = []
    for freq in freqs:  # Llama 3.1: short waves stay, long ones are stretched eightfold, between them it goes over smoothly
        wavelength = 2 * math.pi / freq
        if wavelength < 8192 / 4:
            scaled.append(freq)
        elif wavelength > 8192 / 1:
            scaled.append(freq / 8)
        else:
            smooth = (8192 / wavelength - 1) / (4 - 1)
            scaled.append((1 - smooth) * freq / 8 + smooth * freq)
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
    logits = rms_norm(x, w['norm.weight'], p['norm_eps']) @ w['output.weight'].T
    return logits.log_softmax(-1)


def main():
    torch.set_num_threads(1)
    for seed, (name, (p, dtype, count, positions)) in enumerate(MODELS.items()):
        folder = os.path.join(HERE, 'fixtures', name)
        os.makedirs(folder, exist_ok=True)
        generator = torch.Generator().manual_seed(seed + 1)
        weights = make_weights(p, dtype, generator)
        tokens = torch.randint(p['vocab_size'], (count,), generator=generator)
        torch.save(weights, os.path.join(folder, 'consolidated.00.pth'))
        with open(os.path.join(folder, 'params.json'), 'w', encoding='utf-8') as file:
            json.dump(p, file)
        with open(os.path.join(folder, 'tokenizer.model'), 'w', encoding='utf-8') as file:
            file.write('YQ== 0\n')  # the tests speak token ids
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
