//! Webhooks that go, also with what they were about.

use reef_domain::{
    RuntimeId, WebhookId,
    reservation::{Reservation, ReservationCommand},
    webhook::{Webhook, WebhookCommand},
};
use reef_projections::{Filter, Query, views::webhook::Webhooks};

use super::places;
use crate::{Bus, CommandError, Outcome, Request, Unit};

/// Deletes the webhook and gives its place back.
pub(super) async fn delete(
    unit: &mut Unit<'_>,
    id: &WebhookId,
    webhook: &Webhook,
) -> Result<(), CommandError> {
    unit.decide::<Webhook>(id, WebhookCommand::Delete).await?;
    if let Some(account) = &webhook.account_id {
        let release = ReservationCommand::Release {
            holder: id.to_string(),
        };
        unit.decide::<Reservation>(places(account), release).await?;
    }
    Ok(())
}

/// Deletes the webhooks of a runtime that is gone. Again is fine.
pub(crate) async fn delete_webhooks_of(
    bus: &Bus,
    runtime: &RuntimeId,
    request: impl Fn(&str) -> Request,
) -> Result<(), CommandError> {
    let query = Query {
        filters: vec![Filter::Field("runtime_id".to_owned(), runtime.to_string())],
        ..Query::default()
    };
    for webhook in bus.services().views.all::<Webhooks>(query).await? {
        let id = webhook.id;
        let request = request(id.as_str());
        let deleted = bus.transact(&request, |unit| {
            let id = id.clone();
            Box::pin(async move {
                let webhook = unit.load::<Webhook>(&id).await?;
                if !reef_domain::Decider::is_gone(&*webhook.state) {
                    delete(unit, &id, &webhook).await?;
                }
                Ok(Outcome::of::<Webhook>(&id))
            })
        });
        deleted.await?;
    }
    Ok(())
}
