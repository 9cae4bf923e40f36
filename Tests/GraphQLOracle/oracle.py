"""Compares the platform's GraphQL with graphql-core; see scripts/graphql-oracle."""
import argparse, difflib, http.client, json, os, random, re, sys
from pathlib import Path
from urllib.parse import urlsplit

from graphql import GraphQLError, build_client_schema, build_schema, get_introspection_query, lexicographic_sort_schema, parse, print_schema, validate

TOKEN = re.compile(r'"""(?:.|\n)*?"""|"(?:\\.|[^"\\\n])*"|\.\.\.|[A-Za-z_]\w*|-?\d[\d.eE+-]*|[^\s]|\s+')
# What documents are broken with, besides their own parts.
POOL = list('{}()[]:$@!|&="#,') + ["...", "..", "on", "fragment", "query", "mutation", "subscription", "null", "@skip(if: true)", "__typename", "__schema", "__type",
                                   '"""x\n  y"""', '""', "1.5", "-0", "01", "1e9", "2147483648", "$id", "\ufeff", "\r\n", "\u00e9", "\x07", '"\\u0041"',
                                   '"\\uD83D\\uDE00"', '"\\uD83D"', '"\\u{1F600}"']
# Codes of documents that are valid, but not executable as they were sent.
EXECUTABLE = {"bad-variables", "unknown-operation", "too-complex"}
# Where the platform is stricter: names in JSON, and scalars of its own, of which graphql-core knows nothing; graphql-core 3.3 takes empty selections.
STRICTER = re.compile(r"cannot be the name|must be (Long|DateTime|Decimal), not")


class Platform:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        token = os.environ.get("WAYBILL_TOKEN")
        self.headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def ask(self, document):
        self.connection.request("POST", "/graphql", json.dumps({"query": document}), self.headers)
        answer = self.connection.getresponse()
        body = json.loads(answer.read())
        if answer.status != 200:
            sys.exit(f"the platform answered {answer.status}: {body}")
        return body


def broken(document, pool, chance):
    tokens = TOKEN.findall(document)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        place = chance.randrange(len(tokens)) if tokens else 0
        match chance.randrange(6) if tokens else 1:
            case 0: del tokens[place]
            case 1: tokens.insert(place, chance.choice(pool))
            case 2: tokens[place] = chance.choice(pool)
            case 3:
                other = chance.randrange(len(tokens))
                tokens[place], tokens[other] = tokens[other], tokens[place]
            case 4: tokens[place:place] = tokens[place:place + chance.randrange(1, 8)]
            case 5:
                names = [token for token in tokens if re.match(r"[A-Za-z_]\w*$", token)]
                if names and re.match(r"[A-Za-z_]\w*$", tokens[place]):
                    tokens[place] = chance.choice(names)
    return "".join(tokens)


def compare_schemas(platform, schema):
    answer = platform.ask(get_introspection_query(specified_by_url=True, directive_is_repeatable=True, input_value_deprecation=True))
    if "errors" in answer:
        sys.exit(f"introspection failed: {answer['errors'][:3]}")
    told = print_schema(lexicographic_sort_schema(build_client_schema(answer["data"])))
    written = print_schema(lexicographic_sort_schema(schema))
    difference = list(difflib.unified_diff(written.splitlines(), told.splitlines(), "docs/schema.graphql", "introspection", lineterm=""))
    print("\n".join(difference) if difference else "the introspection and docs/schema.graphql are the same schema")
    return len(difference)


def verdict(schema, document):
    try:
        return validate(schema, parse(document), max_errors=5)
    except GraphQLError as error:
        return [error]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--schema", required=True)
    parser.add_argument("--documents", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    platform = Platform(arguments.url)
    schema = build_schema(Path(arguments.schema).read_text())
    differences = compare_schemas(platform, schema)
    seeds = Path(__file__).with_name("seeds.graphql").read_text().split("\n----\n")
    pool = sorted({token for seed in seeds for token in TOKEN.findall(seed)} | set(POOL))
    chance = random.Random(arguments.seed)
    documents = seeds + [broken(chance.choice(seeds), pool, chance) for _ in range(arguments.documents)]
    valid = stricter = 0
    for document in documents:
        errors = platform.ask(document).get("errors", [])
        ours = [e for e in errors if e["extensions"]["code"] in ("syntax-error", "invalid-document")]
        theirs = verdict(schema, document)
        valid += not theirs
        if bool(ours) == bool(theirs) or theirs and errors and all(e["extensions"]["code"] in EXECUTABLE for e in errors):
            continue
        if ours and (re.search(r"\{[\s,]*\}", document) or any(STRICTER.search(e["message"]) for e in ours)):
            stricter += 1
            continue
        differences += 1
        print(f"=== {document!r}\n  graphql-core: {theirs[:2]}\n  platform: {ours[:2]}")
    print(f"{len(documents)} documents, {valid} of them valid; {differences} differences, {stricter} where the platform is stricter by design; seed {arguments.seed}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
