"""After a deploy: sets up what the local AWS ignores in the template, and reads the stack's outputs.

It also invokes `check-region`, which EventBridge would do after a deployment: ministack sends no events of its stacks.

SAM writes `GatewayResponses` into the API's body, and ministack ignores them there. So they are put through the API and
deployed to the stage again. Any change of the body makes a new API, so this runs after every deploy.

in:  {access, stack, stage}
out: {outputs: {name: value}, api_id}
"""

from common import read_input, session, write_output

given = read_input()
client = session(given["access"])
formation, gateway = client("cloudformation"), client("apigateway")

stack = formation.describe_stacks(StackName=given["stack"])["Stacks"][0]
template = formation.get_template(StackName=given["stack"], TemplateStage="Processed")["TemplateBody"]
resources = formation.describe_stack_resources(StackName=given["stack"])["StackResources"]
physical = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}

apis = {
    name: resource
    for name, resource in template["Resources"].items()
    if resource["Type"] == "AWS::ApiGateway::RestApi"
}
for name, resource in apis.items():
    body = resource["Properties"].get("Body", {})
    responses = body.get("x-amazon-apigateway-gateway-responses", {})
    for kind, response in responses.items():
        status = {"statusCode": str(response["statusCode"])} if "statusCode" in response else {}
        gateway.put_gateway_response(
            restApiId=physical[name],
            responseType=kind,
            responseParameters=response.get("responseParameters", {}),
            responseTemplates=response.get("responseTemplates", {}),
            **status,
        )
    if responses:
        gateway.create_deployment(restApiId=physical[name], stageName=given["stage"])

checks = [resource["PhysicalResourceId"] for resource in resources if resource["LogicalResourceId"] == "CheckRegionFunction"]
for function in checks:
    client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")

outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
(api_id,) = [physical[name] for name in apis]
write_output({"outputs": outputs, "api_id": api_id})
