"""The physical names of a stack's functions, by the name of the folder that each is built from.

`ProvisionTenantFunction` in the template is built from the folder `provision-tenant`.
"""

import re


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
