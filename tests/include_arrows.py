#!/usr/bin/env python3
"""The arrows between folders, checked: which file may include which. docs/architecture.md says why.

Usage: include_arrows.py ROOT     checks every C++ file below ROOT's source folders
       include_arrows.py --self-test
"""

import os
import re
import sys

# A file belongs to the longest key that its path starts with; it may include project headers that start with one of the
# values, or with its own key. "engine/engine" and "engine/token_stream" are the door's files, not a folder.
ARROWS = {
    'engine/base/': [],
    'engine/tensor/': ['engine/base/'],
    'engine/ops/': ['engine/tensor/', 'engine/base/'],
    'engine/model/': ['engine/ops/', 'engine/tensor/', 'engine/base/'],
    'engine/scheduler/': ['engine/base/', 'engine/model/batch.h'],
    'engine/sampling/': ['engine/base/'],
    'engine/grammar/': ['engine/base/'],
    'engine/': ['engine/base/', 'engine/model/batch.h', 'engine/model/language_model.h', 'engine/scheduler/',
                'engine/sampling/', 'engine/grammar/'],
    'tokenizer/': ['engine/base/'],
    'loaders/': ['engine/base/', 'engine/tensor/', 'engine/model/config.h', 'engine/model/weights.h'],
    'server/': ['engine/engine.h', 'engine/token_stream.h', 'engine/base/', 'engine/sampling/', 'engine/grammar/',
                'engine/model/llama.h',
                'engine/model/config.h', 'engine/model/weights.h', 'engine/ops/instruction_set.h',
                'engine/ops/attention.h', 'engine/ops/machine_probe.h', 'tokenizer/', 'loaders/model_dir.h',
                'loaders/weight_residence.h', 'engine/tensor/', 'engine/model/language_model.h'],
}

# Libraries that stay behind one door.
LIBRARIES = {
    'httplib.h': ('server/http_server', 'server/http_probe'),
    'openssl/': ('server/check/checklist', 'server/api/responses/response_owner'),
    'sqlite3.h': 'server/store/sqlite',
    'hwy/': 'engine/ops/',
    'utf8proc.h': 'tokenizer/',
    'CLI/': 'server/',
    'spdlog/': 'server/',
    'prometheus/': 'server/metrics',
    'nlohmann/': ('server/', 'loaders/params_json', 'engine/grammar/json_value'),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
LAYERS = ('engine/', 'tokenizer/', 'loaders/', 'server/')


def complaint(path, header):
    """What is wrong with `path` including `header`, or None."""
    for library, doors in LIBRARIES.items():
        if header.startswith(library) and not path.startswith(doors):
            return f'{path} includes {header}, which only {doors} may'
    if header.startswith('hwy/') and path.endswith('.h') and not path.endswith('-inl.h'):
        return f'{path} includes {header}: vector types stay out of plain headers'
    if not header.startswith(LAYERS):
        return None
    own = max((key for key in ARROWS if path.startswith(key)), key=len)
    same_folder = os.path.dirname(header) == os.path.dirname(path)
    if same_folder or header.startswith(tuple(ARROWS[own])) or (own != 'engine/' and header.startswith(own)):
        return None
    return f'{path} includes {header}: {own} may include {", ".join(ARROWS[own]) or "nothing of ours"}'


def check(root):
    complaints, files = [], 0
    for layer in LAYERS:
        for folder, _, names in os.walk(os.path.join(root, layer)):
            for name in sorted(names):
                if not name.endswith(('.h', '.cc')):
                    continue
                files += 1
                full = os.path.join(folder, name)
                path = os.path.relpath(full, root)
                with open(full, encoding='utf-8') as file:
                    headers = [match[2] for match in INCLUDE.finditer(file.read())]
                complaints += filter(None, (complaint(path, header) for header in headers))
    return complaints, files


def self_test():
    refused = [('engine/ops/matmul.cc', 'engine/model/config.h'), ('engine/base/error.h', 'engine/tensor/dtype.h'),
               ('engine/scheduler/scheduler.h', 'engine/model/llama.h'), ('loaders/zip_archive.cc', 'server/sse.h'),
               ('tokenizer/bpe.cc', 'engine/engine.h'), ('server/routes.cc', 'httplib.h'), ('server/routes.cc', 'prometheus/registry.h'),
               ('engine/ops/matmul.h', 'hwy/highway.h'), ('engine/model/llama.cc', 'hwy/highway.h'),
               ('engine/engine.cc', 'engine/model/llama.h'), ('server/api/chat.cc', 'loaders/zip_archive.h')]
    allowed = [('engine/ops/matmul.cc', 'engine/base/check.h'), ('engine/model/llama.cc', 'engine/ops/matmul.h'),
               ('server/http_server.cc', 'httplib.h'), ('engine/engine.cc', 'engine/scheduler/scheduler.h'),
               ('loaders/model_dir.h', 'engine/model/weights.h'), ('server/main.cc', 'vector'),
               ('engine/scheduler/scheduler.h', 'engine/model/batch.h'), ('engine/ops/widen-inl.h', 'hwy/highway.h')]
    wrong = [pair for pair in refused if complaint(*pair) is None]
    wrong += [pair for pair in allowed if complaint(*pair) is not None]
    return [f'self-test: wrong verdict on {path} -> {header}' for path, header in wrong], len(refused) + len(allowed)


def main():
    found, looked_at = self_test() if sys.argv[1] == '--self-test' else check(sys.argv[1])
    for line in found:
        print(line)
    print(f'{looked_at} looked at, {len(found)} wrong')
    return 1 if found or looked_at == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
