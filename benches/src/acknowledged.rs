//! What was acknowledged, kept beside the database so that another process can ask the log for it.

use std::{
    fs::{File, OpenOptions},
    io::{BufReader, BufWriter, Read, Write},
    path::Path,
    sync::Mutex,
};

use anyhow::Result;
use reef_commands::Answer;

/// Position, and a hash of aggregate id and sequence.
const RECORD: usize = 16;

/// Appends to the file while a node writes.
pub(crate) struct Acknowledged(Mutex<BufWriter<File>>);

impl Acknowledged {
    pub(crate) fn append_to(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Mutex::new(BufWriter::new(file))))
    }

    /// Notes every event of the answer.
    pub(crate) fn note(&self, answer: &Answer) -> Result<()> {
        let mut file = self.0.lock().expect("no writer panics while it holds the lock");
        for event in &answer.events {
            file.write_all(&event.position.to_le_bytes())?;
            file.write_all(&fingerprint(&event.aggregate_id, event.sequence).to_le_bytes())?;
        }
        Ok(())
    }

    pub(crate) fn finish(&self) -> Result<()> {
        Ok(self
            .0
            .lock()
            .expect("no writer panics while it holds the lock")
            .flush()?)
    }
}

/// Every acknowledged event: its position and fingerprint.
pub(crate) fn read(path: &Path) -> Result<Vec<(u64, u64)>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut all = Vec::new();
    let mut record = [0; RECORD];
    while file.read_exact(&mut record).is_ok() {
        let (position, print) = record.split_at(8);
        all.push((
            u64::from_le_bytes(position.try_into()?),
            u64::from_le_bytes(print.try_into()?),
        ));
    }
    Ok(all)
}

/// FNV-1a of an event's place: the same in every process.
pub(crate) fn fingerprint(aggregate_id: &str, sequence: u64) -> u64 {
    let bytes = aggregate_id.bytes().chain(sequence.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
