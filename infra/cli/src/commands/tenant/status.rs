//! `ivory tenant status`.

use domain::Slug;
use domain::routes::GET_TENANT_STATUS;

use crate::api::Request;
use crate::context::Context;
use crate::error::Error;
use crate::run::Status;

pub async fn run(tenant: &Slug, context: &Context) -> Result<(), Error> {
    let answer = context.client()?.send(&Request::about(&GET_TENANT_STATUS, tenant), None).await?;
    let value = answer.json()?;
    if !context.output.is_for_people() {
        return context.output.value(&value, "slug", |_| String::new());
    }
    let status = Status::read(tenant, &answer)?;
    context.output.value(&value, "slug", |_| status.table())
}
