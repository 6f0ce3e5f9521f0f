//! The stacks of an installation, in the order of their deployment, and what they hand to each other.

use std::fmt;

/// One kind of stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Network,
    Secrets,
    Database,
    Cache,
    /// One for each residency region, deployed there.
    Region,
    Main,
    Alarms,
}

/// A parameter that is an output of an earlier stack. Outputs of several stacks of a kind are joined with commas.
#[derive(Debug)]
pub struct Handed {
    pub parameter: &'static str,
    pub from: Kind,
    pub output: &'static str,
}

const fn handed(parameter: &'static str, from: Kind, output: &'static str) -> Handed {
    Handed { parameter, from, output }
}

impl Kind {
    pub const IN_ORDER: [Self; 7] =
        [Self::Network, Self::Secrets, Self::Database, Self::Cache, Self::Region, Self::Main, Self::Alarms];

    /// What it gets from earlier stacks.
    pub const fn receives(self) -> &'static [Handed] {
        match self {
            Self::Network | Self::Secrets | Self::Region => &[],
            Self::Database => {
                const {
                    &[
                        handed("SubnetIds", Self::Network, "PrivateSubnetIds"),
                        handed("SecurityGroupId", Self::Network, "DataSecurityGroupId"),
                        handed("DatabaseSecretArn", Self::Secrets, "DatabaseSecretArn"),
                        handed("DatabaseReadSecretArn", Self::Secrets, "DatabaseReadSecretArn"),
                    ]
                }
            }
            Self::Cache => {
                const {
                    &[
                        handed("SubnetIds", Self::Network, "PrivateSubnetIds"),
                        handed("SecurityGroupId", Self::Network, "DataSecurityGroupId"),
                    ]
                }
            }
            Self::Main => {
                const {
                    &[
                        handed("VpcSubnetIds", Self::Network, "PrivateSubnetIds"),
                        handed("VpcSecurityGroupIds", Self::Network, "FunctionsSecurityGroupId"),
                        handed("MasterSecretArn", Self::Database, "MasterSecretArn"),
                        handed("DatabaseAddress", Self::Database, "FunctionsHost"),
                        handed("SearchDomainArns", Self::Region, "SearchDomainArn"),
                    ]
                }
            }
            Self::Alarms => {
                const {
                    &[
                        handed("StateMachineArn", Self::Main, "StateMachineArn"),
                        handed("PurgeStateMachineArn", Self::Main, "PurgeStateMachineArn"),
                        handed("ApiLogGroup", Self::Main, "ApiLogGroup"),
                        handed("StepsLogGroup", Self::Main, "StepsLogGroup"),
                        handed("OpsLogGroup", Self::Main, "OpsLogGroup"),
                        handed("ReconcileTenantsFunction", Self::Main, "ReconcileTenantsFunction"),
                        handed("CheckRegionFunction", Self::Main, "CheckRegionFunction"),
                        handed("AccessLogGroup", Self::Main, "AccessLogGroup"),
                        handed("DatabaseInstanceId", Self::Database, "DatabaseInstanceId"),
                        handed("ValkeyGroupId", Self::Cache, "ValkeyGroupId"),
                    ]
                }
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "network",
            Self::Secrets => "secrets",
            Self::Database => "database",
            Self::Cache => "cache",
            Self::Region => "region",
            Self::Main => "main",
            Self::Alarms => "alarms",
        })
    }
}
