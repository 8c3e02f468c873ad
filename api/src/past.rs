//! Time travel: positions and times in the past, and documents as they were.

use chrono::{DateTime, Utc};
use reef_commands::ports::StreamKey;
use reef_domain::Envelope;
use reef_projections::{AnyDoc, AnyView, Row, Touch};

use crate::{App, Problem, params::Params};

/// Events per read of a stream.
pub(crate) const PAGE: u32 = 1000;

/// The position that `at` names: a position, or the last one recorded by a time. `None`: now.
pub(crate) async fn at(state: &App, params: &mut Params) -> Result<Option<u64>, Problem> {
    let Some(text) = params.text("at")? else {
        return Ok(None);
    };
    let wrong = |detail: &str| Problem::parameter("at", detail);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let position = text
            .parse::<u64>()
            .ok()
            .filter(|position| i64::try_from(*position).is_ok());
        let position = position.ok_or_else(|| wrong("There is no such position."))?;
        // Another node's commits may be newer than what this one was told.
        if position > state.head() && position > state.log().head().await?.position {
            return Err(wrong("The log does not reach that position yet."));
        }
        return Ok(Some(position));
    }
    // A plus sign that was not escaped arrives as a space.
    let time = DateTime::parse_from_rfc3339(&text.replace(' ', "+"));
    let time = time.map_err(|_| wrong("at is a position, or a time as in RFC 3339."))?;
    Ok(Some(state.log().position_at(time.with_timezone(&Utc)).await?))
}

/// A document as it was.
pub(crate) struct PastDocument {
    pub(crate) row: Row,
    /// Sequence of the last event folded in.
    pub(crate) sequence: u64,
}

/// The document as of a position: its stream, folded up to there. `None`: it was not there.
pub(crate) async fn document(
    state: &App,
    view: &dyn AnyView,
    id: &str,
    until: u64,
) -> Result<Option<PastDocument>, Problem> {
    let present = state.views_port().get(view.name(), id).await?;
    let parent = present.as_ref().and_then(|doc| doc.parent_id.as_deref());
    let Some(source) = view.source(id, parent) else {
        let no_history = || {
            Problem::of(
                "no_history",
                format!("The view {} has no past to read.", view.name()),
            )
        };
        return present.map_or(Ok(None), |_| Err(no_history()));
    };
    let key = StreamKey {
        aggregate_type: source.aggregate_type,
        aggregate_id: source.aggregate_id.into(),
    };
    let mut folding = Folding {
        view,
        id,
        doc: None,
        sequence: 0,
    };
    let mut after = 0;
    loop {
        let page = state.log().stream(&key, after, PAGE).await?;
        let wanted = page.iter().take_while(|envelope| envelope.position <= until);
        let taken = wanted.map(|envelope| folding.take(envelope)).count();
        if taken < PAGE as usize {
            break;
        }
        after = page.last().map_or(after, |last| last.sequence);
    }
    let row = folding.doc.as_ref().and_then(|doc| view.row(doc));
    Ok(row.map(|row| PastDocument {
        row,
        sequence: folding.sequence,
    }))
}

struct Folding<'a> {
    view: &'a dyn AnyView,
    id: &'a str,
    doc: Option<AnyDoc>,
    sequence: u64,
}

impl Folding<'_> {
    fn take(&mut self, envelope: &Envelope) {
        for touch in self.view.touches(envelope) {
            match touch {
                Touch::One(id) if *id == *self.id => {
                    self.doc = self.view.fold(self.doc.as_ref(), envelope);
                    self.sequence = envelope.sequence;
                }
                Touch::One(_) => {}
                Touch::PurgeChildrenOf(parent) => {
                    let row = self.doc.as_ref().and_then(|doc| self.view.row(doc));
                    if row.is_some_and(|row| row.parent_id.as_deref() == Some(&*parent)) {
                        self.doc = None;
                    }
                }
            }
        }
    }
}
