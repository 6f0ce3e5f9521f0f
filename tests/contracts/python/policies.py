"""Lets parliament, which knows AWS's list of actions, resources and conditions, read every policy of a template.

in:  the template as CloudFormation gets it, as JSON on standard input
out: findings, as a list of [resource, policy, issue, detail]
"""

import json
import re
import sys

import parliament

# What CloudFormation would put for a reference. The values only need the right form.
HERE = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "ivory",
    "SecretPrefix": "ivory",
    "SecretsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555",
    "MasterSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!db-1-AbCdEf",
    "SearchDomainArns": ["arn:aws:es:us-east-1:123456789012:domain/ivory"],
    "AuditAnchorBucket": "anchors",
    "ProvisionTenantStateMachine": "arn:aws:states:us-east-1:123456789012:stateMachine:ivory",
    "ProvisionTenantStateMachine.Name": "ivory",
    "PurgeTenantStateMachine": "arn:aws:states:us-east-1:123456789012:stateMachine:ivory-purge",
    "PurgeTenantStateMachine.Name": "ivory-purge",
    "IdempotencyTable.Arn": "arn:aws:dynamodb:us-east-1:123456789012:table/ivory",
}

template = json.load(sys.stdin)


def known(name):
    if name in HERE:
        return HERE[name]
    resource, _, attribute = name.partition(".")
    kind = template["Resources"][resource]["Type"]
    if (kind, attribute) == ("AWS::Lambda::Function", "Arn"):
        return f"arn:aws:lambda:us-east-1:123456789012:function:{resource}"
    if (kind, attribute) == ("AWS::Logs::LogGroup", "Arn"):
        return f"arn:aws:logs:us-east-1:123456789012:log-group:{resource}:*"
    raise KeyError(name)


def resolved(node):
    """The node with its functions carried out; conditions count as met."""
    if isinstance(node, list):
        return [resolved(item) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        (name, value), = node.items()
        if name == "Ref":
            return known(value)
        if name == "Fn::GetAtt":
            return known(".".join(value))
        if name == "Fn::If":
            return resolved(value[1])
        if name == "Fn::Join":
            return value[0].join(resolved(value[1]))
        if name == "Fn::Split":
            return resolved(value[1]).split(value[0])
        if name == "Fn::Sub":
            text, own = (value, {}) if isinstance(value, str) else value
            own = {key: resolved(inner) for key, inner in own.items()}
            return re.sub(r"\$\{([^}]+)\}", lambda match: own.get(match[1]) or known(match[1]), text)
    return {key: resolved(value) for key, value in node.items()}


def policies():
    for resource, body in template["Resources"].items():
        properties = body.get("Properties", {})
        if body["Type"] == "AWS::IAM::Role":
            for policy in resolved(properties.get("Policies", [])):
                yield resource, policy["PolicyName"], policy["PolicyDocument"]
        elif body["Type"] == "AWS::IAM::ManagedPolicy":
            yield resource, "", resolved(properties["PolicyDocument"])


findings = [
    [resource, policy, finding.issue, str(finding.detail)]
    for resource, policy, document in policies()
    for finding in parliament.analyze_policy_string(json.dumps(document)).findings
]
json.dump(findings, sys.stdout)
