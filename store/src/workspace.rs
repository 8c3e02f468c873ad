//! Workspace files of the embedded runtime.

use std::collections::BTreeMap;

use async_trait::async_trait;
use reef_commands::ports::{LogError, Sealed, Workspace, WorkspaceEntry};
use reef_domain::AgentId;

use crate::{Store, sql::Statement};

#[async_trait]
impl Workspace for Store {
    async fn files(&self, agent: &AgentId) -> Result<Vec<WorkspaceEntry>, LogError> {
        let sql = "SELECT path, sealed FROM workspace WHERE agent_id = $1 ORDER BY path";
        let mut rows = self
            .0
            .db
            .fetch(Statement::new(sql, vec![agent.as_str().into()]))
            .await?;
        let entries = rows.iter_mut();
        Ok(entries
            .map(|row| WorkspaceEntry {
                path: row.text(0),
                sealed: Sealed(row.text(1)),
            })
            .collect())
    }

    async fn file(&self, agent: &AgentId, path: &str) -> Result<Option<WorkspaceEntry>, LogError> {
        let sql = "SELECT sealed FROM workspace WHERE agent_id = $1 AND path = $2";
        let args = vec![agent.as_str().into(), path.into()];
        let mut rows = self.0.db.fetch(Statement::new(sql, args)).await?;
        Ok(rows.first_mut().map(|row| WorkspaceEntry {
            path: path.to_owned(),
            sealed: Sealed(row.text(0)),
        }))
    }

    async fn write(&self, agent: &AgentId, files: BTreeMap<String, Sealed>) -> Result<(), LogError> {
        let sql = "INSERT INTO workspace (agent_id, path, sealed) VALUES ($1, $2, $3) \
                   ON CONFLICT (agent_id, path) DO UPDATE SET sealed = excluded.sealed";
        let statements = files
            .into_iter()
            .map(|(path, sealed)| {
                Statement::new(sql, vec![agent.as_str().into(), path.into(), sealed.0.into()])
            })
            .collect();
        self.0.db.write(statements).await?;
        Ok(())
    }

    async fn remove_files(&self, agent: &AgentId, paths: &[String]) -> Result<(), LogError> {
        let sql = "DELETE FROM workspace WHERE agent_id = $1 AND path = $2";
        let statements = paths
            .iter()
            .map(|path| Statement::new(sql, vec![agent.as_str().into(), path.as_str().into()]))
            .collect();
        self.0.db.write(statements).await?;
        Ok(())
    }

    async fn purge(&self, agent: &AgentId) -> Result<(), LogError> {
        let sql = "DELETE FROM workspace WHERE agent_id = $1";
        self.0.db.write_one(sql, vec![agent.as_str().into()]).await?;
        Ok(())
    }
}
