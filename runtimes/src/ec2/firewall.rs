//! The security group of a runtime: found by its name or made, and its incoming rules replaced by exactly
//! those that are wanted.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use reef_commands::ports::{DriverError, RuntimeSpec};
use serde::Deserialize;

use super::{
    config::Ec2Config,
    error::AwsError,
    instances::tags,
    query::{Form, Items, Query},
};

/// Who may reach a TCP port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Opening {
    pub(super) port: u16,
    /// Without host bits.
    pub(super) network: IpAddr,
    pub(super) bits: u8,
}

impl Opening {
    fn cidr(&self) -> String {
        format!("{}/{}", self.network, self.bits)
    }
}

/// An incoming rule as the group has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) id: String,
    /// What it opens; `None`: something that we would not have written.
    pub(super) opens: Option<Opening>,
}

/// What has to be done to a group.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) missing: Vec<Opening>,
    /// Ids of rules.
    pub(super) surplus: Vec<String>,
}

impl Changes {
    pub(super) fn is_any(&self) -> bool {
        !self.missing.is_empty() || !self.surplus.is_empty()
    }
}

/// The openings that the settings ask for; an error for one that no group can have.
pub(super) fn wanted(firewall: &BTreeMap<String, Vec<String>>) -> Result<BTreeSet<Opening>, DriverError> {
    let mut openings = BTreeSet::new();
    for (port, blocks) in firewall {
        let number = port.parse().ok().filter(|port| *port > 0);
        let number = number.ok_or_else(|| DriverError::Permanent(format!("there is no port {port:?}")))?;
        for block in blocks {
            let (network, bits) = network(block)
                .ok_or_else(|| DriverError::Permanent(format!("{block:?} is not a CIDR block")))?;
            openings.insert(Opening {
                port: number,
                network,
                bits,
            });
        }
    }
    Ok(openings)
}

/// A block as EC2 writes it: without host bits; an address alone is a block of one.
fn network(block: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match block.split_once('/') {
        Some((address, bits)) => (address.parse().ok()?, Some(bits.parse::<u8>().ok()?)),
        None => (block.parse::<IpAddr>().ok()?, None),
    };
    match address {
        IpAddr::V4(address) => {
            let bits = bits.unwrap_or(32);
            let mask = u32::MAX
                .checked_shl(32_u32.checked_sub(bits.into())?)
                .unwrap_or(0);
            Some((Ipv4Addr::from_bits(address.to_bits() & mask).into(), bits))
        }
        IpAddr::V6(address) => {
            let bits = bits.unwrap_or(128);
            let mask = u128::MAX
                .checked_shl(128_u32.checked_sub(bits.into())?)
                .unwrap_or(0);
            Some((Ipv6Addr::from_bits(address.to_bits() & mask).into(), bits))
        }
    }
}

/// What makes the one into the other. A rule that stands twice is kept once.
pub(super) fn changes(present: &[Rule], wanted: &BTreeSet<Opening>) -> Changes {
    let (mut kept, mut surplus) = (BTreeSet::new(), Vec::new());
    for rule in present {
        match rule.opens.filter(|opens| wanted.contains(opens)) {
            Some(opens) if kept.insert(opens) => {}
            Some(_) | None => surplus.push(rule.id.clone()),
        }
    }
    Changes {
        missing: wanted.difference(&kept).copied().collect(),
        surplus,
    }
}

