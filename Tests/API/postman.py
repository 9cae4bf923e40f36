#!/usr/bin/env python3
"""Writes docs/waybill.postman_collection.json from the flows in Tests/API/flows, so that there is one source of both.

usage: postman.py [--check]    --check compares instead, and fails where the file is not what the flows say
"""

import json
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLOWS = ROOT / "Tests/API/flows"
FILE = ROOT / "docs/waybill.postman_collection.json"
NAMES = {"api": "{{baseUrl}}/api/v1", "run": "{{run}}", "customer": "Bearer {{customerToken}}", "stranger": "Bearer {{strangerToken}}", "admin": "Bearer {{adminToken}}"}


class Loader(yaml.SafeLoader):
    """Leaves `!include` alone: what it brings is in NAMES."""


Loader.add_constructor("!include", lambda loader, node: loader.construct_scalar(node))


def postman(value):
    """A value with Postman's names of variables in the place of Tavern's."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda match: NAMES.get(match[1], "{{" + match[1] + "}}"), value)
    if isinstance(value, dict):
        return {key: postman(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [postman(inner) for inner in value]
    return value


def leaves(value, path=""):
    """Every plain value of a body with its place, as Tavern compares them."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if re.fullmatch(r"[A-Za-z_]\w*", key) else f"{path}[{json.dumps(key)}]")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def script(stage):
    """The checks of a stage, in Postman's language."""
    expected = stage["response"]
    lines = []
    conditions = [f"pm.response.code === {expected['status_code']}"]
    lines.append("const body = pm.response.text() ? pm.response.json() : {};")
    checks = [f"pm.test('status {expected['status_code']}', () => pm.response.to.have.status({expected['status_code']}));"]
    for path, value in leaves(expected.get("json", {})):
        text = f"pm.variables.replaceIn({json.dumps(postman(value))})" if isinstance(value, str) else json.dumps(value)
        place = path.replace(".", "?.").replace("[", "?.[")
        conditions.append(f"body{place} === {text}")
        checks.append(f"pm.test({json.dumps(path.lstrip('.'))}, () => pm.expect(body{place}).to.eql({text}));")
    for name, value in (expected.get("headers") or {}).items():
        checks.append(f"pm.test({json.dumps(name)}, () => pm.expect(pm.response.headers.get({json.dumps(name)})).to.eql({json.dumps(value)}));")
    if "max_retries" in stage:
        counter = json.dumps("attempts: " + stage["name"])
        lines += [
            f"const attempts = Number(pm.collectionVariables.get({counter}) || 0);",
            f"if (!({' && '.join(conditions)}) && attempts < {stage['max_retries']}) {{",
            f"  pm.collectionVariables.set({counter}, attempts + 1);",
            "  setTimeout(() => {}, 50);",
            "  pm.execution.setNextRequest(pm.info.requestId);",
            "  return;",
            "}",
            f"pm.collectionVariables.unset({counter});",
        ]
    lines += checks
    for name, path in ((expected.get("save") or {}).get("json") or {}).items():
        lines.append(f"pm.collectionVariables.set({json.dumps(name)}, body.{path});")
    return lines


def item(stage):
    request = stage["request"]
    url = postman(request["url"])
    parameters = {key: postman(str(value)) for key, value in (request.get("params") or {}).items()}
    raw = url + ("?" + "&".join(f"{key}={value}" for key, value in parameters.items()) if parameters else "")
    host, *path = url.split("/")
    address = {"raw": raw, "host": [host], "path": path}
    if parameters:
        address["query"] = [{"key": key, "value": value} for key, value in parameters.items()]
    headers = [{"key": key, "value": postman(value)} for key, value in (request.get("headers") or {}).items()]
    result = {"name": stage["name"], "request": {"method": request["method"], "header": headers, "url": address}}
    if "json" in request:
        result["request"]["body"] = {
            "mode": "raw", "raw": json.dumps(postman(request["json"]), indent=2), "options": {"raw": {"language": "json"}},
        }
    result["event"] = [{"listen": "test", "script": {"type": "text/javascript", "exec": script(stage)}}]
    return result


def collection():
    folders = []
    for path in sorted(FLOWS.glob("test_*.tavern.yaml")):
        for flow in yaml.load_all(path.read_text(), Loader):
            folders.append({"name": flow["test_name"], "item": [item(stage) for stage in flow["stages"]]})
    variables = {"baseUrl": "http://localhost:8080", "customerToken": "", "strangerToken": "", "adminToken": "", "run": "1"}
    return {
        "info": {
            "name": "Waybill",
            "description": "Complete flows through Waybill's API. Set adminToken, customerToken and strangerToken (two customers) with `waybill token`, and run to something "
            "new for every run, so that each has products of its own. Made by Tests/API/postman.py from the flows that the tests run.",
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "item": folders,
        "variable": [{"key": key, "value": value} for key, value in variables.items()],
    }


def main():
    text = json.dumps(collection(), indent=2, ensure_ascii=False) + "\n"
    if sys.argv[1:] == ["--check"]:
        if not FILE.exists() or FILE.read_text() != text:
            sys.exit(f"{FILE.relative_to(ROOT)} is not what the flows say: run Tests/API/postman.py")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        FILE.write_text(text)


main()
