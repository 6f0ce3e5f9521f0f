"""Before the first deploy: an administrator, a bucket for the code, a key, the stack of empty secrets, and their values.

in:  {root: access, user, bucket, stack, template, parameters: {name: value}, secrets: {name: value},
      master_secret: {name, value}}
out: {administrator: {access_key_id, secret_access_key}, secrets_key_arn, master_secret_arn}
"""

import json

from common import read_input, session, write_output

given = read_input()

iam = session(given["root"])("iam")
iam.create_user(UserName=given["user"])
iam.attach_user_policy(UserName=given["user"], PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
key = iam.create_access_key(UserName=given["user"])["AccessKey"]
administrator = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}

client = session(given["root"] | administrator)
client("s3").create_bucket(Bucket=given["bucket"])

key_arn = client("kms").create_key(Description="The control plane's secrets")["KeyMetadata"]["Arn"]

formation = client("cloudformation")
formation.create_stack(
    StackName=given["stack"],
    TemplateBody=given["template"],
    Capabilities=["CAPABILITY_AUTO_EXPAND"],
    Parameters=[
        {"ParameterKey": name, "ParameterValue": value}
        for name, value in (given["parameters"] | {"SecretsKeyArn": key_arn}).items()
    ],
)
formation.get_waiter("stack_create_complete").wait(
    StackName=given["stack"], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
)

manager = client("secretsmanager")
for name, value in given["secrets"].items():
    # This fails for a name that the stack did not create. So the template is the list of secrets.
    manager.put_secret_value(SecretId=name, SecretString=json.dumps(value))

# RDS makes this one itself.
master = given["master_secret"]
made = manager.create_secret(Name=master["name"], SecretString=json.dumps(master["value"]), KmsKeyId=key_arn)

write_output({"administrator": administrator, "secrets_key_arn": key_arn, "master_secret_arn": made["ARN"]})