/// Name of the runtime's group, the same at every try.
fn name(spec: &RuntimeSpec) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    format!("reef-{}", spec.runtime_id)
        .chars()
        .map(plain)
        .take(255)
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    security_group_info: Items<GroupItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupItem {
    group_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subnets {
    subnet_set: Items<SubnetItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubnetItem {
    vpc_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rules {
    security_group_rule_set: Items<RuleItem>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleItem {
    security_group_rule_id: String,
    is_egress: bool,
    ip_protocol: String,
    from_port: Option<i64>,
    to_port: Option<i64>,
    cidr_ipv4: Option<String>,
    cidr_ipv6: Option<String>,
}

impl RuleItem {
    fn opens(&self) -> Option<Opening> {
        let port = self
            .from_port
            .filter(|from| self.ip_protocol == "tcp" && self.to_port == Some(*from))?;
        let blocks = [&self.cidr_ipv4, &self.cidr_ipv6];
        let block = blocks.into_iter().flatten().find(|block| !block.is_empty())?;
        let (network, bits) = network(block)?;
        let port = u16::try_from(port).ok()?;
        Some(Opening { port, network, bits })
    }
}

/// The runtime's group, if it is there.
pub(super) async fn find(ec2: &Query, spec: &RuntimeSpec) -> Result<Option<String>, AwsError> {
    let form = Form::default().filter(1, "group-name", &[&name(spec)]).filter(
        2,
        "tag:reef:runtime",
        &[spec.runtime_id.as_str()],
    );
    let groups: Groups = ec2.ask("DescribeSecurityGroups", &form).await?;
    Ok(groups
        .security_group_info
        .items
        .into_iter()
        .next()
        .map(|group| group.group_id))
}

/// The runtime's group, made if it is not there. A new one lets nobody in.
pub(super) async fn ensure(ec2: &Query, config: &Ec2Config, spec: &RuntimeSpec) -> Result<String, AwsError> {
    if let Some(group) = find(ec2, spec).await? {
        return Ok(group);
    }
    let vpc = match &config.subnet {
        Some(subnet) => {
            let form = Form::default().with("SubnetId.1", subnet);
            let subnets: Subnets = ec2.ask("DescribeSubnets", &form).await?;
            subnets
                .subnet_set
                .items
                .into_iter()
                .next()
                .map(|subnet| subnet.vpc_id)
        }
        None => None,
    };
    let form = Form::default()
        .with("GroupName", name(spec))
        .with("GroupDescription", format!("Reef runtime {}", spec.runtime_id))
        .maybe("VpcId", vpc.as_deref())
        .tags(1, "security-group", &tags(spec));
    // One made by a try that never heard of it is a duplicate now, and found at the next try.
    let made: GroupItem = ec2.ask("CreateSecurityGroup", &form).await?;
    Ok(made.group_id)
}

/// Lets in exactly who is wanted: first whoever is missing, then nobody else.
pub(super) async fn replace(
    ec2: &Query,
    group: &str,
    wanted: &BTreeSet<Opening>,
) -> Result<Changes, AwsError> {
    let changes = changes(&incoming(ec2, group).await?, wanted);
    if !changes.missing.is_empty() {
        let form = permissions(group, &changes.missing);
        match ec2.tell("AuthorizeSecurityGroupIngress", &form).await {
            // Somebody else added one meanwhile and EC2 took none: the next try sees which.
            Err(error) if error.is(&["InvalidPermission.Duplicate"]) => {
                return Err(AwsError::Unusable {
                    service: "ec2",
                    reason: "the rules of the group changed meanwhile".to_owned(),
                });
            }
            answer => answer?,
        }
    }
    if !changes.surplus.is_empty() {
        let form = Form::default().with("GroupId", group);
        let form = changes.surplus.iter().enumerate().fold(form, |form, (at, id)| {
            form.with(format!("SecurityGroupRuleId.{}", at + 1), id)
        });
        ec2.tell("RevokeSecurityGroupIngress", &form).await?;
    }
    Ok(changes)
}

/// What the group lets in now. Something that we would not have written is left out.
#[cfg(test)]
pub(super) async fn open(ec2: &Query, group: &str) -> Result<BTreeSet<Opening>, AwsError> {
    let rules = incoming(ec2, group).await?;
    Ok(rules.into_iter().filter_map(|rule| rule.opens).collect())
}

async fn incoming(ec2: &Query, group: &str) -> Result<Vec<Rule>, AwsError> {
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        let form = Form::default()
            .filter(1, "group-id", &[group])
            .maybe("NextToken", next.as_deref());
        let page: Rules = ec2.ask("DescribeSecurityGroupRules", &form).await?;
        let items = page.security_group_rule_set.items.into_iter();
        found.extend(items.filter(|rule| !rule.is_egress).map(|rule| Rule {
            opens: rule.opens(),
            id: rule.security_group_rule_id,
        }));
        match page.next_token.filter(|token| !token.is_empty()) {
            Some(token) => next = Some(token),
            None => return Ok(found),
        }
    }
}

fn permissions(group: &str, openings: &[Opening]) -> Form {
    let form = Form::default().with("GroupId", group);
    openings.iter().enumerate().fold(form, |form, (at, opening)| {
        let permission = format!("IpPermissions.{}", at + 1);
        let range = match opening.network {
            IpAddr::V4(_) => "IpRanges.1.CidrIp",
            IpAddr::V6(_) => "Ipv6Ranges.1.CidrIpv6",
        };
        form.with(format!("{permission}.IpProtocol"), "tcp")
            .with(format!("{permission}.FromPort"), opening.port.to_string())
            .with(format!("{permission}.ToPort"), opening.port.to_string())
            .with(format!("{permission}.{range}"), opening.cidr())
    })
}

/// Removes the group; one that is not there is removed.
pub(super) async fn delete(ec2: &Query, group: &str) -> Result<(), AwsError> {
    match ec2
        .tell("DeleteSecurityGroup", &Form::default().with("GroupId", group))
        .await
    {
        Err(error) if error.is(&["InvalidGroup.NotFound", "InvalidGroupId.Malformed"]) => Ok(()),
        answer => answer,
    }
}

#[cfg(test)]
mod tests;
