"""The functions of a stack: their packages, and their physical names by the name of the folder that each is built from.

`ProvisionTenantFunction` in the template is built from the folder `provision-tenant`.
"""

import re
import zipfile


def pack(program, package):
    """Writes a function's package, which is quick rather than small, to a path or a file."""
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    with zipfile.ZipFile(package, "w") as archive, open(program, "rb") as binary:
        archive.writestr(entry, binary.read(), zipfile.ZIP_DEFLATED, compresslevel=1)


def folder_of(logical):
    words = re.findall(r"[A-Z][a-z]*|\d+", logical.removesuffix("Function"))
    return "-".join(word.lower() for word in words)


def physical_names(client, stack):
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    return {
        folder_of(resource["LogicalResourceId"]): resource["PhysicalResourceId"]
        for resource in resources
        if resource["ResourceType"] == "AWS::Lambda::Function"
    }
