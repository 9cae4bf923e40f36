#!/usr/bin/env python3
"""Checks an AsyncAPI document against the specification's own JSON schema, which lies beside this file (asyncapi/spec-json-schemas, Apache-2.0).

usage: asyncapi.py FILE
"""

import gzip
import json
import pathlib
import sys

import jsonschema


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with gzip.open(pathlib.Path(__file__).with_name("asyncapi-3.0.0.json.gz")) as file:
        schema = json.load(file)
    with open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    errors = list(jsonschema.Draft7Validator(schema).iter_errors(document))
    for error in errors[:20]:
        print(f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}", file=sys.stderr)
    if errors:
        sys.exit(1)
    print(f"{sys.argv[1]}: OK")


main()
