//! Ways users sign in besides with keys: one read finds whom a session token stands for.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, Decider, Envelope, IdentityId, UserId,
    account::{Account, AccountEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// A way a user signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityDoc {
    /// Its id, made of issuer and subject.
    pub id: IdentityId,
    /// Whose account it opens.
    pub account_id: AccountId,
    /// Who acts with it.
    pub user_id: UserId,
    /// Who issues the tokens.
    pub issuer: String,
    /// Who it is to the issuer.
    pub subject: String,
    /// When it was linked.
    pub created_at: DateTime<Utc>,
}

impl Document for IdentityDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        Some(self.account_id.as_str())
    }

    fn status(&self) -> Option<&str> {
        None
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of identities.
#[derive(Debug)]
pub struct Identities;

impl Projection for Identities {
    type Doc = IdentityDoc;
    const NAME: &'static str = "identities";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["user_id", "issuer", "subject"];
    const PARENT: Option<&'static str> = Some("account_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        linked(envelope)
            .map(|doc| Touch::one(&doc.id))
            .into_iter()
            .collect()
    }

    fn fold(doc: Option<IdentityDoc>, envelope: &Envelope) -> Option<IdentityDoc> {
        linked(envelope).or(doc)
    }

    fn source(_: &str, parent_id: Option<&str>) -> Option<Source> {
        let aggregate_id = parent_id?.to_owned();
        Some(Source {
            aggregate_type: Account::TYPE,
            aggregate_id,
        })
    }
}

fn linked(envelope: &Envelope) -> Option<IdentityDoc> {
    let AnyEvent::Account(event) = &envelope.event else {
        return None;
    };
    match event {
        AccountEvent::IdentityLinked {
            account_id,
            user_id,
            identity_id,
            issuer,
            subject,
        } => Some(IdentityDoc {
            id: identity_id.clone(),
            account_id: account_id.clone(),
            user_id: user_id.clone(),
            issuer: issuer.clone(),
            subject: subject.clone(),
            created_at: envelope.recorded_at,
        }),
        AccountEvent::Registered { .. }
        | AccountEvent::UserAdded { .. }
        | AccountEvent::RoleGranted { .. }
        | AccountEvent::PlanAssigned { .. }
        | AccountEvent::Suspended { .. }
        | AccountEvent::Reinstated {}
        | AccountEvent::Closed {} => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::tests::log::doc;

    #[test]
    fn it_says_whom_a_token_stands_for() {
        let linked = AccountEvent::IdentityLinked {
            account_id: "acc_1".into(),
            user_id: "user_1".into(),
            identity_id: "9f86".into(),
            issuer: "https://clerk.example.com".to_owned(),
            subject: "user_1".to_owned(),
        };
        let doc = doc::<Identities>("acc_1", "9f86", [linked, AccountEvent::Closed {}]).unwrap();
        assert_eq!(
            (doc.account_id.as_str(), doc.user_id.as_str()),
            ("acc_1", "user_1")
        );
        assert_eq!(
            (&*doc.issuer, &*doc.subject),
            ("https://clerk.example.com", "user_1")
        );
    }
}
