//! The text that every contender's commands carry. Also compiled into the baselines.

/// Three rules that parse; `{"PolicyUpdated":{..}}` around them makes 200 bytes of payload.
pub(crate) fn text(index: usize, version: usize) -> String {
    format!(
        "ALLOW: read files of project {index:06}\nREQUIRE CONFIRM: send mail to anybody outside the company\n\
         DENY: delete anything older than revision {version:014}"
    )
}
