//! Whether functions in given subnets reach what they must. A function there has no public address, so only a route over
//! NAT, a transit gateway or the like leads out. Without one the first deployment waits in silence until it times out.

use anyhow::Context as _;
use serde::Deserialize;

use crate::aws::Aws;
use crate::installation::Installation;
use crate::stack::Kind;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Subnets {
    subnets: Vec<Subnet>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Subnet {
    #[serde(rename = "SubnetId")]
    id: String,
    vpc_id: String,
    availability_zone: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tables {
    route_tables: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Table {
    #[serde(default)]
    associations: Vec<Association>,
    #[serde(default)]
    routes: Vec<Route>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Association {
    subnet_id: Option<String>,
    #[serde(default)]
    main: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Route {
    destination_cidr_block: Option<String>,
    gateway_id: Option<String>,
    #[serde(default)]
    state: Option<String>,
}

/// What is wrong with the subnets that the operator brings, if there are any.
pub fn of_brought(aws: &Aws, installation: &Installation) -> anyhow::Result<Vec<String>> {
    let main = installation.one(Kind::Main)?;
    main.parameters.get("VpcSubnetIds").map_or_else(|| Ok(Vec::new()), |ids| problems(aws, &main.region, ids))
}

fn problems(aws: &Aws, region: &str, subnet_ids: &str) -> anyhow::Result<Vec<String>> {
    let ids: Vec<_> = subnet_ids.split(',').map(str::trim).collect();
    let found: Subnets = aws.ask(region, &[&["ec2", "describe-subnets", "--subnet-ids"][..], &ids].concat())?;
    let vpc = found.subnets.first().context("no subnets")?.vpc_id.clone();
    let of_vpc = format!("Name=vpc-id,Values={vpc}");
    let tables: Tables = aws.ask(region, &["ec2", "describe-route-tables", "--filters", &of_vpc])?;
    Ok(found_wrong(&found.subnets, &tables.route_tables))
}

fn found_wrong(subnets: &[Subnet], tables: &[Table]) -> Vec<String> {
    let mut problems = Vec::new();
    if subnets.iter().any(|subnet| subnet.vpc_id != subnets[0].vpc_id) {
        problems.push("the subnets are in different VPCs".to_owned());
    }
    if subnets.iter().all(|subnet| subnet.availability_zone == subnets[0].availability_zone) {
        problems.push("the subnets are in one zone; the database and the cache need two".to_owned());
    }
    for subnet in subnets {
        let own = tables.iter().find(|table| {
            table.associations.iter().any(|association| association.subnet_id.as_ref() == Some(&subnet.id))
        });
        let table = own.or_else(|| tables.iter().find(|table| table.associations.iter().any(|it| it.main)));
        let routes = table.map_or(&[][..], |table| &table.routes);
        let out = routes.iter().find(|route| route.destination_cidr_block.as_deref() == Some("0.0.0.0/0"));
        let id = &subnet.id;
        match out {
            None => problems
                .push(format!("{id} has no way out: the functions call AWS and vendors; give it a route over NAT")),
            Some(route) if route.state.as_deref() == Some("blackhole") => {
                problems.push(format!("the way out of {id} leads nowhere (its route is a blackhole)"));
            }
            Some(route) if route.gateway_id.as_ref().is_some_and(|gateway| gateway.starts_with("igw-")) => {
                problems.push(format!(
                    "{id} is a public subnet: functions have no public address there; give a private one with a route over NAT"
                ));
            }
            Some(_) => {}
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn subnets(zones: [&str; 2]) -> Vec<Subnet> {
        let subnet = |id, zone| json!({ "SubnetId": id, "VpcId": "vpc-1", "AvailabilityZone": zone });
        serde_json::from_value(json!([subnet("subnet-a", zones[0]), subnet("subnet-b", zones[1])])).expect("subnets")
    }

    fn tables(routes: &serde_json::Value) -> Vec<Table> {
        let main = json!({ "Associations": [{ "Main": true }], "Routes": routes });
        let other = json!({ "Associations": [{ "SubnetId": "subnet-b", "Main": false }], "Routes": [
            { "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active" },
        ] });
        serde_json::from_value(json!([other, main])).expect("tables")
    }

    #[test]
    fn each_subnet_needs_a_route_over_nat() {
        let local = json!({ "DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active" });
        let default = |route: serde_json::Value| {
            let mut all = json!({ "DestinationCidrBlock": "0.0.0.0/0", "State": "active" });
            all.as_object_mut().expect("a map").extend(route.as_object().expect("a map").clone());
            json!([local, all])
        };
        for (routes, said) in [
            (default(json!({ "NatGatewayId": "nat-1" })), None),
            (default(json!({ "TransitGatewayId": "tgw-1" })), None),
            (json!([local]), Some("no way out")),
            (default(json!({ "GatewayId": "igw-1" })), Some("public subnet")),
            (default(json!({ "NatGatewayId": "nat-1", "State": "blackhole" })), Some("leads nowhere")),
        ] {
            let problems = found_wrong(&subnets(["a", "b"]), &tables(&routes));
            assert_eq!(problems.len(), usize::from(said.is_some()), "{problems:?}");
            assert!(
                said.is_none_or(|said| problems[0].contains(said) && problems[0].contains("subnet-a")),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn one_zone_is_not_enough() {
        let routes = json!([{ "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active" }]);
        assert_eq!(found_wrong(&subnets(["a", "a"]), &tables(&routes)).len(), 1);
    }
}
