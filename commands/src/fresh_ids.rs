//! Fresh ids: random, but in clusters, so that what is stored under them is written side by side.
//!
//! An index over random ids writes a page of the database for every entry. Ids made one after the other
//! therefore share their first half for a while: they fall into the same few pages. Over all, every id is
//! as likely as before.

use parking_lot::Mutex;

use crate::Entropy;

/// Letters of an id.
const LENGTH: usize = 8;
/// Those that a cluster shares.
const SHARED: usize = 4;
/// Ids of a cluster: a page or two of an index.
const CLUSTER: u32 = 128;

#[derive(Default)]
struct Cluster {
    shared: String,
    left: u32,
}

/// Makes ids of lower-case letters and digits.
#[derive(Default)]
pub(crate) struct FreshIds(Mutex<Cluster>);

impl FreshIds {
    /// The prefix and eight letters or digits. Whether the id is taken is for the append to find out.
    pub(crate) fn next(&self, prefix: &str, entropy: &dyn Entropy) -> String {
        let own = entropy.alnum(LENGTH - SHARED);
        let mut cluster = self.0.lock();
        if cluster.left == 0 {
            *cluster = Cluster {
                shared: entropy.alnum(SHARED),
                left: CLUSTER,
            };
        }
        cluster.left -= 1;
        format!("{prefix}{}{own}", cluster.shared)
    }
}

#[cfg(test)]
mod tests;
