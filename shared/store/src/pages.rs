//! The lists, page by page. A page begins after the last row of the previous page, so new rows neither shift nor repeat
//! any row.

use domain::{DisplayName, ProvisioningState, Region, SearchText, Slug, TenantId, Tier};
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::tenants::parsed;
use crate::{Catalog, Reader, StoreError, SyncTarget};

/// Time and id of the last row of the page before.
pub type Cursor = (Timestamp, Uuid);

/// Which tenants are listed. `None`: any value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantFilter {
    /// Their state.
    pub state: Option<ProvisioningState>,
    /// Their tier.
    pub tier: Option<Tier>,
    /// Their region.
    pub region: Option<Region>,
    /// A part of their slug, name, address or domain, in any case.
    pub text: Option<SearchText>,
}

impl TenantFilter {
    /// What SQL's `ILIKE` compares with.
    fn pattern(&self) -> Option<String> {
        let escaped = |text: &str| text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
        self.text.as_ref().map(|text| format!("%{}%", escaped(text.as_str())))
    }
}

/// A tenant as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSummary {
    /// Primary key.
    pub tenant_id: TenantId,
    /// Unique name.
    pub slug: Slug,
    /// Name for people.
    pub display_name: DisplayName,
    /// Its tier.
    pub tier: Tier,
    /// Its region.
    pub region: Region,
    /// Its state.
    pub state: ProvisioningState,
    /// Whether it is live.
    pub is_active: bool,
    /// When the row was inserted.
    pub provisioned_at: Timestamp,
}

impl TryFrom<&Row> for TenantSummary {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            tenant_id: TenantId(row.try_get("tenant_id")?),
            slug: parsed(row, "slug")?,
            display_name: DisplayName::stored(row.try_get("display_name")?),
            tier: parsed(row, "tier")?,
            region: parsed(row, "region")?,
            state: parsed(row, "provisioning_state")?,
            is_active: row.try_get("is_active")?,
            provisioned_at: row.try_get("provisioned_at")?,
        })
    }
}

/// A page that is cut short if its rows hold too much.
#[derive(Clone, Debug)]
pub struct Cut<T> {
    /// The page.
    pub rows: Vec<T>,
    /// Whether the page had no room for more rows although the limit allowed them.
    pub cut: bool,
}

impl<T: for<'a> TryFrom<&'a Row, Error = StoreError>> Cut<T> {
    pub(crate) fn of(rows: &[Row]) -> Result<Self, StoreError> {
        let uncut = rows.first().map(|row| row.try_get::<_, i64>("uncut")).transpose()?.unwrap_or_default();
        let cut = usize::try_from(uncut).is_ok_and(|uncut| rows.len() < uncut);
        Ok(Self { rows: rows.iter().map(T::try_from).collect::<Result<_, _>>()?, cut })
    }
}

impl Reader {
    /// At most `limit` tenants before `after`, newest first.
    pub async fn tenants_page(
        &self,
        filter: &TenantFilter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<TenantSummary>, StoreError> {
        let (at, id) = after.unzip();
        let rows = self
            .read(
                include_str!("../sql/read/tenants_page.sql"),
                &[
                    (&filter.state.map(ProvisioningState::as_str), Type::TEXT),
                    (&filter.tier.map(Tier::as_str), Type::TEXT),
                    (&filter.region.map(Region::as_str), Type::TEXT),
                    (&at, Type::TIMESTAMPTZ),
                    (&id, Type::UUID),
                    (&i64::from(limit), Type::INT8),
                    (&filter.pattern(), Type::TEXT),
                ],
            )
            .await?;
        rows.iter().map(TenantSummary::try_from).collect()
    }

    /// At most `limit` catalogs of all tenants before `after`, newest first, including inactive ones.
    pub async fn catalogs_page(&self, after: Option<Cursor>, limit: u32) -> Result<Cut<Catalog>, StoreError> {
        let (at, id) = after.unzip();
        let sql = include_str!("../sql/read/catalogs_page.sql");
        let rows =
            self.read(sql, &[(&at, Type::TIMESTAMPTZ), (&id, Type::UUID), (&i64::from(limit), Type::INT8)]).await?;
        Cut::of(&rows)
    }

    /// At most `limit` sync targets of one tenant or of all, before `after`, newest first.
    pub async fn sync_targets_page(
        &self,
        tenant: Option<TenantId>,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Cut<SyncTarget>, StoreError> {
        let (at, id) = after.unzip();
        let rows = self
            .read(
                include_str!("../sql/read/sync_targets_page.sql"),
                &[
                    (&tenant.map(|tenant| tenant.0), Type::UUID),
                    (&at, Type::TIMESTAMPTZ),
                    (&id, Type::UUID),
                    (&i64::from(limit), Type::INT8),
                ],
            )
            .await?;
        Cut::of(&rows)
    }
}
