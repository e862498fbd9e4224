#!/usr/bin/python3
"""Whether the JSON text on standard input is an instance of the schema in the file named."""
import json
import sys

import jsonschema


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(json.load(sys.stdin)))
    for error in errors:
        print(f"{error.json_path}: {error.message}", file=sys.stderr)
    for name, member in schema["properties"].items():
        if not member.get("description"):
            print(f"the schema does not describe {name}", file=sys.stderr)
            errors.append(name)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
