//! What the owner of an agent wrote into its workspace: each revision of a file is put in the place of what is
//! there once, so that what the agent makes of it afterwards stays.

use std::collections::BTreeMap;

use reef_commands::ports::{DriverError, OwnedFiles};

use super::files::{FileError, Holder, SealedFiles};

/// Which revision of each file was taken last.
const PATH: &str = ".reef/files.json";

/// Brings the workspace up to date with what its owner wrote.
pub(super) async fn take(
    files: &SealedFiles,
    holder: &Holder,
    owned: &OwnedFiles,
) -> Result<(), DriverError> {
    let before = taken(files, holder).await?;
    let now: BTreeMap<String, u64> = owned
        .files
        .iter()
        .map(|(path, file)| (path.clone(), file.revision))
        .collect();
    if before == now {
        return Ok(());
    }
    let gone: Vec<String> = before
        .keys()
        .filter(|path| !now.contains_key(*path))
        .cloned()
        .collect();
    files.remove(holder, &gone).await?;
    let mut fresh: BTreeMap<String, String> = owned
        .files
        .iter()
        .filter(|(path, file)| before.get(*path) != Some(&file.revision))
        .map(|(path, file)| (path.clone(), file.content.clone()))
        .collect();
    let text = serde_json::to_string(&now).map_err(|error| DriverError::Permanent(error.to_string()))?;
    fresh.insert(PATH.to_owned(), text);
    Ok(files.write(holder, &fresh).await?)
}

/// One that cannot be read is as good as none: everything is taken anew.
async fn taken(files: &SealedFiles, holder: &Holder) -> Result<BTreeMap<String, u64>, FileError> {
    let text = files.read(holder, PATH).await?;
    Ok(text
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default())
}
