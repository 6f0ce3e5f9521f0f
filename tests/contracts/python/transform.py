"""Prints a SAM template as CloudFormation gets it, by SAM's own transform.

in:  path of the template, as the first argument; parameters after it, as Name=Value
out: the template as JSON
"""

import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402


class NoManagedPolicies:
    """Names of AWS's managed policies, of which the template uses none."""

    def load(self):
        return {}


with open(sys.argv[1]) as file:
    template = yaml_parse(file.read())

# `sam deploy` uploads these and puts their addresses in.
for resource in template["Resources"].values():
    for field in ("CodeUri", "DefinitionUri"):
        if field in resource.get("Properties", {}):
            resource["Properties"][field] = "s3://bucket/key"

parameters = dict(argument.split("=", 1) for argument in sys.argv[2:])
json.dump(transform(template, parameters, NoManagedPolicies()), sys.stdout)
